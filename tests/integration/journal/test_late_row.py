"""The database takes a halt's row after more than half a second, while the halt runs without it: one halt, not two."""

import pytest

from bot.domain.words import ActionKind, ActionStatus
from bot.engine import emergency
from tests.integration.journal.away import LONG, OPERATOR, AwayDesk


def test_a_row_that_comes_late_is_not_run_beside_the_halt_it_belongs_to(
    desk: AwayDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proving takes longer than the claim on the row lasts."""
    monkeypatch.setattr(emergency, "PATIENCE", 0.0)
    desk.database.taking.clear()
    with desk.at_the_broker():
        desk.server.confirm(ActionKind.HALT, ["main"], reason="breaks", by=OPERATOR, request_key="k")
        assert desk.broker.reached.wait(LONG)
        ((writing, _),) = desk.server._late
        desk.database.taking.set()
        writing.result(LONG)
        assert [one.status for one in desk.actions] == [ActionStatus.RUNNING]
        for _ in range(10):
            desk.runner.heartbeat()
            assert desk.run() == 0
            desk.time.wait(4)
    assert desk.server.wait(LONG)
    desk.server.bring_in()
    assert len(desk.broker.asked) == 1
    assert [one.status for one in desk.actions] == [ActionStatus.DONE]
    assert (desk.server.holds(), desk.server._late) == ([], [])
