"""Runs confirmed actions at once, each in its own thread: one account that hangs never delays another."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.adapters.journal import Journal
from bot.adapters.threads import THREADS
from bot.domain.actions import ActionRequest, ActionResult
from bot.domain.incident import incident_key
from bot.domain.words import ActionKind, ActionStatus
from bot.engine.record import StoredRecord, within_patience
from bot.ports.about import about
from bot.ports.record import ActionRecord, Timepiece
from bot.services.actions.journaled import result_entry
from bot.services.actions.requests import conclude
from bot.services.desk import Desk
from bot.store import actions
from bot.store.actions import ActionRecordRow, Claim

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=10)
HEARTBEAT = 2.0
# Whoever pressed is answered first: beside an action that sets out, the answer waits 1 to 4 ms for the interpreter.
ANSWERED_FIRST = 0.001  # seconds
# The first calls of a halt have the processor to themselves for so many seconds; messages can wait that long.
BROKER_FIRST = 0.05
URGENT = frozenset({ActionKind.HALT, ActionKind.CANCEL})
# Looking again does what is still needed, and no more: a lifted suspension is not left to itself.
TRIED_AGAIN = URGENT | {ActionKind.RESUME, ActionKind.FLATTEN}
LOOKS_AFTER_ERROR = 10
AFTER_ERROR, AFTER_ERRORS = timedelta(seconds=5), timedelta(minutes=1)
# Errors since the last look that came to its end, which leaves evidence of its own.
IN_A_ROW = "errors_in_a_row"

Previous = dict[str, Any] | None
# (request, record, the evidence so far when it is being looked at again) -> where it stands
Perform = Callable[[ActionRequest, ActionRecord, Previous], ActionResult]


class Runner:
    """Claims actions and performs them outside any transaction. `perform` says how each kind is done."""

    def __init__(
        self,
        desk: Desk,
        journal: Journal,
        perform: Mapping[ActionKind, Perform],
        time: Timepiece,
        *,
        name: str,
        finished: Callable[[], None] = lambda: None,
    ) -> None:
        self._desk, self._journal, self._perform, self._time = desk, journal, perform, time
        self._name, self._finished = name, finished
        self._held: dict[int, Future[None]] = {}
        self._doing: dict[int, ActionRecordRow] = {}
        self._lock = threading.Lock()
        # Actions that are held for this runner, and done elsewhere in this process.
        self.elsewhere: Callable[[], Sequence[int]] = tuple
        self._hushed_until = 0.0

    @property
    def hush(self) -> float:
        """Seconds for which others should leave the processor to a halt that has just begun; 0 for none."""
        return max(0.0, self._hushed_until - self._time.monotonic())

    @property
    def busy(self) -> bool:
        """Whether any action is under way here."""
        with self._lock:
            return bool(self._held)

    def run_once(self, now: datetime) -> int:
        """Claim what is to be run or looked at again, and start it. Returns how many were started."""
        mine = self._numbers()  # the claim on them may have run out while the database was away
        with self._desk.database.begin() as unit:
            claimed = actions.claim(unit, now=now, by=self._name, until=now + LEASE, but=mine)
        for action in claimed:
            # Any claim after the first means that something may have been sent already.
            self._start(
                replace(action, attempts=action.attempts + 1),
                resumed=action.status is not ActionStatus.CONFIRMED,
            )
        return len(claimed)

    @property
    def claim(self) -> Claim:
        """For whoever confirms in this process: the action is this runner's from its first row on."""
        return Claim(
            by=self._name,
            lease=LEASE,
            expect=self._expect,
            start=lambda action: self._start(action, resumed=False, after=ANSWERED_FIRST),
        )

    def _expect(self, action: ActionRecordRow) -> None:
        if action.kind in URGENT:
            self._hushed_until = self._time.monotonic() + BROKER_FIRST

    def _start(self, action: ActionRecordRow, *, resumed: bool, after: float = 0.0) -> None:
        self._expect(action)

        def run() -> None:
            if after:
                self._time.wait(after)
            self._run(action, resumed)

        with self._lock:  # which the action's thread takes, too, before it lets go of it
            name = f"{action.kind} {action.id} {action.account}"
            # Drills and suspensions alone do less than others may ask for.
            if not action.drill and not action.params.get("suspend_only"):
                self._doing[action.id] = action
            self._held[action.id] = THREADS.run(run, name)

    def runs(self, kind: ActionKind, account: str) -> str | None:
        """The request key of an action of this kind that is under way here on the account, its row in the database."""
        with self._lock:
            keys = (
                one.request_key for one in self._doing.values() if (one.kind, one.account) == (kind, account)
            )
            return next(keys, None)

    def heartbeat(self) -> None:
        """Say that the actions under way here are held by somebody alive."""
        numbers = self._numbers()
        if numbers:
            until = self._time.now() + LEASE
            with self._desk.database.begin() as unit:
                actions.keep_claim(unit, numbers, by=self._name, until=until)

    def _numbers(self) -> list[int]:
        """The actions that are under way in this process."""
        with self._lock:
            numbers = list(self._held)
        return [*numbers, *self.elsewhere()]

    def next_look(self) -> datetime | None:
        with self._desk.database.read() as unit:
            return actions.next_look(unit)

    def wait(self, seconds: float) -> bool:
        """Wait for every action under way here; false when one is still running after `seconds`."""
        with self._lock:
            held = list(self._held.values())
        return not wait(held, timeout=seconds).not_done

    def _run(self, action: ActionRecordRow, resumed: bool) -> None:
        incident = incident_key(action.incident_id)
        with about(incident=incident, action=f"{action.kind}:{action.id}", account=action.account):
            self._run_to_its_end(action, resumed)

    def _run_to_its_end(self, action: ActionRecordRow, resumed: bool) -> None:
        try:
            watching = action.status is ActionStatus.WATCHING
            record = StoredRecord(self._desk, self._journal, action.id, action.request_key, self._time)
            request = action.request(resumed=resumed)
            previous = dict(action.evidence) if watching else None
            try:
                result = self._perform[action.kind](request, record, previous)
            except (
                Exception
            ) as failure:  # the action's own defect: told to the desk as what it is, never hidden
                log.exception("%s %s on %s broke off", action.kind, action.id, action.account)
                result = broken_off(action.kind, action.account, action, failure)
            entry = result_entry(action.request_key, result, self._time.now(), attempt=action.attempts)
            within_patience(
                lambda: conclude(self._desk, action, result), None, self._journal, entry, lambda late: None
            )
        except BaseException:
            # The claim runs out, and whoever takes it up looks at the broker first.
            log.exception("%s %s on %s is left to the next look", action.kind, action.id, action.account)
            raise
        finally:
            with self._lock:
                self._held.pop(action.id, None)
                self._doing.pop(action.id, None)
            self._finished()


def broken_off(
    kind: ActionKind, account: str, last: ActionRecordRow | ActionResult | None, failure: Exception
) -> ActionResult:
    """Haltdesk's own error in the middle of an action: nobody knows what was done. `last` is where it stood before.

    A halt goes on being looked at, whatever happens; others are left to people after so many errors in a row.
    """
    evidence: Mapping[str, Any] = last.evidence if last is not None else {}
    errors = int(evidence.get(IN_A_ROW, 0)) + 1
    few = errors < LOOKS_AFTER_ERROR
    again = kind in URGENT or (kind in TRIED_AGAIN and few)
    return ActionResult(
        status=ActionStatus.WATCHING if again else ActionStatus.UNKNOWN,
        headline=f"{kind.verb} on {account} broke off on an error in Haltdesk "
        f"({type(failure).__name__}): what the broker did is not known.",
        evidence={**evidence, IN_A_ROW: errors},
        unconfirmed=last.unconfirmed if last is not None else (),
        next_step="Look at the account in the broker's dashboard. Haltdesk tries again by itself."
        if again
        else "Look at the account in the broker's dashboard, and confirm the action again.",
        look_again_after=(AFTER_ERROR if few else AFTER_ERRORS) if again else None,
    )
