"""Fifty people confirm the same at once: nobody waits for Slack, and it is done once."""

from pathlib import Path

import pytest

from tests.acceptance.storms.fifty_people import all_confirm, prepared
from tests.acceptance.trading_desk import TradingDesk

HOLDS = 30.0  # seconds that Slack takes for a call: Haltdesk itself gives it 10


@pytest.mark.parametrize("kind", ["halt", "cancel"])
def test_fifty_people_confirm_at_once(kind: str, tmp_path: Path) -> None:
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        for number in range(5):
            desk.account.add_order("AAPL", "buy", "1", limit_price=str(100 + number))
        prepared(desk, slack=HOLDS)
        waited = all_confirm(desk, kind)

        # With a call of Slack's in it, an acknowledgement would take 10 s. The exact limits are `make bench`'s.
        print(f"{kind}: median {waited.median * 1000:.0f} ms, longest {waited.longest * 1000:.0f} ms")
        assert waited.longest < 8

        desk.until(
            lambda: all(one["finished_at"] for one in desk.api("/v1/incidents/INC-1")["actions"]),
            what=f"the {kind} to end",
            seconds=60,
        )
        actions = desk.api("/v1/incidents/INC-1")["actions"]
        assert [(one["kind"], one["status"]) for one in actions] == [(kind, "done")]
        timeline = [entry["kind"] for entry in desk.api("/v1/incidents/INC-1")["timeline"]]
        assert timeline.count("ActionConfirmed") == 1
        assert not desk.account.open_orders
        bulk = [one for one in desk.broker.requests if (one.method, one.path) == ("DELETE", "/v2/orders")]
        suspensions = [one for one in desk.broker.requests if one.method == "PATCH"]
        assert len(suspensions) == (1 if kind == "halt" else 0)
        assert len(bulk) == (
            2 if kind == "halt" else 1
        )  # a halt sweeps once more, after the suspension holds
