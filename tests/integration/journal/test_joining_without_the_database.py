"""Two people halt while the database is away: the second joins the first, unless the first does less."""

import pytest

from bot.domain.words import ActionKind, ActionStatus
from bot.engine import emergency
from tests.integration.journal.away import LONG, OPERATOR, AwayDesk

ENGINEER = "U0ENGINEER"


def test_a_full_halt_does_not_join_one_that_only_suspends(desk: AwayDesk) -> None:
    """Whoever wants the orders gone is not told that a halt runs which leaves them resting."""
    with desk.at_the_broker():
        desk.halt(desk.server, "first", params={"suspend_only": True})
        desk.halt(desk.server, "second", by=ENGINEER)
    assert desk.server.wait(LONG)
    assert [request.params.get("suspend_only") for request, _ in desk.broker.asked] == [True, None]
    desk.server.bring_in()
    assert [one.status for one in desk.actions] == [ActionStatus.DONE, ActionStatus.DONE]


@pytest.mark.parametrize("params", [{}, {"suspend_only": True}])
def test_a_second_halt_joins_the_first_and_the_timeline_will_say_so(
    desk: AwayDesk, params: dict[str, bool]
) -> None:
    with desk.at_the_broker():
        desk.halt(desk.server, "first")
        for key in ("second", "second again"):
            desk.server.alone(
                ActionKind.HALT, ["main"], reason="me too", by=ENGINEER, request_key=key, params=params
            )
        assert (
            desk.said[-1] == "Halt on main runs already: U0ENGINEER, and whoever else asks for it, joins it."
        )
    assert desk.server.wait(LONG)
    assert len(desk.broker.asked) == 1
    desk.server.bring_in()
    (action,) = desk.actions
    assert (action.requested_by, list(action.joined)) == (OPERATOR, [ENGINEER])
    assert desk.told.count("ActionJoined") == 1


def test_who_joins_a_halt_that_is_on_record_is_kept_while_the_database_is_away(
    desk: AwayDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emergency, "PATIENCE", LONG)  # a slow machine's database is not one that hangs
    with desk.at_the_broker():
        desk.server.confirm(ActionKind.HALT, ["main"], reason="breaks", by=OPERATOR, request_key="first")
        assert desk.broker.reached.wait(LONG)
        desk.database.away = True
        started = desk.server.confirm(
            ActionKind.HALT, ["main"], reason="me too", by=ENGINEER, request_key="second"
        )
        assert started.alone == ()
        desk.database.away = False
    assert desk.runner.wait(LONG)
    assert len(desk.broker.asked) == 1
    assert "U0ENGINEER, and whoever else asks for it, joins it" in desk.said[-1]
    desk.server.bring_in()
    (action,) = desk.actions
    assert (action.status, list(action.joined)) == (ActionStatus.DONE, [ENGINEER])
