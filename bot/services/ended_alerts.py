"""Alerts of which Haltdesk learns when they are over: how they are told, and whether trading is halted for them."""

from collections.abc import Sequence
from datetime import datetime, tzinfo

from bot.domain.alerts import ReceivedAlert
from bot.domain.incident import Incident
from bot.domain.severity import Decision
from bot.domain.words import Severity
from bot.services import relapse
from bot.services.desk import Desk
from bot.store import accounts
from bot.store.database import UnitOfWork

Past = tuple[ReceivedAlert, Decision]


def when(desk: Desk, alert: ReceivedAlert) -> str:
    """The alert's name, and when it fired and cleared, in the desk's zone. One that tells no end is over by now."""
    zone, now = desk.policy.timezone, desk.now()
    fired, cleared = _in_zone(alert.starts_at, zone), _in_zone(alert.ends_at or now, zone)
    day = "" if fired.date() == now.astimezone(zone).date() else f"{fired:%Y-%m-%d} "
    return f"{alert.name[:200]}: fired {day}{fired:%H:%M}, cleared {cleared:%H:%M} {cleared:%Z}"


def _in_zone(at: datetime, zone: tzinfo) -> datetime:
    try:
        return at.astimezone(zone)
    except OverflowError:  # at the calendar's very edge, as a clock that was never set tells it
        return at


def halt_again(unit: UnitOfWork, desk: Desk, incident: Incident, past: Sequence[Past]) -> None:
    """SEV-1 that fired after trading was partly resumed halts again, seen late or not."""
    severe = [alert for alert, decision in past if decision.severity is Severity.SEV1]
    if not severe:
        return
    partly = [record.since for record in accounts.all_of_them(unit) if record.state in relapse.PARTLY]
    late = [alert.name for alert in severe if partly and alert.starts_at >= min(partly)]
    relapse.halt_again(unit, desk, incident, late)
