"""A drill whose database is away stays one: in what it does, in what it says, and on record."""

from bot.domain.words import ActionKind, ActionStatus, Severity
from bot.services import queries
from bot.services.actions.requests import Confirmed, confirm
from bot.services.incidents import open_incident
from tests.integration.journal.away import LONG, OPERATOR, AwayDesk


def declared(desk: AwayDesk, *, drill: bool = True) -> int:
    with desk.database.begin() as unit:
        incident = open_incident(
            unit,
            desk.desk,
            title="kill switch test",
            severity=Severity.SEV1,
            reason="declared",
            opened_by=OPERATOR,
            drill=drill,
        )
    assert incident is not None
    return incident.id


def confirmed(desk: AwayDesk, key: str, incident_id: int | None = None) -> Confirmed:
    """A halt that the database takes, and that nobody runs yet."""
    (one,) = confirm(
        desk.desk,
        ActionKind.HALT,
        ["main"],
        reason=key,
        by=OPERATOR,
        request_key=key,
        incident_id=incident_id,
    )
    return one


def multiplier(desk: AwayDesk) -> float:
    return float(queries.trading_states(desk.desk, desk.journal)[0]["position_multiplier"])


def test_it_is_asked_for_said_and_recorded_as_a_drill(desk: AwayDesk) -> None:
    """Taken for a real one, it tripped the trader's breaker by the desk's own commands."""
    number = declared(desk)
    desk.database.away = True
    with desk.at_the_broker():
        desk.server.confirm(
            ActionKind.HALT,
            ["main"],
            reason="exercise",
            by=OPERATOR,
            request_key="k",
            incident_id=number,
            drill=True,
        )
        assert desk.broker.reached.wait(LONG)
        desk.database.away = False
        ((request, _),) = desk.broker.asked
        assert request.drill
        assert queries.trading_states(desk.desk, desk.journal)[0]["position_multiplier"] == 1.0
    assert desk.server.wait(LONG)
    assert desk.said
    assert all(text.startswith("DRILL: ") for text in desk.said)
    desk.server.bring_in()
    (action,) = desk.actions
    assert (action.drill, action.incident_id, action.status) == (True, number, ActionStatus.DONE)
    assert queries.trading_states(desk.desk, desk.journal)[0]["state"] == "normal"


def test_a_real_halt_does_not_join_a_drill(desk: AwayDesk) -> None:
    with desk.at_the_broker():
        desk.halt(desk.server, "exercise", incident_id=declared(desk), drill=True)
        desk.halt(desk.server, "real", by="U0ENGINEER")
    assert desk.server.wait(LONG)
    assert sorted(request.drill for request, _ in desk.broker.asked) == [False, True]


def test_a_drill_that_is_not_on_record_is_not_recorded_as_a_real_halt(desk: AwayDesk) -> None:
    """The backup that was restored is older than the drill; a real incident is open."""
    declared(desk, drill=False)
    desk.halt(desk.command_line, incident_id=4711, drill=True)
    assert desk.command_line.wait(LONG)
    desk.server.bring_in()
    assert desk.actions == []
    assert "JournalRejected" in [kind for kind, _ in desk.audited]


def test_a_real_halt_from_the_journal_does_not_become_one_with_a_drill(desk: AwayDesk) -> None:
    """Its steps and its proof were thrown away, and the traders, who stood still until then, were let loose."""
    exercise = confirmed(desk, "exercise", declared(desk))
    desk.halt(desk.command_line, "real")
    assert desk.command_line.wait(LONG)
    assert multiplier(desk) == 0.0
    desk.command_line.bring_in()
    assert multiplier(desk) == 0.0
    drill, real = desk.actions
    assert (drill.id, drill.drill, drill.status) == (exercise.action_id, True, ActionStatus.CONFIRMED)
    assert (real.drill, real.status, real.headline) == (
        False,
        ActionStatus.DONE,
        "Halted: suspended, nothing open.",
    )
    assert queries.trading_states(desk.desk, desk.journal)[0]["state"] == "halted"


def test_neither_joins_the_other_on_record(desk: AwayDesk) -> None:
    exercise = confirmed(desk, "exercise", declared(desk))
    real = confirmed(desk, "real", declared(desk, drill=False))
    assert not real.joined
    assert confirmed(desk, "exercise again", exercise.incident.id).action_id == exercise.action_id
    assert confirmed(desk, "real again").action_id == real.action_id
    assert [one.drill for one in desk.actions] == [True, False]


def test_a_drill_beside_a_real_halt_lets_nobody_trade(desk: AwayDesk) -> None:
    """The newer of the two was looked at, and it was the drill."""
    confirmed(desk, "real")
    confirmed(desk, "exercise", declared(desk))
    assert multiplier(desk) == 0.0
