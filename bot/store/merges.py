"""Incidents folded into another: which one into which, the alert groups that go with it, and what is carried over."""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import bindparam, select, update

from bot.domain.incident import Incident
from bot.domain.words import IncidentStatus
from bot.store import incidents as incident_rows
from bot.store.database import UNSEEN, UnitOfWork
from bot.store.tables import (
    accounts,
    alerts,
    approvals,
    channel_groups,
    drift_episodes,
    incident_merges,
    incidents,
    merged_groups,
)

CHUNK = 500  # incidents in one question
LONGEST_CHAIN = 100  # a merge of a merge of a merge ...; each is into an incident that was open


@dataclass(frozen=True)
class Merge:
    source_id: int
    target_id: int
    at: datetime
    by: str


# Made once: every picture of an incident asks both.
_FIELDS = [incident_merges.c[name] for name in Merge.__dataclass_fields__]
_OF_SOURCE = select(*_FIELDS).where(incident_merges.c.source_id == bindparam("source"))
_INTO = (
    select(*_FIELDS)
    .where(incident_merges.c.target_id == bindparam("target"))
    .order_by(incident_merges.c.at, incident_merges.c.source_id)
    .limit(500)
)


def record(unit: UnitOfWork, merge: Merge) -> None:
    unit.connection.execute(unit.insert(incident_merges).values(**vars(merge)))


def of_source(unit: UnitOfWork, source_id: int) -> Merge | None:
    found = unit.first(_OF_SOURCE, {"source": source_id})
    return Merge(*found) if found else None


def into(unit: UnitOfWork, target_id: int) -> list[Merge]:
    """What was folded into the incident itself, oldest first."""
    return [Merge(*found) for found in unit.all(_INTO, {"target": target_id})]


def with_merged(unit: UnitOfWork, number: int) -> list[int]:
    """The incident and every one that was folded into it, or into one of those, itself first."""
    found, look = [number], [number]
    while look and len(found) < LONGEST_CHAIN:
        query = select(incident_merges.c.source_id).where(incident_merges.c.target_id.in_(look))
        look = sorted(set(unit.connection.execute(query).scalars()) - set(found))
        found += look
    return found


def standing_for(unit: UnitOfWork, number: int) -> int:
    """The incident that goes on for this one: itself, unless it was merged, and so was that one, and so on."""
    for _ in range(LONGEST_CHAIN):
        merge = of_source(unit, number)
        if merge is None:
            return number
        number = merge.target_id
    return number


def open_of_group(unit: UnitOfWork, group_key: str) -> Incident | None:
    """The open incident that the alert group belongs to: its own, else the one that its own was merged into."""
    own = incident_rows.open_of_group(unit, group_key)
    if own is not None:
        return own
    # Asked for only now: whoever waited above for a merge to commit must see what it has written.
    owner = _owner(unit, group_key)
    found = incident_rows.lock(unit, owner) if owner is not None else None
    return found if found is not None and found.open else None


def last_resolved_of_group(unit: UnitOfWork, group_key: str, since: datetime) -> Incident | None:
    """The incident that the group belonged to and that was resolved last, if that was after `since`."""
    own = incident_rows.last_resolved_of_group(unit, group_key, since)
    owner = _owner(unit, group_key)
    merged = incident_rows.lock(unit, owner) if owner is not None else None
    found = [
        one
        for one in (own, merged)
        if one is not None
        and one.status is IncidentStatus.RESOLVED
        and one.resolved_at is not None
        and one.resolved_at >= since
    ]
    return max(found, key=lambda one: one.resolved_at or since, default=None)


def _owner(unit: UnitOfWork, group_key: str) -> int | None:
    found = unit.foreseen(("owner", group_key))
    if found is UNSEEN:
        found = unit.value(_OWNER, {"key": group_key})
    return cast("int | None", found)


_OWNER = select(merged_groups.c.incident_id).where(merged_groups.c.group_key == bindparam("key"))
_OWNERS = select(merged_groups).where(merged_groups.c.group_key.in_(bindparam("keys", expanding=True)))


