"""SIGKILL at every call of a resume: after a restart there is one action, the right state, a complete record."""

from pathlib import Path

import pytest

from bot.domain.stages import TIGHT
from tests.acceptance.dying import Death
from tests.acceptance.resuming import APPROVER, ask, ended, halt, kinds, open_for_business, press, reconcile
from tests.acceptance.trading_desk import TradingDesk

# Two calls of the gates at approval, then: two readings, the tightening, two, the lift, two.
CALLS = 10


@pytest.mark.parametrize("call", range(1, CALLS + 1))
def test_killed_at_a_call_of_the_resume(call: int, tmp_path: Path) -> None:
    """Before the broker acts at odd calls; at even ones after it has acted and before its answer."""
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        open_for_business(desk)
        before = dict(desk.account.configuration)
        halt(desk)
        reconcile(desk)
        ts = ask(desk, "restricted")
        death = Death(desk, call, after=call % 2 == 0)
        press(desk, ts, "resume.approve", APPROVER)
        death.wait("Resumed to restricted")
        desk.start()

        desk.reply("Resumed to restricted")
        (action,) = ended(desk, "resume")
        assert action["status"] == "done"
        found = kinds(desk)
        for kind in ("ResumeRequested", "ResumeApproved"):
            assert found.count(kind) == 1
        assert found.count("TradingStateChanged") == 2  # halted, restricted
        assert desk.api("/v1/trading-state")["state"] == "restricted"
        configuration = dict(desk.account.configuration)
        assert configuration == {**before, **TIGHT}
        # The patches: the halt's suspension, the tightening and the lift, each perhaps repeated, in this order.
        sent = [one.body for one in desk.broker.requests if one.method == "PATCH"]
        order = [{"suspend_trade": True}, dict(TIGHT), {"suspend_trade": False}]
        assert sorted(sent, key=order.index) == sent
