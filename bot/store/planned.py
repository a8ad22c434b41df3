"""Reconciliations that are planned by the exchange's calendar, as rows: a tick missed is a tick late."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update

from bot.store.database import UnitOfWork
from bot.store.tables import planned_reconciliations as planned


@dataclass(frozen=True)
class Planned:
    id: int
    key: str
    account: str
    due_at: datetime
    source: str
    tries: int


def plan(unit: UnitOfWork, key: str, account: str, due_at: datetime, source: str) -> None:
    """Plan it; what is planned and still to be done is moved to `due_at`, what is done stays done."""
    statement = unit.insert(planned).values(
        key=f"{account}:{key}", account=account, due_at=due_at, source=source, done=False, tries=0
    )
    unit.connection.execute(
        statement.on_conflict_do_update(
            index_elements=["key"],
            set_={"due_at": due_at, "source": source},
            where=planned.c.done.is_(False) & (planned.c.tries == 0),
        )
    )


def take(unit: UnitOfWork, now: datetime, again_at: datetime) -> Planned | None:
    """Take one that is due. It comes back at `again_at` unless it is said to be done: its taker may die."""
    query = (
        select(planned)
        .where(planned.c.done.is_(False), planned.c.due_at <= now)
        .order_by(planned.c.due_at)
        .limit(1)
        .with_for_update(key_share=True, skip_locked=True)
    )
    found = unit.connection.execute(query).first()
    if found is None:
        return None
    unit.connection.execute(
        update(planned).where(planned.c.id == found.id).values(due_at=again_at, tries=planned.c.tries + 1)
    )
    return Planned(found.id, found.key, found.account, found.due_at, found.source, found.tries)


def done(unit: UnitOfWork, number: int) -> None:
    unit.connection.execute(update(planned).where(planned.c.id == number).values(done=True))


def next_due(unit: UnitOfWork, account: str) -> datetime | None:
    query = select(func.min(planned.c.due_at)).where(planned.c.account == account, planned.c.done.is_(False))
    found: datetime | None = unit.connection.execute(query).scalar_one()
    return found