def read_ahead(unit: UnitOfWork, group_keys: Sequence[str]) -> dict[Hashable, Any]:
    """The owner of each group, read at once: for `UnitOfWork.foresee`."""
    owners = {row.group_key: row.incident_id for row in unit.all(_OWNERS, {"keys": group_keys})}
    return {("owner", key): owners.get(key) for key in group_keys}


def own_groups(unit: UnitOfWork, source: Incident, target_id: int) -> None:
    """The source's alert group, and those that had been merged into it, are the target's from now on."""
    of_others = sum(left_out(unit, source.id).values())
    unit.connection.execute(
        update(merged_groups).where(merged_groups.c.incident_id == source.id).values(incident_id=target_id)
    )
    if source.group_key is not None:
        own_group(unit, source.group_key, target_id, left_out=max(0, source.left_out - of_others))
    if source.left_out:
        unit.connection.execute(
            update(incidents)
            .where(incidents.c.id == target_id)
            .values(left_out=incidents.c.left_out + source.left_out)
        )


def own_group(unit: UnitOfWork, group_key: str, target_id: int, *, left_out: int = 0) -> None:
    """An alert group that has no incident of its own is this one's from now on."""
    values = {"incident_id": target_id, "left_out": left_out}
    statement = unit.insert(merged_groups).values(group_key=group_key, **values)
    unit.connection.execute(statement.on_conflict_do_update(index_elements=["group_key"], set_=values))


def left_out(unit: UnitOfWork, number: int) -> dict[str, int]:
    """The alert groups that the incident took over, each with how many alerts its newest webhook left out."""
    query = select(merged_groups).where(merged_groups.c.incident_id == number)
    return {row.group_key: row.left_out for row in unit.connection.execute(query)}


def leave_out(unit: UnitOfWork, group_key: str, count: int) -> None:
    unit.connection.execute(
        update(merged_groups).where(merged_groups.c.group_key == group_key).values(left_out=count)
    )


def groups_in(unit: UnitOfWork, numbers: Collection[int]) -> list[tuple[str, int]]:
    """The alert groups that these incidents took over, each with its incident."""
    found: list[tuple[str, int]] = []
    ordered = sorted(numbers)
    for start in range(0, len(ordered), CHUNK):
        query = select(merged_groups).where(merged_groups.c.incident_id.in_(ordered[start : start + CHUNK]))
        found += [(row.group_key, row.incident_id) for row in unit.connection.execute(query)]
    return found


def hold_alerts(unit: UnitOfWork, source_id: int) -> set[int]:
    """Hold the source's alerts before the incidents, in the order in which a webhook takes them."""
    query = select(alerts.c.id).where(alerts.c.incident_id == source_id).order_by(alerts.c.id)
    return set(unit.connection.execute(query.with_for_update(key_share=True)).scalars())


def alert_numbers(unit: UnitOfWork, source_id: int) -> set[int]:
    query = select(alerts.c.id).where(alerts.c.incident_id == source_id)
    return set(unit.connection.execute(query).scalars())


def open_approvals(unit: UnitOfWork, source_id: int) -> list[int]:
    """The source's requests that are not decided, held as whoever decides them holds them: before the incident."""
    query = (
        select(approvals.c.id)
        .where(approvals.c.incident_id == source_id, approvals.c.decided_at.is_(None))
        .order_by(approvals.c.id)
        .with_for_update(key_share=True)
    )
    return list(unit.connection.execute(query).scalars())


def carry_over(unit: UnitOfWork, source_id: int, target_id: int) -> None:
    """Alerts keep their identity and change their incident, as do messages' groups, halted accounts, lasting drift."""
    for table in (alerts, channel_groups, accounts):
        unit.connection.execute(
            update(table).where(table.c.incident_id == source_id).values(incident_id=target_id)
        )
    unit.connection.execute(
        update(drift_episodes)
        .where(drift_episodes.c.incident_id == source_id, drift_episodes.c.open_key.is_not(None))
        .values(incident_id=target_id)
    )
