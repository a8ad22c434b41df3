"""How far the record was held against Alertmanager and Prometheus: one row, claimed by the process that compares."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, case, or_, select, update

from bot.store.database import UnitOfWork
from bot.store.tables import checkpoints

NAME = "alerting"
_ROW = checkpoints.c.name == NAME


@dataclass(frozen=True)
class Checkpoint:
    name: str
    due_at: datetime
    claimed_by: str | None
    claimed_until: datetime | None
    checked_until: datetime | None
    reading: Mapping[str, Any] | None
    muted: Mapping[str, Any] | None
    added_labels: Mapping[str, str] | None
    watchdog_at: datetime | None
    watchdog_armed: bool


def ensure(unit: UnitOfWork, now: datetime) -> None:
    """Write the row if there is none: due at once, with a history that begins now."""
    statement = unit.insert(checkpoints).values(
        name=NAME, due_at=now, checked_until=now, watchdog_armed=False
    )
    unit.connection.execute(statement.on_conflict_do_nothing(index_elements=["name"]))


def current(unit: UnitOfWork) -> Checkpoint | None:
    found = unit.connection.execute(select(checkpoints).where(_ROW)).mappings().first()
    return Checkpoint(**dict(found)) if found else None


def claim(unit: UnitOfWork, by: str, now: datetime, lease: timedelta) -> Checkpoint | None:
    """Take the comparison if it is due and nobody else's; it is due again when the lease has run out."""
    query = (
        select(checkpoints)
        .where(
            _ROW,
            checkpoints.c.due_at <= now,
            or_(checkpoints.c.claimed_until.is_(None), checkpoints.c.claimed_until <= now),
        )
        .with_for_update(key_share=True, skip_locked=True)
    )
    found = unit.connection.execute(query).mappings().first()
    if found is None:
        return None
    # Not due before the lease is over; `soon` moves it forward.
    change(unit, claimed_by=by, claimed_until=now + lease, due_at=now + lease)
    return Checkpoint(**dict(found))


_ALIVE = (
    update(checkpoints)
    .where(_ROW, checkpoints.c.claimed_by == bindparam("by"))
    .values(
        claimed_until=bindparam("until"),
        # What was asked for meanwhile (`soon`) stays.
        due_at=case(
            (checkpoints.c.due_at < checkpoints.c.claimed_until, checkpoints.c.due_at),
            else_=bindparam("until", type_=checkpoints.c.due_at.type),
        ),
    )
)


def keep_claim(unit: UnitOfWork, by: str, until: datetime) -> None:
    """Say that whoever compares is alive and still at it. Nothing when the claim was lost to another process."""
    unit.run(_ALIVE, {"by": by, "until": until})


def hold(unit: UnitOfWork, by: str) -> Checkpoint | None:
    """The row as it is now, held until the transaction ends; None when the claim was lost to another process."""
    query = select(checkpoints).where(_ROW, checkpoints.c.claimed_by == by).with_for_update(key_share=True)
    found = unit.connection.execute(query).mappings().first()
    return Checkpoint(**dict(found)) if found else None


def change(unit: UnitOfWork, **values: Any) -> None:
    unit.connection.execute(update(checkpoints).where(_ROW).values(**values))


def release(unit: UnitOfWork, held: Checkpoint, due_at: datetime) -> None:
    """Give the claim back. What was asked for meanwhile (`soon`) is due as asked."""
    asked = held.claimed_until is not None and held.due_at < held.claimed_until
    change(unit, claimed_by=None, claimed_until=None, due_at=held.due_at if asked else due_at)


def release_all(unit: UnitOfWork, now: datetime) -> None:
    """Whoever held the claim is dead: it is due now."""
    change(unit, claimed_by=None, claimed_until=None, due_at=now)


def soon(unit: UnitOfWork, now: datetime) -> None:
    """Have the sources asked again as soon as may be: somebody waits for what they show.

    A comparison that is being stored at this moment is not waited for: it holds the row, and wants what the caller has.
    """
    free = (
        select(checkpoints.c.name)
        .where(_ROW, checkpoints.c.due_at > now)
        .with_for_update(key_share=True, skip_locked=True)
    )
    if unit.connection.execute(free).first() is not None:
        change(unit, due_at=now)


def watchdog_heard(unit: UnitOfWork, at: datetime, within: timedelta) -> None:
    """The Watchdog came. It is watched once it has come twice `within` the time that its silence may last."""
    found = unit.connection.execute(
        select(checkpoints.c.watchdog_at, checkpoints.c.watchdog_armed)
        .where(_ROW)
        .with_for_update(key_share=True)
    ).first()
    if found is None:
        ensure(unit, at)
        change(unit, watchdog_at=at)
    elif found.watchdog_at is None or at > found.watchdog_at:
        again = found.watchdog_at is not None and at - found.watchdog_at <= within
        change(unit, watchdog_at=at, watchdog_armed=found.watchdog_armed or again)
