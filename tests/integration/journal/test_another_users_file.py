"""A file of the journal that belongs to another user stands in no other file's way, and keeps the traders stopped."""

import os
from pathlib import Path
from typing import Any

import pytest

from bot.domain.words import ActionStatus
from bot.services import queries
from tests.integration.journal.away import LONG, AwayDesk


@pytest.fixture
def foreign(desk: AwayDesk, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody ran `haltdesk halt` as root: journal.jsonl holds an entry, and only root may read it."""
    desk.path.write_text('{"id":"root","kind":"step"}\n')
    opened, read = os.open, Path.read_bytes

    def open_file(path: Any, *more: Any, **also: Any) -> int:
        if path == desk.path:
            raise PermissionError(13, "Permission denied")
        return opened(path, *more, **also)

    def read_bytes(path: Path) -> bytes:
        if path == desk.path:
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(os, "open", open_file)
    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    return desk.path


def test_a_halt_beside_it_is_written_and_brought_in(
    desk: AwayDesk, foreign: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk.halt(desk.command_line)
    assert desk.command_line.wait(LONG)
    assert desk.server.bring_in() > 0
    assert [one.status for one in desk.actions] == [ActionStatus.DONE]
    assert desk.server.bring_in() == 0

    told = [record.getMessage() for record in caplog.records if str(foreign) in record.getMessage()]
    assert len(told) == 2, "once in each process, not every two seconds"
    assert "belongs to another user" in told[0]
    (state,) = queries.trading_states(desk.desk, desk.journal)
    assert state["position_multiplier"] == 0.0
    assert "cannot be read (Permission denied)" in state["reason"]


def test_a_folder_that_takes_no_file_is_no_reason_to_look_for_ever(
    desk: AwayDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*given: Any, **more: Any) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(PermissionError):
        desk.journal.begin()
