"""Halt and cancel without the database: straight to the broker, the record in the journal file, the word in Slack."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from bot.adapters.bounded import StillRunning, bounded
from bot.adapters.journal import Journal, Page
from bot.domain.actions import ActionRequest, ActionResult
from bot.domain.words import ActionKind, StepStatus
from bot.engine.record import PATIENCE
from bot.engine.runner import Perform
from bot.ports.about import about
from bot.ports.record import Timepiece
from bot.services.actions.journaled import action_entry, bring_in, result_entry
from bot.services.actions.requests import Confirmed, confirm
from bot.services.desk import Desk
from bot.store.actions import ActionRecordRow, Claim
from bot.store.database import DatabaseError

log = logging.getLogger(__name__)

POSSIBLE = frozenset({ActionKind.HALT, ActionKind.CANCEL})
LONGEST = timedelta(minutes=30)  # looking again at what is not proved; then people have long been told

Say = Callable[[str], None]


@dataclass(frozen=True)
class Started:
    """`confirmed` is in the database; `alone` are the accounts that are acted on without it."""

    confirmed: tuple[Confirmed, ...] = ()
    alone: tuple[str, ...] = ()


class JournalRecord:
    """Steps of an action that the database does not know about yet, in a file that is its own until it is closed."""

    def __init__(self, journal: Journal, request_key: str, time: Timepiece) -> None:
        self._journal, self._request_key, self._time = journal, request_key, time
        self._page: Page | None = None

    def step(
        self, name: str, status: StepStatus, summary: str, evidence: Mapping[str, Any] | None = None
    ) -> None:
        self.write(
            {
                "kind": "step",
                "request_key": self._request_key,
                "at": self._time.now().isoformat(),
                "name": name,
                "status": status.value,
                "summary": summary,
                "evidence": dict(evidence or {}),
            }
        )

    def write(self, entry: Mapping[str, Any]) -> None:
        """A full or missing disk must not stop a halt: then the log is all the record there is."""
        try:
            if self._page is None:
                self._page = self._journal.begin()
            self._page.append(entry)
        except OSError as failure:
            log.critical("the journal cannot be written (%s); entry: %s", failure, dict(entry))

    def close(self) -> None:
        """Nothing more is written: from now on anybody may bring it in."""
        if self._page is not None:
            self._page.close()
            self._page = None


class Emergency:
    """Confirms actions; when the database does not take a halt or a cancel in half a second, goes on without it."""

    def __init__(
        self,
        desk: Desk,
        journal: Journal,
        perform: Mapping[ActionKind, Perform],
        time: Timepiece,
        say: Say = lambda text: None,
    ) -> None:
        self._desk, self._journal, self._perform, self._time, self._say = desk, journal, perform, time, say
        self._running: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()
        self.results: dict[str, ActionResult] = {}
        # Set where a runner works in this process: what is confirmed here starts here, at once.
        self.claim: Claim | None = None
        # Whether an action of this kind runs here on the account, with its row in the database.
        self.runs: Callable[[ActionKind, str], bool] = lambda kind, account: False

    def confirm(
        self,
        kind: ActionKind,
        accounts: Sequence[str],
        *,
        reason: str,
        by: str,
        request_key: str,
        incident_id: int | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Started:
        """Record the action, or act without the record. Raises DatabaseError for kinds that can wait for it."""

        claim = self.claim
        recorded: list[ActionRecordRow] = []

        def recording(action: ActionRecordRow) -> None:
            if claim is not None:
                claim.expect(action)
            recorded.append(action)

        def write() -> list[Confirmed]:
            return confirm(
                self._desk,
                kind,
                accounts,
                reason=reason,
                by=by,
                request_key=request_key,
                incident_id=incident_id,
                params=params,
                claim=replace(claim, start=recording) if claim is not None else None,
            )

        if kind not in POSSIBLE:
            confirmed = tuple(write())
            self._start_all(recorded)
            return Started(confirmed=confirmed)
        try:
            confirmed = tuple(bounded(write, PATIENCE, "confirm"))
        except (DatabaseError, StillRunning) as failure:
            # Should it be committed after all: the account is acted on already, and the record joins it later.
            # While the same is being done already, nothing more is sent: fifty people at once are one halt. Their
            # writes go on behind this, and join the action when the database takes them.
            accounts = [account for account in accounts if not self.runs(kind, account)]
            where = ", ".join(accounts) or "no account: the same runs there already"
            log.error(
                "%s: the database did not take it (%s); without it on %s", kind, type(failure).__name__, where
            )
        else:
            # Not in the transaction's thread: whoever pressed is answered while the action sets out.
            self._start_all(recorded)
            return Started(confirmed=confirmed)
        return self.alone(
            kind,
            accounts,
            reason=reason,
            by=by,
            request_key=request_key,
            incident_id=incident_id,
            params=params,
        )

    def _start_all(self, recorded: Sequence[ActionRecordRow]) -> None:
        for action in recorded:
            if self.claim is not None:
                self.claim.start(action)

    def alone(
        self,
        kind: ActionKind,
        accounts: Sequence[str],
        *,
        reason: str,
        by: str,
        request_key: str,
        incident_id: int | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Started:
        """Act at the broker with the journal as the only record."""
        for account in accounts:
            joining = f"{kind}:{account}"
            key = f"{request_key}:{account}"
            with self._lock:
                running = self._running.get(joining)
                if running is not None and running.is_alive():
                    continue  # a second halt while one runs joins it
                entry = action_entry(
                    kind,
                    account,
                    reason=reason,
                    by=by,
                    request_key=key,
                    at=self._time.now(),
                    incident_id=incident_id,
                    params=params or {},
                )
                request = ActionRequest(
                    id=0,
                    kind=kind,
                    account=account,
                    reason=reason,
                    requested_by=by,
                    requested_at=self._time.now(),
                    params=dict(params or {}),
                )
                thread = threading.Thread(
                    target=self._run, args=(request, key, entry), name=f"{joining} alone", daemon=True
                )
                self._running[joining] = thread
            thread.start()
        return Started(alone=tuple(accounts))

    def _run(self, request: ActionRequest, key: str, entry: Mapping[str, Any]) -> None:
        record = JournalRecord(self._journal, key, self._time)
        try:
            with about(action=f"{request.kind}:alone", account=request.account):
                record.write(entry)
                self._run_to_its_end(request, key, record)
        finally:
            record.close()

    def _run_to_its_end(self, request: ActionRequest, key: str, record: JournalRecord) -> None:
        what = f"{request.kind.verb} on {request.account}"
        self._say(f"{what} runs without Haltdesk's database; its record goes to the journal file.")
        previous: dict[str, Any] | None = None
        said = ""
        ends = self._time.now() + LONGEST
        while True:
            try:
                result = self._perform[request.kind](request, record, previous)
            except Exception:
                log.exception("%s broke off", what)
                self._say(
                    f"{what} broke off on an error in Haltdesk. Look at the account in the broker's dashboard."
                )
                return
            record.write(result_entry(key, result, self._time.now()))
            self.results[request.account] = result
            if result.headline != said:
                said = result.headline
                self._say(f"{result.headline} {result.next_step or ''}".strip())
            again = result.look_again_after
            if result.status.ended or again is None or self._time.now() > ends:
                return
            if self._time.wait(again.total_seconds()):
                return
            previous = dict(result.evidence)

    @property
    def busy(self) -> bool:
        with self._lock:
            return any(thread.is_alive() for thread in self._running.values())

    def wait(self, seconds: float) -> bool:
        """Wait for the actions under way without the database; false when one is still at it."""
        with self._lock:
            threads = list(self._running.values())
        ends = self._time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, ends - self._time.monotonic()))
        return not self.busy

    def bring_in(self) -> int:
        """Import the journal, but for what is still being written here or by another process.

        Returns how many entries were new.
        """
        new = 0
        for page in self._journal.finished():
            written = page.read()
            new += bring_in(self._desk, written.entries)
            page.clear(written.size)
        if new:
            log.warning("%d journal entries were brought into the database", new)
        return new
