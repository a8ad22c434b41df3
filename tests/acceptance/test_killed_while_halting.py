"""SIGKILL at every call that a halt makes: after a restart there is one action, the right state, a complete record."""

from pathlib import Path

import pytest

from tests.acceptance.dying import Death
from tests.acceptance.trading_desk import INCIDENTS, TradingDesk, alert, webhook

# A halt of an account with open orders makes this many calls, or a few more when a listing comes early.
CALLS = 12


def halted_after_a_kill(folder: Path, call: int, *, after: bool) -> None:
    with TradingDesk(folder, f"sqlite:///{folder / 'haltdesk.db'}") as desk:
        for number in range(5):
            desk.account.add_order("AAPL", "buy", "1", limit_price=str(100 + number))
        desk.account.add_position("MSFT", "5", "400", "410")
        desk.account.add_order("MSFT", "sell", "5", type="stop", stop_price="380")
        desk.start()
        desk.fire(webhook(alert("CircuitBreakerOpen")))
        desk.reply("Triage")
        desk.slack.click(INCIDENTS, desk.root()["ts"], "halt.open", "U0OPERATOR")
        view = desk.slack.wait_for(lambda: desk.slack.views("U0OPERATOR"), what="the modal")[-1]
        # The figures of the modal are calls too: the halt's own are counted from here.
        desk.slack.wait_for(lambda: desk.slack.calls_of("views.update"), what="the figures")
        death = Death(desk, call, after=after)
        desk.slack.submit(view["id"], {"reason": "breaks over limit"}, "U0OPERATOR")
        death.wait("HALTED")
        desk.start()

        desk.reply("HALTED, proved")
        incident = desk.api("/v1/incidents/INC-1")
        assert [action["kind"] for action in incident["actions"]] == ["halt"]
        action = incident["actions"][0]
        assert action["status"] == "done"
        evidence = action["evidence"]
        assert evidence["proof"]["second_empty_at"]
        # What was open at the start is told, whichever life cancelled it; or it is said that it is not known.
        assert "no order was open" not in action["headline"]
        if evidence["start_lost"]:
            assert "which orders were open before it was interrupted is not known" in action["headline"]
            assert evidence["asked"] is None
        else:
            assert "all 6 orders gone" in action["headline"]
            assert evidence["lost_stops"] == ["MSFT sell stop 5 @ 380"]
            assert evidence["positions_before"] == {"MSFT": "5"}
        # Only a death in the moment in which the calls go out can come before the record of the start.
        assert call <= 3 or not evidence["start_lost"]
        assert desk.account.suspended
        assert not desk.account.open_orders
        state = desk.api("/v1/trading-state")
        assert (state["state"], state["position_multiplier"]) == ("halted", 0)
        kinds = [entry["kind"] for entry in incident["timeline"]]
        assert kinds.count("ActionConfirmed") == 1
        assert kinds.count("TradingStateChanged") == 1
        assert kinds.count("ActionProved") == 1
        # One root, one checklist, one message for the action: nothing stands twice.
        assert len(desk.slack.messages(INCIDENTS)) == 1
        texts = [
            desk.slack.text_of(one).splitlines()[0] for one in desk.slack.thread(INCIDENTS, desk.root()["ts"])
        ]
        assert len([text for text in texts if "Halt" in text]) == 1
        assert len([text for text in texts if "Triage" in text]) == 1


@pytest.mark.parametrize("call", range(1, CALLS + 1))
def test_killed_at_a_call_of_the_halt(call: int, tmp_path: Path) -> None:
    """Before the broker acts at odd calls; at even ones after it has acted and before its answer."""
    halted_after_a_kill(tmp_path, call, after=call % 2 == 0)
