"""Reconciles by itself before the open and after the close: quietly when clean, in an incident when not."""

import logging
from collections.abc import Mapping
from datetime import timedelta

from bot.domain.actions import ActionRequest, ActionResult
from bot.domain.incident import Incident
from bot.domain.sessions import Session, due_around, weekday_sessions
from bot.domain.words import ActionKind, ActionStatus, Severity
from bot.engine.record import Unrecorded
from bot.engine.runner import Perform
from bot.ports.broker import Broker, BrokerError
from bot.services import auditing
from bot.services import incidents as service
from bot.services.actions.requests import HALTDESK, confirm_in
from bot.services.desk import Desk
from bot.store import action_steps, merges, planned
from bot.store.database import UnitOfWork
from bot.store.planned import Planned

log = logging.getLogger(__name__)

AHEAD = 5  # days that are planned beforehand, so that a broker that is away for a weekend is not missed
AGAIN = timedelta(minutes=5)
CALENDAR, RULE = (
    "the broker's calendar",
    "weekdays 09:30 to 16:00 New York, because the calendar could not be had",
)


class ScheduledReconciliation:
    """`plan` asks the broker's calendar and writes rows; `run_once` does what is due. Any process may do either."""

    def __init__(
        self,
        desk: Desk,
        brokers: Mapping[str, Broker],
        reconcile: Perform,
        *,
        before_open: timedelta,
        after_close: timedelta,
    ) -> None:
        self._desk, self._brokers, self._reconcile = desk, brokers, reconcile
        self._before, self._after = before_open, after_close

    def plan(self) -> None:
        """Plan the next days for every account; what is planned already is only brought up to date."""
        now = self._desk.now()
        for name, broker in self._brokers.items():
            sessions, source = self._sessions(broker)
            with self._desk.database.begin() as unit:
                if source == RULE and planned.next_due(unit, name) is not None:
                    continue  # the calendar told of these days when it could be had
                for due in due_around(sessions, self._before, self._after, now):
                    planned.plan(unit, due.key, name, due.at, source)

    def _sessions(self, broker: Broker) -> tuple[tuple[Session, ...], str]:
        first = self._desk.now().date()
        try:
            return broker.read_sessions(first, first + timedelta(days=AHEAD)), CALENDAR
        except BrokerError as failure:
            log.warning("the calendar of %s could not be had: %s", broker.account, failure)
            return weekday_sessions(first, AHEAD), RULE

    def run_once(self) -> bool:
        """Do one that is due; false when none is. Call it until it says so."""
        now = self._desk.now()
        with self._desk.database.begin() as unit:
            due = planned.take(unit, now, now + AGAIN)
        if due is None:
            return False
        if due.account in self._brokers:  # else the desk has taken the account out of its configuration
            request = ActionRequest(
                id=0,
                kind=ActionKind.RECONCILE,
                account=due.account,
                reason="scheduled",
                requested_by=HALTDESK,
                requested_at=now,
            )
            result = self._reconcile(request, Unrecorded(), None)
        with self._desk.database.begin() as unit:
            planned.done(unit, due.id)
            if due.account in self._brokers:
                self._conclude(unit, due, result)
        return True

    def _conclude(self, unit: UnitOfWork, due: Planned, result: ActionResult) -> None:
        now = self._desk.now()
        run = result.evidence.get("run")
        details = {"due": due.key, "calendar": due.source}
        if result.status is ActionStatus.DONE and isinstance(run, Mapping) and run.get("clean"):
            action_steps.save_run(unit, None, due.account, run, at=now)
            auditing.record(
                unit, "ReconciliationClean", result.headline, at=now, account=due.account, details=details
            )
            return
        auditing.record(
            unit, "ReconciliationNotClean", result.headline, at=now, account=due.account, details=details
        )
        incident = self._incident(unit, due, result)
        # The thread shows a comparison of its own, with its steps, its evidence and what the thresholds ask for.
        confirm_in(
            unit,
            self._desk,
            ActionKind.RECONCILE,
            [due.account],
            reason=f"scheduled reconciliation: {result.headline}"[:500],
            by=HALTDESK,
            request_key=f"scheduled:{due.key}",
            incident_id=incident.id,
        )

    def _incident(self, unit: UnitOfWork, due: Planned, result: ActionResult) -> Incident:
        """The open incident of this account's scheduled reconciliations, or a new one."""
        group = f"haltdesk:scheduled-reconciliation:{due.account}"
        found = merges.open_of_group(unit, group)
        if found is not None:
            return found
        run = result.evidence.get("run")
        told = run.get("severity") if isinstance(run, Mapping) else None
        opened = service.open_incident(
            unit,
            self._desk,
            title=f"Scheduled reconciliation of {due.account}: {result.headline}"[:300],
            severity=Severity(told) if told else Severity.SEV3,
            reason="reconciliation by the exchange's calendar",
            group_key=group,
        )
        if opened is None:
            opened = merges.open_of_group(unit, group)
        assert opened is not None  # either it was opened here, or by the transaction that this one waited for
        return opened
