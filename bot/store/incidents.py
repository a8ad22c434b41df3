"""Incidents, their phases and their checklist marks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, desc, select, update

from bot.domain.incident import Incident
from bot.domain.words import IncidentStatus, Phase, Severity
from bot.store.database import UnitOfWork
from bot.store.tables import checklist_marks, incidents, phase_visits


@dataclass(frozen=True)
class Mark:
    item: str
    done: bool
    by: str
    at: datetime
    note: str | None


@dataclass(frozen=True)
class PhaseVisit:
    phase: Phase
    entered_at: datetime
    left_at: datetime | None
    left_by: str | None
    left_reason: str | None


def _incident(found: Row[Any]) -> Incident:
    values = dict(found._mapping)
    values.pop("open_group_key")
    values["severity"] = Severity(values["severity"])
    values["status"] = IncidentStatus(values["status"])
    values["phase"] = Phase(values["phase"])
    return Incident(**values)


_LOCK = select(incidents).where(incidents.c.id == bindparam("number")).with_for_update()  # made once


def get(unit: UnitOfWork, number: int) -> Incident | None:
    found = unit.connection.execute(select(incidents).where(incidents.c.id == number)).first()
    return _incident(found) if found else None


def lock(unit: UnitOfWork, number: int) -> Incident | None:
    """The incident, held until the transaction ends: changes to one incident happen one after the other."""
    found = unit.connection.execute(_LOCK, {"number": number}).first()
    return _incident(found) if found else None


def open_of_group(unit: UnitOfWork, group_key: str) -> Incident | None:
    query = select(incidents).where(incidents.c.open_group_key == group_key).with_for_update()
    found = unit.connection.execute(query).first()
    return _incident(found) if found else None


def last_resolved_of_group(unit: UnitOfWork, group_key: str, since: datetime) -> Incident | None:
    """The incident of this group that was resolved last, if that was after `since`."""
    query = (
        select(incidents)
        .where(incidents.c.group_key == group_key, incidents.c.resolved_at >= since)
        .order_by(desc(incidents.c.resolved_at))
        .limit(1)
        .with_for_update()
    )
    found = unit.connection.execute(query).first()
    return _incident(found) if found else None


def insert(unit: UnitOfWork, values: Mapping[str, Any]) -> int | None:
    """Insert an open incident; None when another transaction has just opened one for the same alert group."""
    statement = (
        unit.insert(incidents)
        .values(status=IncidentStatus.OPEN, open_group_key=values.get("group_key"), **values)
        .on_conflict_do_nothing(index_elements=["open_group_key"])
        .returning(incidents.c.id)
    )
    return unit.connection.execute(statement).scalar_one_or_none()


def change(unit: UnitOfWork, number: int, **values: Any) -> None:
    unit.connection.execute(update(incidents).where(incidents.c.id == number).values(**values))


def listed(unit: UnitOfWork, *, status: IncidentStatus | None = None, limit: int = 50) -> list[Incident]:
    """Newest first."""
    query = select(incidents).order_by(desc(incidents.c.id)).limit(limit)
    if status is not None:
        query = query.where(incidents.c.status == status)
    return [_incident(found) for found in unit.connection.execute(query)]


def open_numbers(unit: UnitOfWork) -> list[int]:
    query = select(incidents.c.id).where(incidents.c.status == IncidentStatus.OPEN).order_by(incidents.c.id)
    return list(unit.connection.execute(query).scalars())


def marks(unit: UnitOfWork, number: int) -> dict[str, Mark]:
    query = select(checklist_marks).where(checklist_marks.c.incident_id == number)
    return {
        found.item: Mark(found.item, found.done, found.by, found.at, found.note)
        for found in unit.connection.execute(query)
    }


def mark(
    unit: UnitOfWork, number: int, item: str, *, done: bool, by: str, at: datetime, note: str | None
) -> None:
    values = {"done": done, "by": by, "at": at, "note": note}
    statement = unit.insert(checklist_marks).values(incident_id=number, item=item, **values)
    unit.connection.execute(
        statement.on_conflict_do_update(index_elements=["incident_id", "item"], set_=values)
    )


def visits(unit: UnitOfWork, number: int) -> dict[Phase, PhaseVisit]:
    query = (
        select(phase_visits).where(phase_visits.c.incident_id == number).order_by(phase_visits.c.entered_at)
    )
    return {
        Phase(found.phase): PhaseVisit(
            Phase(found.phase), found.entered_at, found.left_at, found.left_by, found.left_reason
        )
        for found in unit.connection.execute(query)
    }


def enter_phase(unit: UnitOfWork, number: int, phase: Phase, at: datetime) -> None:
    fresh = {"entered_at": at, "left_at": None, "left_by": None, "left_reason": None}
    statement = unit.insert(phase_visits).values(incident_id=number, phase=phase, **fresh)
    unit.connection.execute(
        statement.on_conflict_do_update(index_elements=["incident_id", "phase"], set_=fresh)
    )


def leave_phase(
    unit: UnitOfWork, number: int, phase: Phase, *, at: datetime, by: str | None, reason: str | None
) -> None:
    unit.connection.execute(
        update(phase_visits)
        .where(phase_visits.c.incident_id == number, phase_visits.c.phase == phase)
        .values(left_at=at, left_by=by, left_reason=reason)
    )
