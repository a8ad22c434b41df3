"""What was taken in already: a request that Slack sends twice, an entry of the journal."""

from datetime import datetime

from sqlalchemy import func, select

from bot.store import tables
from bot.store.database import UnitOfWork


def first_time(unit: UnitOfWork, key: str, at: datetime) -> bool:
    """Remember `key`; false when it was remembered before."""
    statement = (
        unit.insert(tables.seen)
        .values(key=key[:128], at=at)
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(tables.seen.c.key)  # an INSERT's row count is not told on PostgreSQL
    )
    return unit.connection.execute(statement).scalar_one_or_none() is not None


def known(unit: UnitOfWork, key: str) -> bool:
    """Whether `key` is remembered, without remembering it."""
    query = select(tables.seen.c.key).where(tables.seen.c.key == key[:128])
    return unit.connection.execute(query).first() is not None


def count(unit: UnitOfWork, prefix: str) -> int:
    """How many keys begin with `prefix`, which is Haltdesk's own text."""
    query = select(func.count()).where(tables.seen.c.key.startswith(prefix, autoescape=True))
    return int(unit.connection.execute(query).scalar_one())
