"""A disk that is full or goes away under a halt: the halt goes on, and no entry takes another with it."""

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.adapters import journal
from bot.adapters.journal import Journal
from bot.domain.words import ActionKind, ActionStatus
from bot.engine import alone
from bot.services import queries
from bot.services.actions.requests import confirm
from tests.integration.journal.away import LONG, OPERATOR, AwayDesk


def test_a_halt_on_record_goes_on_with_database_and_disk_full(
    desk: AwayDesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Both stand on the same disk: the step is refused, then the journal's entry. It stopped after its first calls."""
    confirm(desk.desk, ActionKind.HALT, ["main"], reason="breaks", by=OPERATOR, request_key="row")
    ended = []
    perform = desk.broker.perform

    def perform_on_a_full_disk(*given: object) -> object:
        desk.database.away = True
        monkeypatch.setattr(os, "fsync", full)
        result = perform(*given)  # type: ignore[arg-type]
        ended.append(result)
        return result

    monkeypatch.setitem(desk.runner._perform, ActionKind.HALT, perform_on_a_full_disk)  # type: ignore[arg-type]
    assert desk.run() == 1
    assert [result.proved for result in ended] == [True]
    critical = [record.getMessage() for record in caplog.records if record.levelname == "CRITICAL"]
    assert any("No space left on device" in text and "suspending and cancelling" in text for text in critical)


def full(handle: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_halt_without_the_database_goes_on_where_no_journal_can_be_written(
    desk: AwayDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.path.mkdir()
    desk.halt(desk.server)
    assert desk.server.wait(LONG)
    assert desk.server.results["main"].proved
    assert any("the journal cannot be written" in record.getMessage() for record in caplog.records)


class Disk:
    """The journal's disk: full until somebody makes room."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room, self._append = False, journal._append
        monkeypatch.setattr(journal, "_append", self.append)

    def append(self, handle: int, entry: Mapping[str, Any]) -> None:
        if not self.room:
            full(handle)
        self._append(handle, entry)

    def make_room(self) -> None:
        self.room = True


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """It is full; and a slow machine's database is not one that hangs."""
    monkeypatch.setattr(alone, "PATIENCE", LONG)
    return Disk(monkeypatch)


def test_a_halt_that_is_written_nowhere_is_looked_at_until_it_is_proved(desk: AwayDesk, disk: Disk) -> None:
    """SQLite and the journal on one full disk: an empty file was handed over, and nobody looked again."""
    desk.broker.answers = [desk.broker.watching(), desk.broker.watching()]
    desk.database.away = True
    desk.halt(desk.server)
    assert desk.server.wait(LONG)
    assert len(desk.broker.asked) == 3
    assert desk.server.results["main"].proved


def test_what_a_full_disk_refused_is_written_first_once_there_is_room(desk: AwayDesk, disk: Disk) -> None:
    """Only then can the halt be handed over: its steps alone are no record of it."""
    desk.broker.answers = [desk.broker.watching() for _ in range(3)]
    desk.database.away = True
    desk.time.at(2, disk.make_room)
    desk.time.at(4, lambda: setattr(desk.database, "away", False))
    desk.halt(desk.server)
    assert desk.server.wait(LONG)
    assert len(desk.broker.asked) == 3, "the database has it, and the runner goes on"
    (action,) = desk.actions
    assert (action.status, action.attempts) == (ActionStatus.WATCHING, 1)
    assert "JournalRejected" not in [kind for kind, _ in desk.audited]
    assert queries.trading_states(desk.desk, desk.journal)[0]["position_multiplier"] == 0.0
    desk.time.wait(3)
    assert desk.run() == 1


def test_a_halt_is_not_handed_over_without_its_first_entry(desk: AwayDesk, disk: Disk) -> None:
    """The database answers, and of the whole story the disk took nothing: the row would be missing."""
    desk.broker.answers = [desk.broker.watching(), desk.broker.watching()]
    desk.halt(desk.server)
    assert desk.server.wait(LONG)
    assert desk.actions == []
    assert len(desk.broker.asked) == 3
    assert desk.server.results["main"].proved


def test_a_line_that_was_cut_loses_only_itself(tmp_path: Path) -> None:
    """The disk was full in the middle of an entry; then somebody made room."""
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append({"name": "first"})
    with journal.path.open("ab") as file:
        file.write(b'{"id":"cut","name":"se')
    journal.append({"name": "third"})
    assert [one["name"] for one in journal.entries()] == ["first", "third"]
    (unreadable,) = next(journal.finished()).read().unreadable
    assert unreadable == '{"id":"cut","name":"se'


def test_what_the_system_takes_in_pieces_is_whole_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:7]))
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append({"name": "a step with many words"})
    monkeypatch.undo()
    (line,) = journal.path.read_text().splitlines()
    assert json.loads(line)["name"] == "a step with many words"
