"""Counts over the whole database, for /metrics."""

from sqlalchemy import func, select, text

from bot.domain.words import ActionKind, AlertStatus, IncidentStatus, Severity
from bot.store.database import UnitOfWork
from bot.store.tables import actions, alerts, incidents


def open_incidents(unit: UnitOfWork) -> dict[Severity, int]:
    """Drills are not counted."""
    query = (
        select(incidents.c.severity, func.count())
        .where(incidents.c.status == IncidentStatus.OPEN, incidents.c.drill.is_(False))
        .group_by(incidents.c.severity)
    )
    found = {Severity(severity): count for severity, count in unit.connection.execute(query)}
    return {severity: found.get(severity, 0) for severity in Severity}


def firing_alerts(unit: UnitOfWork) -> int:
    """Ignored ones (a Watchdog) are not counted."""
    # Written out: a partial index is found by the words of its condition, not by a parameter.
    firing = text(f"alerts.status = '{AlertStatus.FIRING.value}'")
    query = select(func.count()).select_from(alerts).where(firing, alerts.c.ignored.is_(False))
    return int(unit.connection.execute(query).scalar_one())


def unended_actions(unit: UnitOfWork) -> dict[ActionKind, int]:
    query = (
        select(actions.c.kind, func.count()).where(actions.c.finished_at.is_(None)).group_by(actions.c.kind)
    )
    found = {ActionKind(kind): count for kind, count in unit.connection.execute(query)}
    return {kind: found.get(kind, 0) for kind in ActionKind}
