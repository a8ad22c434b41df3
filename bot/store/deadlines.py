"""What is due later, as rows: a tick missed is a tick late, never a reminder lost."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, text, update

from bot.store.database import UnitOfWork, on_either
from bot.store.tables import deadlines

TICK = timedelta(seconds=1)  # the clock looks every second by itself: only what is due sooner wakes it
WAITING, DONE, WITHDRAWN = "waiting", "done", "withdrawn"
# Written out: the partial index of what waits is found by the words of its condition, not by a parameter.
WAITS = text("deadlines.state = 'waiting'")

_SCHEDULE = on_either(
    lambda statement: statement.on_conflict_do_update(
        index_elements=["key"],
        set_={name: statement.excluded[name] for name in ("due_at", "state", "reason", "changed_at")},
    ),
    deadlines,
)
_FIELDS = (deadlines.c.id, deadlines.c.key, deadlines.c.kind, deadlines.c.incident_id, deadlines.c.due_at)
_NEXT = (
    select(*_FIELDS)
    .where(deadlines.c.incident_id == bindparam("incident"), WAITS)
    .order_by(deadlines.c.due_at)
    .limit(1)
)
_WITHDRAWING = (
    update(deadlines)
    .where(deadlines.c.state == WAITING)
    .values(state=WITHDRAWN, reason=bindparam("why"), changed_at=bindparam("at"))
)
_WITHDRAW = _WITHDRAWING.where(deadlines.c.key == bindparam("of_key"))
_WITHDRAW_ALL = _WITHDRAWING.where(deadlines.c.incident_id == bindparam("incident"))


@dataclass(frozen=True)
class Deadline:
    id: int
    key: str
    kind: str
    incident_id: int
    due_at: datetime


def schedule(
    unit: UnitOfWork, key: str, kind: str, incident_id: int, due_at: datetime, *, at: datetime
) -> None:
    """Set the deadline `key`; one that is there already is moved to `due_at` and waits again."""
    values = {
        "key": key,
        "kind": kind,
        "incident_id": incident_id,
        "due_at": due_at,
        "state": WAITING,
        "reason": None,
        "changed_at": at,
    }
    unit.put(_SCHEDULE[unit.dialect], values, key=key)
    if due_at < at + TICK:
        unit.wake("clock")


def withdraw(unit: UnitOfWork, key: str, reason: str, *, at: datetime) -> bool:
    """Withdraw the deadline if it still waits; true when it did."""
    return unit.run(_WITHDRAW, {"of_key": key, "why": reason, "at": at}) > 0


def withdraw_all(unit: UnitOfWork, incident_id: int, reason: str, *, at: datetime) -> int:
    """Withdraw whatever still waits for the incident; returns how many did."""
    return unit.run(_WITHDRAW_ALL, {"incident": incident_id, "why": reason, "at": at})


def due(unit: UnitOfWork, now: datetime, limit: int = 20) -> list[int]:
    """The incidents of the deadlines that have waited longest of those that are due, lowest number first."""
    query = (
        select(deadlines.c.incident_id)
        .where(WAITS, deadlines.c.due_at <= now)
        .order_by(deadlines.c.due_at)
        .limit(limit)
    )
    return sorted(set(unit.connection.execute(query).scalars()))


def take_due(unit: UnitOfWork, incident_ids: Collection[int], now: datetime) -> list[Deadline]:
    """Take what is due of these incidents, which are held: who changes an incident's deadlines holds it first.

    The taker acts in the same transaction, so a deadline is kept once or, after a crash, again.
    """
    query = (
        select(*_FIELDS)
        .where(WAITS, deadlines.c.due_at <= now, deadlines.c.incident_id.in_(incident_ids))
        .order_by(deadlines.c.due_at)
        .with_for_update(key_share=True, skip_locked=True)
    )
    found = [Deadline(**dict(due)) for due in unit.connection.execute(query).mappings()]
    if found:
        unit.connection.execute(
            update(deadlines)
            .where(deadlines.c.id.in_([due.id for due in found]))
            .values(state=DONE, changed_at=now)
        )
    return found


def next_due(unit: UnitOfWork, incident_id: int) -> Deadline | None:
    found = unit.first(_NEXT, {"incident": incident_id})
    return Deadline(*found) if found else None
