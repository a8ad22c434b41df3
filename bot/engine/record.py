"""The record of a running action: into the database within half a second, or into the journal file."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from bot.adapters.bounded import Pending, StillRunning
from bot.adapters.journal import Journal, Page
from bot.domain.words import StepStatus
from bot.ports.record import Timepiece
from bot.services.actions.requests import progressed
from bot.services.desk import Desk
from bot.store import action_steps
from bot.store.database import DatabaseError

log = logging.getLogger(__name__)

PATIENCE = 0.5  # seconds that a halt waits for the database. Source: design.md, Halt


class StoredRecord:
    """Steps of one action. Only the action's own thread calls `step`."""

    def __init__(
        self, desk: Desk, journal: Journal, action_id: int, request_key: str, time: Timepiece
    ) -> None:
        self._desk, self._journal, self._time = desk, journal, time
        self._action_id, self._request_key = action_id, request_key
        self._late: Pending[None] | None = None

    def step(
        self, name: str, status: StepStatus, summary: str, evidence: Mapping[str, Any] | None = None
    ) -> None:
        entry = {
            "kind": "step",
            "request_key": self._request_key,
            "at": self._time.now().isoformat(),
            "name": name,
            "status": status.value,
            "summary": summary,
            "evidence": dict(evidence or {}),
        }
        within_patience(lambda: self._write(entry), self._late, self._journal, entry, self._hold)

    def _hold(self, late: "Pending[None] | None") -> None:
        self._late = late

    def _write(self, entry: Mapping[str, Any]) -> None:
        now = self._desk.now()
        with self._desk.database.begin() as unit:
            action_steps.write_step(
                unit,
                self._action_id,
                entry["name"],
                StepStatus(entry["status"]),
                entry["summary"],
                entry["evidence"],
                at=now,
            )
            progressed(unit, self._action_id, now)


class JournalRecord:
    """Steps of an action that the database does not know about yet, in a file that is its own until it is closed."""

    def __init__(self, journal: Journal, request_key: str, time: Timepiece) -> None:
        self.request_key = request_key
        self._lock = threading.Lock()  # whoever joins the action writes too
        self._closed = False
        self.page: Page | None = None  # none before the first entry, and while the disk takes none
        self._unwritten: deque[Mapping[str, Any]] = deque()  # what the disk has not taken yet, in order
        self._journal, self._time = journal, time

    def step(
        self, name: str, status: StepStatus, summary: str, evidence: Mapping[str, Any] | None = None
    ) -> None:
        self.write(
            {
                "kind": "step",
                "request_key": self.request_key,
                "at": self._time.now().isoformat(),
                "name": name,
                "status": status.value,
                "summary": summary,
                "evidence": dict(evidence or {}),
            }
        )

    def write(self, entry: Mapping[str, Any]) -> None:
        """A full or missing disk must not stop a halt: then the log is all the record there is.

        Once there is room, what was refused is written first: a step belongs to no action that is not written.
        """
        # Named here: one that the disk took, and said it had not, is written twice and brought in once.
        named = {"id": uuid4().hex, **entry}
        with self._lock:
            self._unwritten.append(named)
            try:
                if self._closed:
                    self._journal.append(*self._unwritten)
                    self._unwritten.clear()
                    return
                if self.page is None:
                    self.page = self._journal.begin()
                while self._unwritten:
                    self.page.append(self._unwritten[0])
                    self._unwritten.popleft()
            except OSError as failure:
                _only_logged(entry, failure)

    def close(self) -> None:
        """The action has ended: from now on anybody may bring in what is written."""
        with self._lock:
            self._closed = True
            if self.page is not None:
                self.page.close()
                self.page = None


def keep(journal: Journal, entry: Mapping[str, Any]) -> None:
    """Write an entry that stands for itself; see `JournalRecord.write`."""
    try:
        journal.append(entry)
    except OSError as failure:
        _only_logged(entry, failure)


def _only_logged(entry: Mapping[str, Any], failure: OSError) -> None:
    log.critical("the journal cannot be written (%s); entry: %s", failure, dict(entry))


class Unrecorded:
    """For what only reads and is answered at the command line: the answer is the record."""

    def step(
        self, name: str, status: StepStatus, summary: str, evidence: Mapping[str, Any] | None = None
    ) -> None:
        log.debug("%s %s: %s", name, status, summary)


def within_patience(
    write: Callable[[], None],
    late: "Pending[None] | None",
    journal: Journal,
    entry: Mapping[str, Any],
    hold: "Callable[[Pending[None] | None], None]",
) -> bool:
    """Write to the database, or to the journal when it fails or takes longer than a halt can wait.

    `late` is an earlier write that has not come back: while it hangs, the database is not asked again. True when
    the database has it. The journal's entry is brought in later, where it changes nothing that was written after it.
    """
    if late is not None and not late.ended:
        keep(journal, entry)
        return False
    pending = Pending(write, "record")
    try:
        pending.result(PATIENCE)
    except StillRunning:
        log.warning("the database did not answer within %.1f s; the record goes to the journal", PATIENCE)
        hold(pending)
    except DatabaseError as failure:
        log.warning("the database failed (%s); the record goes to the journal", type(failure).__name__)
        hold(None)
    else:
        hold(None)
        return True
    keep(journal, entry)
    return False
