"""The drift watch: looks at every account, keeps what the broker said, and tells what is not as recorded, once."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bot.adapters.bounded import Pending, StillRunning
from bot.domain.actions import BrokerReading
from bot.domain.brokerage import AccountReading, OrderListing
from bot.domain.drift import Comparison, DriftKind, Seen, compare
from bot.domain.halting import Suspension
from bot.domain.incident import Incident
from bot.domain.words import ActionKind, ActionStatus
from bot.ports.broker import Broker, BrokerError
from bot.services import auditing, shown_accounts
from bot.services import incidents as incident_service
from bot.services.actions import learned
from bot.services.actions.home import incident_to_act_in
from bot.services.actions.suspending import flag
from bot.services.desk import Desk
from bot.services.thread import reply, root_key, show_root
from bot.store import accounts, action_history, actions, drift, incidents, messages, timeline
from bot.store.accounts import AccountRecord
from bot.store.database import UnitOfWork
from bot.store.drift import Episode
from bot.store.messages import Urgency

log = logging.getLogger(__name__)

T = TypeVar("T")

WITHIN = 5.0  # seconds for one look at an account, all readings side by side
# A proof and these change what the broker shows; whoever changes it tells the desk himself.
CHANGING = frozenset({ActionKind.HALT, ActionKind.CANCEL, ActionKind.RESUME, ActionKind.FLATTEN})


@dataclass(frozen=True)
class _Standpoint:
    """The record as it was when the broker was asked. Readings count only if it is the same afterwards."""

    version: int
    newest_action: int | None


class _Look:
    """One account being read."""

    def __init__(self, broker: Broker, standpoint: _Standpoint) -> None:
        self.account, self.standpoint = broker.account, standpoint
        self._configuration = Pending(lambda: broker.read_configuration(within=WITHIN), "drift configuration")
        self._account = Pending(lambda: broker.read_account(within=WITHIN), "drift account")
        self._orders = Pending(lambda: broker.list_open_orders(within=WITHIN), "drift orders")

    def take(self, at: datetime) -> tuple[Seen, AccountReading | None]:
        configuration = self._answer(self._configuration, "configuration")
        account = self._answer(self._account, "account")
        orders: OrderListing | None = self._answer(self._orders, "open orders")
        suspension = Suspension(
            flag(configuration.get("suspend_trade")) if configuration is not None else None,
            account.suspended_by_user if account is not None else None,
            at,
        )
        return Seen(suspension, orders, configuration), account

    def _answer(self, pending: Pending[T], what: str) -> T | None:
        """None when it was not learned: an unreachable broker is not drift, the last proof just gets older."""
        try:
            return pending.result(WITHIN)
        except (BrokerError, StillRunning) as failure:
            log.warning("drift watch: %s of %s not learned: %s", what, self.account, failure)
            return None


class DriftWatch:
    """`brokers` by account name. A look is bounded in time, and every account is looked at side by side.

    `unrecorded` is true while something was done, or is being done, that the record does not hold yet.
    """

    def __init__(self, desk: Desk, brokers: Mapping[str, Broker], unrecorded: Callable[[], bool]) -> None:
        self._desk, self._brokers, self._unrecorded = desk, brokers, unrecorded

    def run_once(self) -> int:
        """Look at every account that nobody is acting on. Returns how many drifts began or ended.

        Raises DatabaseError when the record cannot be read or written; the next look is a new one.
        """
        if self._unrecorded():
            return 0
        with self._desk.database.read() as unit:
            standpoints = {
                account.name: self._standpoint(unit, account.name) for account in self._desk.accounts
            }
        looks = [_Look(self._brokers[name], at) for name, at in standpoints.items() if at is not None]
        told = 0
        for look in looks:
            seen, account = look.take(self._desk.now())
            with self._desk.database.begin() as unit:
                accounts.lock(unit, look.account)
                if self._standpoint(unit, look.account) == look.standpoint and not self._unrecorded():
                    told += self._take(unit, look.account, seen, account)
        return told

    def _standpoint(self, unit: UnitOfWork, name: str) -> _Standpoint | None:
        """None while somebody acts on the account, or it is not on record yet."""
        record = accounts.get(unit, name)
        under_way = actions.unended(unit, account=name)
        if record is None or any(action.kind in CHANGING for action in under_way):
            return None
        return _Standpoint(record.version, actions.newest_number(unit, name))

    def _take(self, unit: UnitOfWork, name: str, seen: Seen, account: AccountReading | None) -> int:
        record = accounts.get(unit, name)
        assert record is not None  # the standpoint was taken from it, under this lock
        now = self._desk.now()
        _keep(unit, record, seen, account, now)
        comparison = compare(
            record.state, record.configuration_before, seen, own_suspension=_own_suspension(unit, record)
        )
        lasting = drift.open_of(unit, name)
        told = self._begin(unit, record, comparison, lasting, seen, now)
        for kind, episode in lasting.items():
            if kind not in comparison.found and kind not in comparison.undecided:
                self._clear(unit, episode, seen, now)
                told += 1
        return told

    def _begin(
        self,
        unit: UnitOfWork,
        record: AccountRecord,
        comparison: Comparison,
        lasting: Mapping[DriftKind, Episode],
        seen: Seen,
        now: datetime,
    ) -> int:
        begun = 0
        for kind, text in comparison.found.items():
            known = lasting.get(kind)
            if known is not None:
                if known.text != text:
                    drift.still(unit, known.id, text)
                    messages.refresh(unit, drift_key(known.id), at=now)
                continue
            incident = self._incident(unit, record, kind, text)
            number = drift.begin(unit, record.name, kind, incident.id, text, at=now)
            if number is None:
                continue  # another process has told it
            begun += 1
            words = f"{record.name}: {kind.heading}. {text}"
            timeline.write(
                unit, incident.id, "DriftFound", words, at=now, details={"account": record.name, "kind": kind}
            )
            auditing.record(
                unit,
                "DriftFound",
                words,
                at=now,
                incident_id=incident.id,
                account=record.name,
                before={
                    "state": record.state,
                    "suspended": record.suspended,
                    "open_orders": record.open_orders,
                },
                after=_evidence(seen),
                details={"kind": kind, "episode": number},
            )
            _show(unit, incident, number, now)
            show_root(unit, incident, now)
        return begun

    def _incident(self, unit: UnitOfWork, record: AccountRecord, kind: DriftKind, text: str) -> Incident:
        """The incident that halted the account, else the worst open one, else a new one; made as bad as this is."""
        found = incidents.get(unit, record.incident_id) if record.incident_id is not None else None
        if found is None or not found.open or found.drill:
            found = incident_to_act_in(unit)
        if found is None:
            opened = incident_service.open_incident(
                unit,
                self._desk,
                title=f"{record.name}: {kind.heading}",
                severity=kind.severity,
                reason=f"drift watch: {kind.heading.lower()}",
                text=f"{kind.severity}: {record.name}: {kind.heading}. {text}",
            )
            assert opened is not None  # without an alert group nothing can stand in its way
            return opened
        found = incident_service.find(unit, found.id)
        if kind.severity.worse_than(found.severity):
            reason = f"drift watch: {kind.heading.lower()}"
            found = incident_service.raise_severity(unit, self._desk, found, kind.severity, reason)
        return found

    def _clear(self, unit: UnitOfWork, episode: Episode, seen: Seen, now: datetime) -> None:
        drift.clear(unit, episode.id, at=now)
        messages.refresh(unit, drift_key(episode.id), at=now)
        lasted = now - episode.began_at
        words = f"{episode.account}: over after {_span(lasted)}: {episode.kind.heading}"
        timeline.write(
            unit, episode.incident_id, "DriftCleared", words, at=now, details={"kind": episode.kind}
        )
        auditing.record(
            unit,
            "DriftCleared",
            words,
            at=now,
            incident_id=episode.incident_id,
            account=episode.account,
            after=_evidence(seen),
            details={"kind": episode.kind, "episode": episode.id},
        )
        incident = incidents.get(unit, episode.incident_id)
        if incident is not None:
            reply(unit, incident, words, at=now)
            show_root(unit, incident, now)


def drift_key(number: int) -> str:
    return f"drift:{number}"


def _show(unit: UnitOfWork, incident: Incident, number: int, at: datetime) -> None:
    messages.want(
        unit,
        drift_key(number),
        "drift",
        incident.id,
        channel=incident.channel,
        at=at,
        ref=str(number),
        parent_key=root_key(incident.id),
        broadcast=True,
        urgency=Urgency.INCIDENT,
    )


def _keep(
    unit: UnitOfWork, record: AccountRecord, seen: Seen, account: AccountReading | None, now: datetime
) -> None:
    orders = len(seen.orders.orders) if seen.orders is not None and seen.orders.complete else None
    number = account.number if account is not None else None
    learned.keep(unit, record.name, BrokerReading(now, seen.suspension.read, orders, number))
    shown_accounts.refresh_if_changed(unit, record.name, record, now)


def _own_suspension(unit: UnitOfWork, record: AccountRecord) -> bool:
    """Whether a halt of Haltdesk's own may have suspended it since its state last changed (suspend only, a drill's)."""
    halt = action_history.newest(unit, ActionKind.HALT, record.name)
    return halt is not None and halt.requested_at >= record.since and halt.status is not ActionStatus.FAILED


def _evidence(seen: Seen) -> dict[str, Any]:
    return {
        "suspend_trade": seen.suspension.suspend_trade,
        "trade_suspended_by_user": seen.suspension.trade_suspended_by_user,
        "open_orders": len(seen.orders.orders) if seen.orders is not None else None,
        "configuration": dict(seen.configuration) if seen.configuration is not None else None,
        "read_at": seen.suspension.at,
    }


def _span(lasted: timedelta) -> str:
    seconds = max(0, round(lasted.total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
