"""A halt that is not proved is seen: by traders at once, by the desk as soon as the database is back."""

import pytest

from bot.domain.actions import ActionResult
from bot.domain.words import ActionKind, ActionStatus
from bot.engine import alone
from bot.services import queries
from bot.services.actions.requests import conclude, confirm
from bot.store import actions
from tests.integration.journal.away import LONG, OPERATOR, AwayDesk


def gate(desk: AwayDesk) -> tuple[float, str | None]:
    """What a trader is told."""
    (state,) = queries.trading_states(desk.desk, desk.journal)
    return state["position_multiplier"], state["reason"]


def halt_on_record(desk: AwayDesk) -> int:
    (confirmed,) = confirm(
        desk.desk, ActionKind.HALT, ["main"], reason="breaks", by=OPERATOR, request_key="row"
    )
    return confirmed.action_id


def test_traders_stand_still_while_a_halt_is_in_the_journal_only(desk: AwayDesk) -> None:
    """PostgreSQL refused for three seconds; it answers again, and the halt's first run is not over."""
    assert gate(desk) == (1.0, None)
    with desk.at_the_broker():
        desk.halt(desk.command_line)
        assert gate(desk) == (0.0, "a halt that is not in the database yet: breaks")
    assert desk.command_line.wait(LONG)
    assert gate(desk)[0] == 0.0
    desk.command_line.bring_in()
    assert gate(desk) == (0.0, "breaks")


def test_a_journal_that_cannot_be_read_lets_nobody_trade(desk: AwayDesk) -> None:
    desk.path.mkdir()
    desk.path.with_name(f"{desk.path.name}.1").mkdir()
    assert gate(desk) == (
        0.0,
        "the journal file, where a halt may stand, cannot be read (Is a directory)",
    )


def test_a_halt_that_is_not_proved_goes_to_the_runner_once_the_database_is_back(
    desk: AwayDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One order stays pending_cancel: row, thread and audit have it after the first run, not after 30 minutes."""
    monkeypatch.setattr(alone, "PATIENCE", LONG)  # a slow machine's database is not one that hangs
    desk.broker.answers = [desk.broker.watching(), desk.broker.watching()]
    desk.database.away = True
    desk.time.at(2, lambda: setattr(desk.database, "away", False))  # while it waits for its second look
    desk.halt(desk.server)
    assert desk.server.wait(LONG)
    assert not desk.server.busy
    (action,) = desk.actions
    assert (action.status, action.headline) == (
        ActionStatus.WATCHING,
        "Not proved yet: 1 order unconfirmed.",
    )
    assert "JournalImported" in desk.told
    assert gate(desk) == (0.0, "halt under way, not proved yet: breaks")
    assert desk.journal.empty

    desk.time.wait(3)
    assert desk.run() == 1
    assert len(desk.broker.asked) == 3
    assert desk.broker.asked[-1][1] == {"looks": 1}, "it goes on from what was seen, and starts nothing anew"
    assert [one.status for one in desk.actions] == [ActionStatus.DONE]


def test_with_the_database_away_it_goes_on_by_itself(desk: AwayDesk) -> None:
    desk.broker.answers = [desk.broker.watching(), desk.broker.watching()]
    desk.database.away = True
    desk.halt(desk.server)
    assert desk.server.wait(LONG)
    assert len(desk.broker.asked) == 3
    desk.database.away = False
    desk.server.bring_in()
    assert [one.status for one in desk.actions] == [ActionStatus.DONE]
    assert desk.run() == 0


def test_the_command_line_looks_to_the_end_itself(desk: AwayDesk) -> None:
    """Whoever typed it waits for the proof."""
    desk.broker.answers = [desk.broker.watching()]
    desk.halt(desk.command_line)
    assert desk.command_line.wait(LONG)
    assert desk.command_line.results["main"].status is ActionStatus.DONE
    assert len(desk.broker.asked) == 2


def test_an_error_without_the_database_is_no_end(desk: AwayDesk) -> None:
    desk.broker.answers = [KeyError("symbol")]
    desk.halt(desk.command_line)
    assert desk.command_line.wait(LONG)
    assert desk.command_line.results["main"].status is ActionStatus.DONE
    assert any("broke off on an error" in text for text in desk.said)


def test_minutes_of_looking_are_not_held_against_a_halt_when_an_error_comes(desk: AwayDesk) -> None:
    """Attempts count every look: after ten of them one exception ended the halt, and traders were told 'normal, 1'."""
    number = halt_on_record(desk)
    desk.broker.answers = [desk.broker.watching() for _ in range(15)]
    for _ in range(15):
        assert desk.run() == 1
        desk.time.wait(3)
    desk.broker.answers = [KeyError("symbol")]
    assert desk.run() == 1
    (action,) = desk.actions
    assert (action.id, action.status, action.finished_at) == (number, ActionStatus.WATCHING, None)
    assert "broke off on an error in Haltdesk (KeyError)" in str(action.headline)
    assert gate(desk)[0] == 0.0
    desk.time.wait(6)
    assert desk.run() == 1
    assert [one.status for one in desk.actions] == [ActionStatus.DONE]


def test_a_halt_is_looked_at_however_many_errors_come_and_less_often(desk: AwayDesk) -> None:
    halt_on_record(desk)
    desk.broker.answers = [KeyError("symbol") for _ in range(12)]
    waits = []
    for _ in range(12):
        assert desk.run() == 1
        (action,) = desk.actions
        assert action.look_again_at is not None
        waits.append((action.look_again_at - desk.time.now()).total_seconds())
        desk.time.wait(waits[-1] + 1)
    assert waits == [5.0] * 9 + [60.0] * 3


@pytest.mark.parametrize("drill", [False, True])
def test_a_halt_whose_outcome_nobody_knows_lets_nobody_trade(desk: AwayDesk, drill: bool) -> None:
    number = halt_on_record(desk)
    with desk.database.begin() as unit:
        (action,) = actions.unended(unit)
        if drill:
            unit.connection.exec_driver_sql("UPDATE actions SET drill = true")
    conclude(desk.desk, action, ActionResult(ActionStatus.UNKNOWN, "What the broker did is not known."))
    if drill:
        assert gate(desk) == (1.0, None)
        return
    assert gate(desk) == (
        0.0,
        "the outcome of a halt is not known, halt again: What the broker did is not known.",
    )
    assert queries.trading_states(desk.desk)[0]["incident"] == "INC-1"

    desk.halt(desk.command_line)
    assert desk.command_line.wait(LONG)
    desk.command_line.bring_in()
    assert gate(desk) == (0.0, "breaks"), "the next one was proved"
    assert number != desk.actions[-1].id
