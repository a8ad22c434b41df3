"""SIGKILL at every call of a flatten: after a restart there is one action, a flat account, and no close sent twice."""

from pathlib import Path

import pytest

from tests.acceptance.dying import Death
from tests.acceptance.resuming import APPROVER, OPERATOR, ended, halt, kinds, open_for_business, press
from tests.acceptance.trading_desk import INCIDENTS, TradingDesk

# Of a halted account with two positions: cancel all, positions, open orders, a close that the suspension refuses, the
# lift, two readings, two closes, positions, the suspension put back, two readings, open orders, positions.
CALLS = 16


def ask_to_flatten(desk: TradingDesk) -> str:
    desk.slack.click(INCIDENTS, desk.root()["ts"], "flatten.open", OPERATOR)
    view = desk.slack.wait_for(
        lambda: [one for one in desk.slack.views(OPERATOR) if one["callback_id"] == "flatten.confirm"],
        what="the modal",
    )[-1]
    typed = {"reason": "get out", "account_number": desk.account.number}
    desk.slack.submit(view["id"], typed, OPERATOR)
    return str(desk.reply("Flatten · needs another approver")["ts"])


@pytest.mark.parametrize("call", range(1, CALLS + 1))
def test_killed_at_a_call_of_the_flatten(call: int, tmp_path: Path) -> None:
    """While the broker has the request at odd calls; at even ones after it has acted and before its answer."""
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        desk.account.add_position("MSFT", "-5", "400", "410")
        desk.ledger.set("MSFT", "-5", "400")
        open_for_business(desk)
        halt(desk)
        ts = ask_to_flatten(desk)
        death = Death(desk, call, after=call % 2 == 0)
        press(desk, ts, "flatten.approve", APPROVER)
        death.wait("no position is left")
        desk.start()

        desk.reply("Flat: the 2 positions held at the start are closed, no position is left.")
        (action,) = ended(desk, "flatten")
        assert action["status"] == "done"
        assert action["evidence"]["positions_before"] == {"AAPL": "10", "MSFT": "-5"}
        found = kinds(desk)
        for kind in ("FlattenRequested", "FlattenApproved"):
            assert found.count(kind) == 1
        # One order a position, of what was held: nothing was sold twice or turned round.
        closed = sorted(
            (one.symbol, one.side, str(one.filled_qty)) for one in desk.account.orders if one.type == "market"
        )
        assert closed == [("AAPL", "sell", "10"), ("MSFT", "buy", "5")]
        assert not desk.account.positions
        assert not desk.account.open_orders
        assert desk.account.suspended
        assert desk.api("/v1/trading-state")["state"] == "halted"
        # In its second life nothing is closed before the positions have been read again.
        after = desk.broker.requests[death.requests :]
        closes = [
            place for place, one in enumerate(after) if one.method == "DELETE" and "/positions/" in one.path
        ]
        if closes:
            assert any(one.method == "GET" and one.path == "/v2/positions" for one in after[: closes[0]])
