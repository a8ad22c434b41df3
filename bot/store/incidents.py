"""Incidents, their phases and their checklist marks."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Integer,
    Select,
    Text,
    any_,
    bindparam,
    desc,
    func,
    or_,
    select,
    update,
)
from sqlalchemy import insert as sqlalchemy_insert
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from bot.domain.incident import Incident
from bot.domain.words import IncidentStatus, Phase, Severity
from bot.store.database import UNSEEN, UnitOfWork, on_either
from bot.store.each_by_index import each_by_index, in_array
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


# Made once: SQLAlchemy compiles a statement once, and finds it again by the object.
_GET = select(incidents).where(incidents.c.id == bindparam("number"))
_LOCK = select(incidents).where(incidents.c.id == bindparam("number")).with_for_update(key_share=True)
_OPEN_KEY, _KEYS = incidents.c.open_group_key, "keys"
_JUST_RESOLVED = (
    incidents.c.resolved_at >= bindparam("since", type_=incidents.c.resolved_at.type),
    # An expression, so that no index is on it: asked for many groups, SQLite would walk all that are resolved.
    incidents.c.status.concat("") == IncidentStatus.RESOLVED,
)


def _by_key(key: Column[Any], *where: ColumnElement[bool]) -> Mapping[str, Select[Any]]:
    """The incidents of some keys that fit `where`, held in the order in which everybody holds them."""
    told = key.in_(bindparam(_KEYS, expanding=True))
    # Whoever waited for one looks again whether it still fits: as it was found, it may be so no more.
    still = key == any_(bindparam(_KEYS, type_=ARRAY(Text)))
    found = each_by_index(incidents.c.id, key, _KEYS, *where)
    return {
        "sqlite": select(incidents).where(told, *where),
        "postgresql": select(incidents)
        .where(in_array(incidents.c.id, found), still, *where)
        .with_for_update(key_share=True),
    }


_OPEN = {kind: query.order_by(incidents.c.id) for kind, query in _by_key(_OPEN_KEY).items()}
_RESOLVED = {
    kind: query.order_by(incidents.c.resolved_at, incidents.c.id)
    for kind, query in _by_key(incidents.c.group_key, *_JUST_RESOLVED).items()
}
_CHANGE = update(incidents).where(incidents.c.id == bindparam("number"))
_LAST = select(func.max(incidents.c.id))
_NEXT_POSTGRES = select(func.nextval(func.pg_get_serial_sequence("incidents", "id"))).select_from(
    func.generate_series(1, bindparam("many", type_=Integer)).table_valued("n")
)
_INSERT = sqlalchemy_insert(incidents)
_INSERT_ONE = on_either(
    lambda statement: statement.on_conflict_do_nothing(index_elements=["open_group_key"]).returning(
        incidents.c.id
    ),
    incidents,
)
_ENTER = on_either(
    lambda statement: statement.on_conflict_do_update(
        index_elements=["incident_id", "phase"],
        set_={name: statement.excluded[name] for name in ("entered_at", "left_at", "left_by", "left_reason")},
    ),
    phase_visits,
)
_MARKS = select(checklist_marks).where(checklist_marks.c.incident_id == bindparam("number"))
_MARK = on_either(
    lambda statement: statement.on_conflict_do_update(
        index_elements=["incident_id", "item"],
        set_={name: statement.excluded[name] for name in ("done", "by", "at", "note")},
    ),
    checklist_marks,
)
# An incident as the table makes it when nothing is said.
_BLANK: Mapping[str, Any] = {
    str(column.name): column.default.arg if isinstance(column.default, ScalarElementColumnDefault) else None
    for column in incidents.c
    if not column.primary_key
}


def _incident(found: Any) -> Incident:
    values = found._asdict()
    values.pop("open_group_key")
    values["severity"] = Severity(values["severity"])
    values["status"] = IncidentStatus(values["status"])
    values["phase"] = Phase(values["phase"])
    return Incident(**values)


def get(unit: UnitOfWork, number: int) -> Incident | None:
    found = unit.first(_GET, {"number": number})
    return _incident(found) if found else None


def lock(unit: UnitOfWork, number: int) -> Incident | None:
    """The incident, held until the transaction ends: changes to one incident happen one after the other."""
    held = unit.foreseen(("incident", number))
    if held is not UNSEEN:
        return cast("Incident", held)
    found = unit.first(_LOCK, {"number": number})
    return _incident(found) if found else None


def lock_free(unit: UnitOfWork, numbers: Collection[int]) -> dict[int, Incident]:
    """Those of the incidents that nobody else works on just now, held until the transaction ends. Never waits."""
    query = (
        select(incidents)
        .where(incidents.c.id.in_(numbers))
        .order_by(incidents.c.id)
        .with_for_update(key_share=True, skip_locked=True)
    )
    return {found.id: _incident(found) for found in unit.connection.execute(query)}


def lock_open(unit: UnitOfWork, *, and_these: Collection[int] = ()) -> None:
    """Hold every open incident (`and_these`, open or not) until the transaction ends, lowest number first."""
    if unit.dialect != "sqlite":  # which has one writer at a time anyway
        query = select(incidents.c.id).where(
            or_(incidents.c.status == IncidentStatus.OPEN, incidents.c.id.in_(and_these))
        )
        unit.connection.execute(query.order_by(incidents.c.id).with_for_update(key_share=True))


def open_of_group(unit: UnitOfWork, group_key: str) -> Incident | None:
    found = unit.foreseen(("open", group_key), once=True)
    if found is UNSEEN:
        found = open_of_groups(unit, [group_key]).get(group_key)
    return cast("Incident | None", found)


def open_of_groups(unit: UnitOfWork, group_keys: Sequence[str]) -> dict[str, Incident]:
    """The open incidents of these alert groups, by group, held until the transaction ends."""
    found = [_incident(row) for row in unit.all(_OPEN[unit.dialect], {"keys": group_keys})]
    return {str(incident.group_key): incident for incident in found}


def last_resolved_of_group(unit: UnitOfWork, group_key: str, since: datetime) -> Incident | None:
    """The incident of this group that was resolved last, if that was after `since`."""
    found = unit.foreseen(("resolved", group_key), once=True)
    if found is UNSEEN:
        found = last_resolved_of_groups(unit, [group_key], since).get(group_key)
    return cast("Incident | None", found)


def last_resolved_of_groups(
    unit: UnitOfWork, group_keys: Sequence[str], since: datetime
) -> dict[str, Incident]:
    """Of each of these groups the incident that was resolved last, if that was after `since`."""
    rows = unit.all(_RESOLVED[unit.dialect], {"keys": group_keys, "since": since})
    return {str(incident.group_key): incident for incident in map(_incident, rows)}  # the last one stands


def read_ahead(unit: UnitOfWork, group_keys: Sequence[str], since: datetime) -> dict[Hashable, Any]:
    """What each webhook of a batch will ask for, read at once: for `UnitOfWork.foresee`."""
    opened = open_of_groups(unit, group_keys)
    others = [key for key in group_keys if key not in opened]
    resolved = last_resolved_of_groups(unit, others, since) if others else {}
    answers: dict[Hashable, Any] = {("incident", found.id): found for found in opened.values()}
    answers |= {("open", key): opened.get(key) for key in group_keys}
    answers |= {("resolved", key): resolved.get(key) for key in group_keys}
    return answers


def numbers_ahead(unit: UnitOfWork, many: int) -> dict[Hashable, Any]:
    """Numbers that no other incident has or will get. On SQLite because there is one writer at a time.

    No more than will be used: on PostgreSQL a number that is not is a gap in the desk's count.
    """
    if not many:
        return {}
    if unit.dialect == "postgresql":
        return {"numbers": iter([row[0] for row in unit.all(_NEXT_POSTGRES, {"many": many})])}
    last = unit.value(_LAST) or 0
    return {"numbers": iter(range(last + 1, last + 1 + many))}


def insert(unit: UnitOfWork, values: Mapping[str, Any]) -> int | None:
    """Insert an open incident; None when another transaction has just opened one for the same alert group.

    In a transaction that gathers, the number was taken ahead and such an incident is an `IntegrityError` at the end:
    whoever gathers does the work again, one by one.
    """
    row = {**_BLANK, **values} | {"status": IncidentStatus.OPEN, "open_group_key": values.get("group_key")}
    numbers = unit.foreseen("numbers")
    number: int | None = next(numbers, None) if numbers is not UNSEEN else None
    if number is not None:
        unit.put(_INSERT, row | {"id": number})
        fields = {name: row[name] for name in Incident.__dataclass_fields__ if name != "id"}
        unit.foresee({("incident", number): Incident(id=number, **fields)})
        return number
    number = unit.value(_INSERT_ONE[unit.dialect], row)
    return number


def change(unit: UnitOfWork, number: int, **values: Any) -> None:
    unit.run(_CHANGE, {"number": number, **values})


def listed(unit: UnitOfWork, *, status: IncidentStatus | None = None, limit: int = 50) -> list[Incident]:
    """Newest first."""
    query = select(incidents).order_by(desc(incidents.c.id)).limit(limit)
    if status is not None:
        query = query.where(incidents.c.status == status)
    return [_incident(found) for found in unit.connection.execute(query)]


def open_numbers(unit: UnitOfWork) -> list[int]:
    query = select(incidents.c.id).where(incidents.c.status == IncidentStatus.OPEN).order_by(incidents.c.id)
    return list(unit.connection.execute(query).scalars())


def awaiting(unit: UnitOfWork, phase: Phase) -> list[Incident]:
    """Open incidents that are in `phase`, oldest first."""
    query = (
        select(incidents)
        .where(incidents.c.status == IncidentStatus.OPEN, incidents.c.phase == phase)
        .order_by(incidents.c.id)
    )
    return [_incident(found) for found in unit.connection.execute(query)]


def marks(unit: UnitOfWork, number: int) -> dict[str, Mark]:
    return {
        found.item: Mark(found.item, found.done, found.by, found.at, found.note)
        for found in unit.all(_MARKS, {"number": number})
    }


def mark(
    unit: UnitOfWork, number: int, item: str, *, done: bool, by: str, at: datetime, note: str | None
) -> None:
    values = {"incident_id": number, "item": item, "done": done, "by": by, "at": at, "note": note}
    unit.put(_MARK[unit.dialect], values, key=(number, item))


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
    unit.put(_ENTER[unit.dialect], {"incident_id": number, "phase": phase, **fresh}, key=(number, phase))


def leave_phase(
    unit: UnitOfWork, number: int, phase: Phase, *, at: datetime, by: str | None, reason: str | None
) -> None:
    unit.connection.execute(
        update(phase_visits)
        .where(phase_visits.c.incident_id == number, phase_visits.c.phase == phase)
        .values(left_at=at, left_by=by, left_reason=reason)
    )
