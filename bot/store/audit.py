"""The audit's entries: appended at the end of the transaction that they tell of, one after the other."""

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import RowMapping, insert, select

from bot.domain.audit import BEGINNING, AuditEntry, hash_of
from bot.store.database import LOCK_ALONE, UnitOfWork
from bot.store.tables import audit

_LOCK = 0x41554449  # one advisory lock for the chain on PostgreSQL; on SQLite there is one writer anyhow
PAGE = 1000

# Made once: an entry stands in every halt's first transaction.
_LAST = select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
_APPEND = insert(audit)


def append(unit: UnitOfWork, entry: AuditEntry) -> None:
    """Give `entry` its place in the chain (`seq` and the hashes are set here) when the transaction is about to end.

    Not sooner: the chain's lock is everybody's, and taken before a lock on an account it could stand in a halt's way.
    """
    unit.before_commit(lambda: _append(unit, entry))


def _append(unit: UnitOfWork, entry: AuditEntry) -> None:
    if unit.dialect == "postgresql":
        unit.all(LOCK_ALONE, {"lock": _LOCK})
    seq, previous = last(unit)
    placed = replace(entry, seq=seq + 1, previous_hash=previous)
    unit.put(_APPEND, vars(replace(placed, hash=hash_of(placed))))


def last(unit: UnitOfWork) -> tuple[int, str]:
    """Number and hash of the newest entry; 0 and the beginning's hash when there is none."""
    found = unit.first(_LAST)
    return (found.seq, found.hash) if found else (0, BEGINNING)


def entries(unit: UnitOfWork, *, after: int | None = None) -> Iterator[AuditEntry]:
    """Every entry in order, read in pages. `after`: only those with a higher number."""
    query = select(audit).order_by(audit.c.seq).limit(PAGE)
    while True:
        page = query if after is None else query.where(audit.c.seq > after)
        found = [_entry(values) for values in unit.connection.execute(page).mappings()]
        yield from found
        if len(found) < PAGE:
            return
        after = found[-1].seq


def _entry(values: RowMapping) -> AuditEntry:
    return AuditEntry(**dict(values))
