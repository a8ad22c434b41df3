"""Accounts and their trading state, with what the broker said last."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update

from bot.domain.words import TradingState
from bot.store.database import UnitOfWork
from bot.store.tables import accounts


@dataclass(frozen=True)
class AccountRecord:
    """`suspended` and `open_orders` are None until they were learned."""

    name: str
    account_number: str | None
    state: TradingState
    since: datetime
    reason: str | None
    incident_id: int | None
    version: int
    verified_at: datetime | None
    suspended: bool | None
    open_orders: int | None
    configuration_before: Mapping[str, Any] | None


def _record(found: Any) -> AccountRecord:
    return AccountRecord(**{**found._asdict(), "state": TradingState(found.state)})


_ONE = select(accounts).where(accounts.c.name == bindparam("name"))  # made once: every confirmation asks it
_LOCK = select(accounts.c.name).where(accounts.c.name == bindparam("name")).with_for_update(key_share=True)
_ALL = select(accounts).order_by(accounts.c.name)


def ensure(unit: UnitOfWork, name: str, at: datetime) -> None:
    statement = unit.insert(accounts).values(name=name, state=TradingState.NORMAL, since=at, version=1)
    unit.connection.execute(statement.on_conflict_do_nothing(index_elements=["name"]))


def lock(unit: UnitOfWork, name: str) -> None:
    """Hold the account until the transaction ends: actions on it are confirmed one after the other."""
    if unit.dialect != "sqlite":  # which has one writer at a time anyway
        unit.all(_LOCK, {"name": name})


def get(unit: UnitOfWork, name: str) -> AccountRecord | None:
    found = unit.first(_ONE, {"name": name})
    return _record(found) if found else None


def all_of_them(unit: UnitOfWork) -> list[AccountRecord]:
    return [_record(found) for found in unit.all(_ALL)]


def read_at_broker(unit: UnitOfWork, name: str, **seen: Any) -> None:
    """Record what the broker said. Only what was learned is passed; the rest keeps its last value."""
    unit.connection.execute(update(accounts).where(accounts.c.name == name).values(**seen))


def set_state(
    unit: UnitOfWork, name: str, state: TradingState, *, at: datetime, reason: str, incident_id: int | None
) -> None:
    unit.connection.execute(
        update(accounts)
        .where(accounts.c.name == name)
        .values(state=state, since=at, reason=reason, incident_id=incident_id, version=accounts.c.version + 1)
    )
