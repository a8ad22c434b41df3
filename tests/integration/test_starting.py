"""A process starts while others may be at work: it leaves them what they hold, and takes up what the dead held."""

import errno
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.app import build
from bot.application import Application
from bot.cli.serving import AlreadyRunning, place_at
from bot.config.configuration import load_configuration
from bot.domain.actions import ActionResult
from bot.domain.words import ActionKind, ActionStatus, Severity
from bot.services import incidents as service
from bot.services.actions.journaled import result_entry
from bot.services.actions.requests import confirm
from bot.store import actions, deliveries, messages
from bot.store.actions import Claim
from bot.store.messages import Message
from tests.acceptance.trading_desk import TradingDesk


@pytest.fixture
def application(tmp_path: Path, database_url: str) -> Iterator[Application]:
    """Haltdesk as a process has it before it begins to work."""
    with TradingDesk(tmp_path, database_url) as desk:
        found = build(load_configuration(desk.environment()))
        found.prepare()
        yield found
        found.desk.database.dispose()


def claimed_by_a_worker(application: Application) -> Message:
    """A worker is about to post INC-1: Slack takes its time."""
    desk = application.desk
    service.declare(desk, title="Fills missing", severity=Severity.SEV2, by="U0OPERATOR")
    with desk.database.begin() as unit:
        root = deliveries.most_urgent(unit, now=desk.now())
        assert root is not None
        until = desk.now() + timedelta(seconds=45)
        taken, _ = deliveries.take(unit, root, by="worker", until=until, at=desk.now())
    return taken


def read(application: Application, message: Message) -> Message:
    with application.desk.database.read() as unit:
        return messages.get(unit, message.id)


def test_a_start_beside_a_worker_leaves_it_its_post(application: Application) -> None:
    """On PostgreSQL a claim ends by its time alone: to be there first, or to see nobody, proves nothing.

    On SQLite whoever had claimed it is dead, for the file's lock was free.
    """
    claimed = claimed_by_a_worker(application)
    with place_at(application.desk.database):
        application.take_up()
    alone = application.desk.database.sqlite
    assert read(application, claimed).claimed_by == (None if alone else "worker")


def test_a_second_process_has_a_place_on_postgresql_only(application: Application) -> None:
    database = application.desk.database
    with place_at(database):
        if database.sqlite:
            with pytest.raises(AlreadyRunning, match="SQLite is for one process"), place_at(database):
                raise AssertionError("two processes work on one file")
        else:
            with place_at(database):
                pass


def test_what_slack_refused_is_tried_at_any_start(application: Application) -> None:
    """Somebody has mended it and started Haltdesk anew; a message that another process holds is left to that one."""
    desk = application.desk
    claimed = claimed_by_a_worker(application)
    with desk.database.begin() as unit:
        later = desk.now() + timedelta(minutes=15)
        deliveries.put_off(unit, claimed, until=later, error="a_code_of_tomorrow", gave_up=True)
    if not desk.database.sqlite:
        with desk.database.begin() as held:
            assert deliveries.most_urgent(held, now=later) is not None
            application.take_up()
        with desk.database.read() as unit:
            assert deliveries.next_due_after(unit, desk.now()) is not None
    application.take_up()
    with desk.database.read() as unit:
        assert deliveries.any_due(unit, now=desk.now(), avoid=(), edits=True)


def test_what_the_journal_holds_is_known_before_an_action_is_taken_up(application: Application) -> None:
    """The database was slow when a halt's first look ended, and Haltdesk was started anew: it began from nothing.

    What the desk's commands had said stood in the journal only, so they were run again.
    """
    desk, lease = application.desk, timedelta(seconds=10)
    dead = Claim("dead", lease, expect=lambda action: None, start=lambda action: None)
    account = desk.accounts[0].name
    (halt,) = confirm(
        desk, ActionKind.HALT, [account], reason="breaks", by="U0OPERATOR", request_key="k", claim=dead
    )
    said = {"commands": [{"name": "trip_breaker", "exit_code": 0, "error": None}]}
    watching = ActionResult(
        ActionStatus.WATCHING, "Not proved yet", evidence=said, look_again_after=timedelta(seconds=2)
    )
    application.journal.append(result_entry(f"k:{account}", watching, desk.now(), attempt=1))
    application.take_up()
    with desk.database.begin() as unit:
        now = desk.now() + timedelta(seconds=3)
        (taken,) = actions.claim(unit, now=now, by="runner", until=now + lease)
    assert (taken.id, taken.status, taken.evidence) == (halt.action_id, ActionStatus.WATCHING, said)


def test_a_journal_that_cannot_be_brought_in_is_told_and_stops_nobody(
    application: Application, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The disk is full: a proved halt of the command line ended in a traceback, before a word of it was printed."""

    def on_a_full_disk() -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(application.emergency, "bring_in", on_a_full_disk)
    application.bring_in_journal()
    application.take_up()
    (told, _) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert str(application.journal.path) in told
    assert "No space left on device" in told
