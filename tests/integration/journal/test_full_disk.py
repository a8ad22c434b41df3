"""A disk that is full or goes away under a halt: the halt goes on, and no entry takes another with it."""

import errno
import json
import os
from pathlib import Path

import pytest

from bot.adapters.journal import Journal
from bot.domain.words import ActionKind
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
