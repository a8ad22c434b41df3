"""No second run beside the first: neither by what a slow database says late, nor by a claim that ran out meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bot.domain.words import ActionKind, ActionStatus
from bot.engine import emergency, runner
from bot.engine.record import keep
from bot.engine.runner import Runner
from bot.services.actions.requests import confirm
from tests.integration.journal.away import LONG, OPERATOR, AwayDesk


@pytest.fixture
def halt(desk: AwayDesk) -> AwayDesk:
    """The desk with a halt on record that nobody runs yet."""
    confirm(desk.desk, ActionKind.HALT, ["main"], reason="breaks", by=OPERATOR, request_key="row")
    return desk


@contextmanager
def slow_to_commit() -> Iterator[None]:
    """What a run comes to is committed after half a second: it stands in the database and in the journal."""

    def both(write, late, journal, entry, hold) -> bool:  # type: ignore[no-untyped-def]
        write()
        keep(journal, entry)
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "within_patience", both)
        yield


@contextmanager
def running(desk: AwayDesk) -> Iterator[None]:
    """The server's next run of the halt, which stays at the broker until the end of the block."""
    with desk.at_the_broker():
        desk.broker.reached.clear()
        assert desk.runner.run_once(desk.time.now()) == 1
        assert desk.broker.reached.wait(LONG)
        yield
    assert desk.runner.wait(LONG)


def another_process(desk: AwayDesk) -> Runner:
    return Runner(
        desk.desk, desk.journal, {ActionKind.HALT: desk.broker.perform}, desk.time, name="another process"
    )


def test_what_the_first_look_said_late_does_not_take_the_claim_from_the_second(halt: AwayDesk) -> None:
    """The claim was cleared with it, and a second run set out beside the first."""
    halt.broker.answers = [halt.broker.watching("first look"), halt.broker.watching("second look")]
    with slow_to_commit():
        assert halt.run() == 1
    halt.time.wait(3)
    with running(halt):
        assert halt.server.bring_in() == 1
        halt.time.wait(3)
        assert another_process(halt).run_once(halt.time.now()) == 0
    assert len(halt.broker.asked) == 2


def test_what_the_first_look_said_late_does_not_cover_what_the_second_saw(halt: AwayDesk) -> None:
    halt.broker.answers = [halt.broker.watching("first look"), halt.broker.watching("second look")]
    with slow_to_commit():
        halt.run()
    halt.time.wait(3)
    halt.run()
    halt.server.bring_in()
    assert [one.headline for one in halt.actions] == ["second look"]


def test_a_proof_that_comes_late_counts_whoever_looks_by_then(halt: AwayDesk) -> None:
    """The database was away when it was proved; another process has taken it up and saw less."""
    with running(halt):
        halt.database.away = True
    halt.database.away = False
    halt.time.wait(11)
    halt.broker.answers = [halt.broker.watching()]
    other = another_process(halt)
    assert other.run_once(halt.time.now()) == 1
    assert other.wait(LONG)
    assert [one.status for one in halt.actions] == [ActionStatus.WATCHING]
    halt.server.bring_in()
    assert [one.status for one in halt.actions] == [ActionStatus.DONE]


def test_a_run_whose_claim_ran_out_is_not_begun_again_beside_itself(halt: AwayDesk) -> None:
    """The database was away for longer than the claim lasts, and the runner came before the heartbeat."""
    with running(halt):
        halt.database.away = True
        halt.time.wait(11)
        halt.database.away = False
        assert halt.runner.run_once(halt.time.now()) == 0
        halt.runner.heartbeat()
        assert another_process(halt).run_once(halt.time.now()) == 0
    assert len(halt.broker.asked) == 1


def test_nor_is_one_that_is_done_here_without_the_database(
    desk: AwayDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row came late, and then the database went away for longer than the claim on it lasts."""
    monkeypatch.setattr(emergency, "PATIENCE", 0.0)
    desk.database.taking.clear()
    with desk.at_the_broker():
        desk.server.confirm(ActionKind.HALT, ["main"], reason="breaks", by=OPERATOR, request_key="k")
        assert desk.broker.reached.wait(LONG)
        ((writing, _),) = desk.server._late
        desk.database.taking.set()
        writing.result(LONG)
        desk.time.wait(11)
        assert desk.runner.run_once(desk.time.now()) == 0
    assert desk.server.wait(LONG)
    assert len(desk.broker.asked) == 1
