"""What waits to be finished, drills left out, for /metrics. Each query reads a small index, however long the past."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select, text

from bot.domain.drift import DriftKind
from bot.domain.words import ActionKind, ActionStatus, IncidentStatus
from bot.store.approvals import ApprovalStatus
from bot.store.database import UnitOfWork
from bot.store.deadlines import WAITS
from bot.store.tables import actions, approvals, deadlines, drift_episodes, incidents


@dataclass(frozen=True)
class Waiting:
    """How many, and since when the oldest does."""

    number: int
    since: datetime


def actions_unended(unit: UnitOfWork) -> dict[ActionKind, Waiting]:
    """Confirmed, and neither proved nor given up; since they were asked for."""
    query = (
        select(actions.c.kind, func.count(), func.min(actions.c.requested_at))
        .where(actions.c.finished_at.is_(None), actions.c.drill.is_(False))
        .group_by(actions.c.kind)
    )
    return {ActionKind(kind): Waiting(n, since) for kind, n, since in unit.connection.execute(query)}


def actions_unknown(unit: UnitOfWork) -> dict[ActionKind, Waiting]:
    """Ended as unknown in an incident that is open, and not proved by a later one on the account; since then."""
    later = actions.alias("later")
    proved_since = exists().where(
        later.c.account == actions.c.account,
        later.c.kind == actions.c.kind,
        later.c.id > actions.c.id,
        later.c.status == ActionStatus.DONE,
    )
    query = (
        select(actions.c.kind, func.count(), func.min(actions.c.finished_at))
        .join(incidents, incidents.c.id == actions.c.incident_id)
        .where(
            # Written out: a partial index is found by the words of its condition.
            text("actions.status = 'unknown'"),
            incidents.c.status == IncidentStatus.OPEN,
            actions.c.finished_at.is_not(None),
            actions.c.drill.is_(False),
            ~proved_since,
        )
        .group_by(actions.c.kind)
    )
    return {ActionKind(kind): Waiting(n, since) for kind, n, since in unit.connection.execute(query)}


def approvals_waiting(unit: UnitOfWork) -> dict[ActionKind, Waiting]:
    """Asked for, and approved or refused by nobody yet."""
    query = (
        select(approvals.c.kind, func.count(), func.min(approvals.c.requested_at))
        .where(
            approvals.c.decided_at.is_(None),
            approvals.c.status == ApprovalStatus.WAITING,
            approvals.c.drill.is_(False),
        )
        .group_by(approvals.c.kind)
    )
    return {ActionKind(kind): Waiting(n, since) for kind, n, since in unit.connection.execute(query)}


def drift_open(unit: UnitOfWork) -> dict[tuple[str, DriftKind], datetime]:
    """(account, kind) of what the broker shows otherwise than recorded, and since when."""
    query = select(drift_episodes.c.account, drift_episodes.c.kind, drift_episodes.c.began_at).where(
        drift_episodes.c.open_key.is_not(None)
    )
    return {(account, DriftKind(kind)): since for account, kind, since in unit.connection.execute(query)}


def deadline_due(unit: UnitOfWork) -> datetime | None:
    """When the first deadline that waits is due, past or future; None when none waits."""
    query = select(func.min(deadlines.c.due_at)).where(WAITS)
    found: datetime | None = unit.connection.execute(query).scalar_one()
    return found
