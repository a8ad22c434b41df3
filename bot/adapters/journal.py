"""The journal: files where the record of an action goes while the database does not answer.

The file at `path`, and `path.1`, `path.2` ... for those who write at the same time: each file has one writer, in this
process or another, who holds its lock (flock). The system lets go of it when the writer's process ends, however that
ends. So a file whose lock is free tells a story that is told to its end, as far as anybody lived to tell it.
"""

import fcntl
import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

log = logging.getLogger(__name__)

Entry = dict[str, Any]
CLOSED = -1  # no file has this number: a page that was closed writes into nobody else's


@dataclass(frozen=True)
class Written:
    """What a file holds: its entries in order, lines that are none (cut by a crash, say), and its bytes in all."""

    entries: Sequence[Entry]
    unreadable: Sequence[str]
    size: int


class Page:
    """One file of the journal, held against every other writer and reader until it is closed."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path, self._handle = path, handle
        self._lock = threading.Lock()

    def append(self, entry: Mapping[str, Any]) -> None:
        """Write one entry, on the disk (fsync) before this returns. Raises OSError when the disk does not take it."""
        with self._lock:
            _append(self._handle, {"id": uuid4().hex, **entry})

    def read(self) -> Written:
        with self._lock:
            content = self.path.read_bytes()
        entries, unreadable = _parsed(content)
        return Written(entries, unreadable, len(content))

    def clear(self, size: int) -> None:
        """Empty it, now that the database has what its `size` bytes say. With more behind them it waits for that."""
        with self._lock:
            if os.fstat(self._handle).st_size == size:
                os.ftruncate(self._handle, 0)
                os.fsync(self._handle)

    def close(self) -> None:
        """Let go of it: what is written is brought in by whoever comes first."""
        with self._lock:
            os.close(self._handle)
            self._handle = CLOSED


class Journal:
    """JSON Lines at `path` and beside it, shared by every process of the desk on this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._told: set[Path] = set()  # files of other users, of which the log has a line

    def begin(self) -> Page:
        """An empty file for the story of one action, which nobody brings in before it is closed. Raises OSError."""
        return self._take(empty=True)

    def append(self, *entries: Mapping[str, Any]) -> None:
        """Write what stands for itself, in one file. Raises OSError when the disk does not take it."""
        page = self._take(empty=False)
        try:
            for entry in entries:
                page.append(entry)
        finally:
            page.close()

    @property
    def empty(self) -> bool:
        return not any(map(_size, self._files()))

    def entries(self) -> list[Entry]:
        """Everything that is in the journal, also what is still being written. Raises OSError."""
        found: list[Entry] = []
        for path in self._files():
            if _size(path):
                content = path.read_bytes()
                found += _parsed(content[: content.rfind(b"\n") + 1])[0]
        return found

    def finished(self) -> Iterator[Page]:
        """Each file that holds something and that nobody writes in any more, held while it is worked on."""
        for path in self._files():
            page = self._held(path) if _size(path) else None
            if page is not None:
                try:
                    yield page
                finally:
                    page.close()

    def reject(self, entry: Mapping[str, Any], why: str) -> Path:
        """Put what no database will take where a person finds it: `path.rejected`. Raises OSError."""
        path = self.path.with_name(f"{self.path.name}.rejected")
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            _append(handle, {"why": why, **entry})
        finally:
            os.close(handle)
        return path

    def _take(self, *, empty: bool) -> Page:
        for number in count():
            page = self._held(self._file(number))
            if page is None:
                continue
            if not empty or not _size(page.path):
                return page
            page.close()
        raise AssertionError("numbers do not end")

    def _held(self, path: Path) -> Page | None:
        """The file with its lock taken; None while somebody else has it, or when it belongs to another user.

        Whoever asks what the traders may do still reads every file, or knows that one cannot be read.
        """
        try:
            return _held(path)
        except PermissionError as failure:
            if not path.exists():
                raise  # the folder takes no file: there is none to pass over
            if path not in self._told:
                self._told.add(path)
                log.error(
                    "%s belongs to another user (%s): it is not brought in, and traders are told to stand still while"
                    " it holds anything. Give it to the user whom Haltdesk runs as.",
                    path,
                    failure.strerror,
                )
            return None

    def _file(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path

    def _files(self) -> Iterator[Path]:
        """Files are emptied, never removed, so there is none behind the first number that is missing."""
        yield self.path
        for number in count(1):
            path = self._file(number)
            if not path.exists():
                return
            yield path


def _held(path: Path) -> Page | None:
    """The file with its lock taken; None while somebody else has it."""
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as failure:
        os.close(handle)
        if isinstance(failure, BlockingIOError):
            return None
        raise
    return Page(path, handle)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _append(handle: int, entry: Mapping[str, Any]) -> None:
    """A line to itself, whole: the system may take less than it is given, and a line before it may have been cut."""
    line = json.dumps(entry, separators=(",", ":"), sort_keys=True).encode() + b"\n"
    size = os.fstat(handle).st_size
    if size and os.pread(handle, 1, size - 1) != b"\n":
        line = b"\n" + line
    while line:
        line = line[os.write(handle, line) :]
    os.fsync(handle)


def _parsed(content: bytes) -> tuple[list[Entry], list[str]]:
    entries, unreadable = [], []
    for line in content.split(b"\n"):
        try:
            entry = json.loads(line) if line.strip() else None
        except ValueError:
            entry = line
        if isinstance(entry, dict) and "id" in entry:
            entries.append(entry)
        elif entry is not None:
            unreadable.append(line.decode(errors="replace"))
    return entries, unreadable
