"""When each trader last asked for its trading state."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from bot.store.database import UnitOfWork
from bot.store.tables import traders


@dataclass(frozen=True)
class Trader:
    """`account` is None when it asked for every account at once."""

    name: str
    account: str | None
    asked_at: datetime


def asked(unit: UnitOfWork, trader: Trader) -> None:
    now = {"account": trader.account, "asked_at": trader.asked_at}
    statement = unit.insert(traders).values(name=trader.name, **now)
    unit.connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=now))


def forget(unit: UnitOfWork, before: datetime) -> None:
    """A trader that has not asked since then trades no more (or under another name)."""
    unit.connection.execute(delete(traders).where(traders.c.asked_at < before))


def listed(unit: UnitOfWork, limit: int = 100) -> list[Trader]:
    """The most recent first."""
    query = select(traders).order_by(traders.c.asked_at.desc()).limit(limit)
    return [Trader(**dict(found)) for found in unit.connection.execute(query).mappings()]
