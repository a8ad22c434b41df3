"""What the alerts of incidents name (accounts, components), and which incidents are related by it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Insert,
    RowMapping,
    and_,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

from bot.domain.relation import Relation, Sighting, Subject, SubjectKind
from bot.domain.words import IncidentStatus
from bot.store.database import UnitOfWork, on_either
from bot.store.tables import incident_relations, incident_subjects, incidents, messages

MOST = 500  # relations of one incident that are counted
NEAREST = 20  # incidents that one sighting is related to; in a storm everything has to do with everything


@dataclass(frozen=True)
class Related:
    """The other incident, and why. `gap`: how much later (negative: earlier) its alert came."""

    other: int
    subject: Subject
    gap: timedelta


def _sighting(found: RowMapping) -> Sighting:
    return Sighting(found["incident_id"], Subject(SubjectKind(found["kind"]), found["value"]), found["at"])


_SEEN = (
    incident_subjects.c.incident_id,
    incident_subjects.c.kind,
    incident_subjects.c.value,
    incident_subjects.c.at,
)


def _noting(statement: SqliteInsert | PostgresInsert) -> Insert:
    return statement.on_conflict_do_update(
        index_elements=["incident_id", "kind", "value"],
        set_={"at": statement.excluded.at, "due_since": statement.excluded.due_since},
        where=incident_subjects.c.at < statement.excluded.at,
    )


_NOTE = on_either(_noting, incident_subjects)


def note(unit: UnitOfWork, sightings: Iterable[Sighting], *, now: datetime) -> None:
    """Keep the latest sighting of each subject in its incident, to be related soon."""
    for one in sightings:
        row = {"incident_id": one.incident_id, "kind": one.subject.kind, "value": one.subject.value}
        key = (one.incident_id, one.subject)
        unit.put(_NOTE[unit.dialect], {**row, "at": one.at, "due_since": now}, key=key, latest="at")


def of_incident(unit: UnitOfWork, incident_id: int) -> list[Sighting]:
    query = select(*_SEEN).where(incident_subjects.c.incident_id == incident_id)
    return [_sighting(found) for found in unit.connection.execute(query).mappings()]


def due(unit: UnitOfWork, limit: int) -> list[int]:
    """Incidents with a sighting that was not looked at yet, oldest first."""
    query = (
        select(incident_subjects.c.incident_id)
        .where(incident_subjects.c.due_since.is_not(None))
        .distinct()
        .order_by(incident_subjects.c.incident_id)
        .limit(limit)
    )
    return list(unit.connection.execute(query).scalars())


def due_of(unit: UnitOfWork, incident_id: int) -> list[Sighting]:
    query = select(*_SEEN).where(
        incident_subjects.c.incident_id == incident_id, incident_subjects.c.due_since.is_not(None)
    )
    return [_sighting(found) for found in unit.connection.execute(query).mappings()]


def looked_at(unit: UnitOfWork, sightings: Sequence[Sighting]) -> None:
    """These were related; one that has been seen again meanwhile is looked at again."""
    for one in sightings:
        unit.connection.execute(
            update(incident_subjects)
            .where(
                incident_subjects.c.incident_id == one.incident_id,
                incident_subjects.c.kind == one.subject.kind,
                incident_subjects.c.value == one.subject.value,
                incident_subjects.c.at == one.at,
            )
            .values(due_since=None)
        )


def near(unit: UnitOfWork, sighting: Sighting, within: timedelta) -> list[Sighting]:
    """The latest sightings of the same subject in other incidents, at most `within` apart."""
    query = (
        select(*_SEEN)
        .where(
            incident_subjects.c.kind == sighting.subject.kind,
            incident_subjects.c.value == sighting.subject.value,
            incident_subjects.c.at.between(sighting.at - within, sighting.at + within),
            incident_subjects.c.incident_id != sighting.incident_id,
        )
        .order_by(incident_subjects.c.at.desc(), incident_subjects.c.incident_id.desc())
        .limit(NEAREST)
    )
    return [_sighting(found) for found in unit.connection.execute(query).mappings()]


def relate(unit: UnitOfWork, relation: Relation, *, at: datetime) -> bool:
    """Record it; false when the two are related already, whatever for."""
    statement = (
        unit.insert(incident_relations)
        .values(
            first_id=relation.first.incident_id,
            second_id=relation.second.incident_id,
            kind=relation.subject.kind,
            value=relation.subject.value,
            first_at=relation.first.at,
            second_at=relation.second.at,
            at=at,
            unlinked_since=at,
        )
        .on_conflict_do_nothing(index_elements=["first_id", "second_id"])
        .returning(incident_relations.c.first_id)
    )
    return unit.connection.execute(statement).scalar_one_or_none() is not None


_INCIDENT = bindparam("incident", type_=incident_relations.c.first_id.type)
_RELATED = (  # made once: every picture of an incident asks it
    select(incident_relations)
    .where(or_(incident_relations.c.first_id == _INCIDENT, incident_relations.c.second_id == _INCIDENT))
    .order_by(incident_relations.c.at, incident_relations.c.first_id, incident_relations.c.second_id)
    .limit(MOST)
)


def related(unit: UnitOfWork, incident_id: int, *, but: Collection[int] = ()) -> list[Related]:
    """Every incident related to this one except `but`, the first found first: that order never changes."""
    found = []
    for row in unit.all(_RELATED, {"incident": incident_id}):
        first = row.first_id == incident_id
        other = row.second_id if first else row.first_id
        gap = row.second_at - row.first_at
        if other not in but:
            found.append(Related(other, Subject(SubjectKind(row.kind), row.value), gap if first else -gap))
    return found


def related_open(unit: UnitOfWork, incident_id: int, *, drill: bool, limit: int) -> list[int]:
    """The related incidents that are open, and drills or not as asked; the newest first."""
    other = case(
        (incident_relations.c.first_id == incident_id, incident_relations.c.second_id),
        else_=incident_relations.c.first_id,
    )
    query = (
        select(incidents.c.id)
        .where(
            incidents.c.id.in_(select(other).where(_of(incident_id))),
            incidents.c.status == IncidentStatus.OPEN,
            incidents.c.drill.is_(drill),
        )
        .order_by(incidents.c.id.desc())
        .limit(limit)
    )
    return list(unit.connection.execute(query).scalars())


def count(unit: UnitOfWork, incident_id: int) -> int:
    query = select(func.count()).select_from(incident_relations).where(_of(incident_id))
    return int(unit.connection.execute(query).scalar_one())


def _of(incident_id: int) -> ColumnElement[bool]:
    return or_(incident_relations.c.first_id == incident_id, incident_relations.c.second_id == incident_id)


def to_link(unit: UnitOfWork, limit: int) -> list[tuple[int, int]]:
    """Pairs that are not shown with links to each other yet, and both of which stand in Slack."""
    first, second = messages.alias("first_root"), messages.alias("second_root")
    pair = incident_relations.c
    query = (
        select(pair.first_id, pair.second_id)
        .join(first, and_(first.c.incident_id == pair.first_id, first.c.view == "root"))
        .join(second, and_(second.c.incident_id == pair.second_id, second.c.view == "root"))
        .where(pair.unlinked_since.is_not(None), first.c.ts.is_not(None), second.c.ts.is_not(None))
        .order_by(pair.first_id, pair.second_id)
        .limit(limit)
    )
    return [(row.first_id, row.second_id) for row in unit.connection.execute(query)]


def linked(unit: UnitOfWork, pair: tuple[int, int]) -> None:
    unit.connection.execute(
        update(incident_relations)
        .where(incident_relations.c.first_id == pair[0], incident_relations.c.second_id == pair[1])
        .values(unlinked_since=None)
    )


def carry_over(unit: UnitOfWork, source_id: int, target_id: int, *, now: datetime) -> None:
    """What the source's alerts named is the target's from now on, and is related anew there."""
    seen = [Sighting(target_id, one.subject, one.at) for one in of_incident(unit, source_id)]
    note(unit, seen, now=now)
    unit.connection.execute(delete(incident_subjects).where(incident_subjects.c.incident_id == source_id))
