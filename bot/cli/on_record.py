"""Health checks and reconciliations from the command line, on record: a row before they run, where one can be written.

With an incident open, the action is recorded and told there, as if a button had been pressed, with what follows.
Without one, none is opened for a look: audit and reconciliation runs have it. Without the database it is only said.
"""

import threading
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from bot.adapters.bounded import StillRunning, bounded
from bot.application import Application
from bot.domain.actions import ActionRequest, ActionResult
from bot.domain.words import ActionKind, ActionStatus
from bot.engine.record import Unrecorded
from bot.engine.runner import HEARTBEAT, Previous, Runner
from bot.ports.record import ActionRecord
from bot.services import auditing
from bot.services.actions.home import incident_to_act_in
from bot.services.actions.requests import Confirmed, confirm_in
from bot.store import action_steps, actions, migrate
from bot.store.actions import ActionRecordRow
from bot.store.database import DatabaseError

WITHIN = 2.0  # seconds for the database to take or to give a row; the look itself does not wait longer for its record
LOOKS = 60  # heartbeats: two minutes, which no look takes


@dataclass(frozen=True)
class Looked:
    """What a look gave, and where it stands on record, in words."""

    result: ActionResult
    recorded: str


class RecordedLooks:
    """One kind of look on some accounts, each in a thread of its own: call `look` for each."""

    def __init__(self, application: Application, kind: ActionKind, *, reason: str, by: str) -> None:
        self._application, self._kind, self._reason, self._by = application, kind, reason, by
        self._key = f"cli:{uuid4().hex}"
        self._results: dict[str, ActionResult] = {}
        self._runner = Runner(
            application.desk,
            application.journal,
            {kind: self._performed},
            application.time,
            name=f"command line {uuid4().hex[:8]}",
        )

    def look(self, account: str) -> Looked:
        try:
            confirmed = self._confirmed(account)
        except (DatabaseError, migrate.SchemaBehind, StillRunning) as failure:
            return Looked(self._unrecorded(account), _not_recorded(failure))
        if confirmed is None:
            return self._audited(account)
        where = f"{confirmed.incident.key}, action {confirmed.action_id}"
        if confirmed.joined:
            words = f"one was under way already and is on record: {where}; this one is not"
            return Looked(self._unrecorded(account), words)
        for _ in range(LOOKS):
            if self._runner.wait(HEARTBEAT):
                break
            try:
                self._runner.heartbeat()
            except DatabaseError:
                continue  # then a running Haltdesk may take it up as well: it only reads
        self._application.bring_in_journal()
        return self._concluded(account, confirmed.action_id, where)

    def _confirmed(self, account: str) -> Confirmed | None:
        """The recorded action, whose run has begun; None when no incident is open to record it in."""
        desk, given_up = self._application.desk, threading.Event()
        claim = self._runner.claim

        def start(action: ActionRecordRow) -> None:
            # Committed, but too late: it is looked at without the record by now. A running Haltdesk takes this one up.
            if not given_up.is_set():
                claim.start(action)

        def write() -> Confirmed | None:
            migrate.require_newest(desk.database)
            self._application.prepare()
            with desk.database.begin() as unit:
                incident = incident_to_act_in(unit)
                if incident is None:
                    return None
                (confirmed,) = confirm_in(
                    unit,
                    desk,
                    self._kind,
                    [account],
                    reason=self._reason,
                    by=self._by,
                    request_key=self._key,
                    incident_id=incident.id,
                    claim=replace(claim, start=start),
                )
                return confirmed

        try:
            return bounded(write, WITHIN, "record")
        except StillRunning:
            given_up.set()
            raise

    def _performed(self, request: ActionRequest, record: ActionRecord, previous: Previous) -> ActionResult:
        result = self._application.perform[self._kind](request, record, previous)
        self._results[request.account] = result
        return result

    def _unrecorded(self, account: str) -> ActionResult:
        request = ActionRequest(
            id=0,
            kind=self._kind,
            account=account,
            reason=self._reason,
            requested_by=self._by,
            requested_at=self._application.time.now(),
        )
        return self._application.perform[self._kind](request, Unrecorded(), None)

    def _concluded(self, account: str, number: int, where: str) -> Looked:
        """The result, with the next step that the record knows of: the thresholds may halt the account now."""
        try:
            row = bounded(lambda: self._row(number), WITHIN, "record")
        except (DatabaseError, StillRunning) as failure:
            row, where = None, f"{where}, of which the end is in the journal file ({type(failure).__name__})"
        result = self._results.get(account)
        if result is None:  # broken off on an error in Haltdesk, or not ended: the row says which
            headline = (row.headline if row else None) or f"{self._kind.verb} on {account} has not ended."
            result = ActionResult(ActionStatus.UNKNOWN, headline, next_step=row.next_step if row else None)
        elif row is not None and row.next_step:
            result = replace(result, next_step=row.next_step)
        return Looked(result, where)

    def _row(self, number: int) -> ActionRecordRow | None:
        with self._application.desk.database.read() as unit:
            return actions.get(unit, number)

    def _audited(self, account: str) -> Looked:
        result = self._unrecorded(account)
        try:
            bounded(lambda: self._write_audit(account, result), WITHIN, "record")
        except (DatabaseError, StillRunning) as failure:
            return Looked(result, _not_recorded(failure))
        return Looked(result, "the audit (no incident is open)")

    def _write_audit(self, account: str, result: ActionResult) -> None:
        desk = self._application.desk
        run: Any = result.evidence.get("run")
        done = result.status is ActionStatus.DONE
        kind = "HealthChecked"
        if self._kind is ActionKind.RECONCILE:
            kind = "ReconciliationClean" if done and run.get("clean") else "ReconciliationNotClean"
        with desk.database.begin() as unit:
            if self._kind is ActionKind.RECONCILE and done:
                action_steps.save_run(unit, None, account, run, at=desk.now())
            auditing.record(
                unit,
                kind,
                result.headline,
                at=desk.now(),
                actor=self._by,
                account=account,
                details={"reason": self._reason, "status": result.status.value, "from": "command line"},
            )


def _not_recorded(failure: Exception) -> str:
    why = "it did not answer in time" if isinstance(failure, StillRunning) else type(failure).__name__
    return f"NOT on record: the database did not take it ({why})"
