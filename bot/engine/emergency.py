"""Halt and cancel without the database: straight to the broker, the record in the journal file, the word in Slack."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from bot.adapters.bounded import Pending, StillRunning
from bot.adapters.journal import Journal, Page
from bot.domain.actions import ActionRequest, ActionResult
from bot.domain.words import ActionKind
from bot.engine.alone import Alone, Surroundings
from bot.engine.record import PATIENCE, JournalRecord, keep
from bot.engine.runner import Perform
from bot.ports.record import Timepiece
from bot.services.actions.journaled import action_entry, bring_in, join_entry, on_record
from bot.services.actions.requests import Confirmed, confirm
from bot.services.desk import Desk
from bot.store.actions import ActionRecordRow, Claim
from bot.store.database import DatabaseError

log = logging.getLogger(__name__)

POSSIBLE = frozenset({ActionKind.HALT, ActionKind.CANCEL})

Say = Callable[[str, bool], None]  # the words, and whether they are a drill's
Entry = Mapping[str, Any]
_Joinable = tuple[
    ActionKind, str, bool, bool
]  # on which account; whether it is a drill's; whether it only suspends


@dataclass(frozen=True)
class Started:
    """`confirmed` is in the database; `alone` are the accounts that are acted on without it."""

    confirmed: tuple[Confirmed, ...] = ()
    alone: tuple[str, ...] = ()


class Emergency:
    """Confirms actions; when the database does not take a halt or a cancel in half a second, goes on without it."""

    def __init__(
        self,
        desk: Desk,
        journal: Journal,
        perform: Mapping[ActionKind, Perform],
        time: Timepiece,
        say: Say = lambda text, drill: None,
    ) -> None:
        self._desk, self._journal, self._perform, self._time, self._say = desk, journal, perform, time, say
        self._running: dict[_Joinable, Alone] = {}
        self._joined: set[tuple[str, str]] = set()  # whose request, and who joined it
        self._lock = threading.Lock()
        # Confirmations that the database did not take in time, and what it has taken of them since.
        self._late: list[tuple[Pending[list[Confirmed]], list[ActionRecordRow]]] = []
        self.results: dict[str, ActionResult] = {}
        # Set where a runner works in this process: what is confirmed here starts here, at once.
        self.claim: Claim | None = None
        # The request key of an action of this kind that runs here on the account, with its row in the database.
        self.runs: Callable[[ActionKind, str], str | None] = lambda kind, account: None

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
        drill: bool = False,
    ) -> Started:
        """Record the action, or act without the record. Raises DatabaseError for kinds that can wait for it.

        `drill`: whoever asks was told that this is one. On record it is one if its incident is.
        """
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
        writing = Pending(write, "confirm")
        try:
            confirmed = tuple(writing.result(PATIENCE))
        except (DatabaseError, StillRunning) as failure:
            # Should it be committed after all: the account is acted on already, and the record joins it later.
            self._late.append((writing, recorded))
            # While the same is being done already, nothing more is sent: fifty people at once are one halt.
            running = {account: self.runs(kind, account) for account in accounts}
            for account, under_way in running.items():
                if under_way is not None:
                    entry = join_entry(under_way, key=f"{request_key}:{account}", by=by, at=self._time.now())
                    self._join(kind, account, drill, entry, partial(keep, self._journal))
            accounts = [account for account, under_way in running.items() if under_way is None]
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
            drill=drill,
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
        drill: bool = False,
    ) -> Started:
        """Act at the broker with the journal as the only record."""
        lesser = bool(params and params.get("suspend_only"))
        for account in accounts:
            key, at = f"{request_key}:{account}", self._time.now()
            request = ActionRequest(
                id=0,
                kind=kind,
                account=account,
                reason=reason,
                requested_by=by,
                requested_at=at,
                params=dict(params or {}),
                drill=drill,
                incident_id=incident_id,
                request_key=key,
            )
            with self._lock:
                running = self._under_way(kind, account, drill, lesser)
                if running is None:
                    alone = self._alone(request)
                    self._running[kind, account, drill, lesser] = alone
                    alone.thread.start()
            # A second halt while one runs joins it.
            if running is not None and by != running.request.requested_by:
                entry = join_entry(running.request.request_key, key=key, by=by, at=at)
                self._join(kind, account, drill, entry, running.record.write)
        return Started(alone=tuple(accounts))

    def _alone(self, request: ActionRequest) -> Alone:
        entry = action_entry(
            request.kind,
            request.account,
            reason=request.reason,
            by=request.requested_by,
            request_key=request.request_key,
            at=request.requested_at,
            incident_id=request.incident_id,
            params=request.params,
            drill=request.drill,
        )
        record = JournalRecord(self._journal, request.request_key, self._time)

        def keep(result: ActionResult) -> None:
            self.results[request.account] = result

        # At the command line there is no runner that could go on: it looks to the end itself.
        hand_over = partial(self._hand_over, request.request_key) if self.claim is not None else None
        around = Surroundings(self._time, lambda text: self._say(text, request.drill), keep, hand_over)
        return Alone(request, record, entry, self._perform[request.kind], around)

    def _under_way(self, kind: ActionKind, account: str, drill: bool, lesser: bool) -> Alone | None:
        """One that does what is asked, and perhaps more: a full halt does not join a "suspend only", nor a drill's."""
        for less in (False, True) if lesser else (False,):
            alone = self._running.get((kind, account, drill, less))
            if alone is not None and alone.thread.is_alive():
                return alone
        return None

    def _join(
        self, kind: ActionKind, account: str, drill: bool, entry: Entry, write: Callable[[Entry], None]
    ) -> None:
        """Keep who joined, for the timeline; the database is away, so the channel is told here."""
        who = str(entry["request_key"]), str(entry["by"])
        if who in self._joined:
            return
        first = all(joined != who[0] for joined, _ in self._joined)
        self._joined.add(who)
        write(entry)
        if first:  # fifty people are fifty entries, and one word
            words = (
                f"{kind.verb} on {account} runs already: {who[1]}, and whoever else asks for it, joins it."
            )
            self._say(words, drill)

    def holds(self) -> list[int]:
        """Actions whose row came late, while they are done here without it: no runner may take them up beside that."""
        with self._lock:
            doing = {
                (kind, account)
                for (kind, account, *_), alone in self._running.items()
                if alone.thread.is_alive()
            }
        held = []
        for late in list(self._late):
            writing, recorded = late
            rows = [row.id for row in recorded if (row.kind, row.account) in doing]
            held += rows
            if writing.ended and not rows:
                self._late.remove(late)
        return held

    @property
    def busy(self) -> bool:
        with self._lock:
            return any(alone.thread.is_alive() for alone in self._running.values())

    def wait(self, seconds: float) -> bool:
        """Wait for the actions under way without the database; false when one is still at it."""
        with self._lock:
            threads = [alone.thread for alone in self._running.values()]
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
            new += self._bring_in(page)
        return new

    def _bring_in(self, page: Page) -> int:
        """How many entries were new."""

        def reject(entry: Entry, why: str) -> None:
            path = self._journal.reject(entry, why)
            log.error("it stands in %s: look at the account in the broker's dashboard", path)

        written = page.read()
        new = bring_in(self._desk, written.entries, reject)
        for line in written.unreadable:
            path = self._journal.reject({"line": line}, "no entry: it was cut, or written by somebody else")
            log.error("a line of the journal is no entry; it stands in %s", path)
        page.clear(written.size)
        if new:
            log.warning("%d journal entries were brought into the database", new)
        return new

    def _hand_over(self, request_key: str, page: Page) -> bool:
        """Whether the database has the action: a file on a full disk may hold nothing of it."""
        self._bring_in(page)
        with self._desk.database.read() as unit:
            return on_record(unit, request_key)
