"""The journal file: where the record of an action goes while the database does not answer."""

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4


class Journal:
    """JSON Lines at `path`, each line on the disk (fsync) before `append` returns. One file for each process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def append(self, entry: Mapping[str, Any]) -> None:
        """Write one entry; it gets an id of its own. Raises OSError when the disk does not take it."""
        line = json.dumps({"id": uuid4().hex, **entry}, separators=(",", ":"), sort_keys=True)
        with self._lock:
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(handle, line.encode() + b"\n")
                os.fsync(handle)
            finally:
                os.close(handle)

    @property
    def empty(self) -> bool:
        try:
            return self.path.stat().st_size == 0
        except FileNotFoundError:
            return True

    def entries(self) -> tuple[list[dict[str, Any]], int]:
        """Everything in the file, in order, and how many bytes that is. A line cut by a crash is passed over."""
        if self.empty:
            return [], 0
        content = self.path.read_bytes()
        content = content[: content.rfind(b"\n") + 1]
        found = []
        for line in content.splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # half a line with more behind it: the process died while writing it, and came back
            if isinstance(entry, dict) and "id" in entry:
                found.append(entry)
        return found, len(content)

    def clear(self, size: int) -> None:
        """Take the first `size` bytes out, now that the database has what they say."""
        with self._lock:
            rest = self.path.with_suffix(".rest")
            with rest.open("wb") as out:
                out.write(self.path.read_bytes()[size:])
                out.flush()
                os.fsync(out.fileno())
            rest.replace(self.path)
