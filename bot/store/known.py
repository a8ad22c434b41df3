"""Whether the record knows anything of a batch of webhooks: one look, before any of it is asked for and held."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    Select,
    Text,
    bindparam,
    func,
    literal_column,
    select,
    union_all,
)

from bot.store.columns import as_json_text
from bot.store.database import UnitOfWork
from bot.store.each_by_index import each_by_index
from bot.store.tables import alerts, incidents, merged_groups

ALERTS, GROUPS = 1, 2
_SINCE = incidents.c.resolved_at >= bindparam("since", type_=incidents.c.resolved_at.type)
# What is looked for in which column, and what it would mean.
_LOOKS: Sequence[tuple[int, str, Column[Any], Sequence[ColumnElement[bool]]]] = (
    (ALERTS, "marks", alerts.c.fingerprint, ()),
    (GROUPS, "keys", incidents.c.open_group_key, ()),
    (GROUPS, "keys", incidents.c.group_key, (_SINCE,)),
    (GROUPS, "keys", merged_groups.c.group_key, ()),
)


def _what(number: int) -> ColumnElement[int]:
    return literal_column(str(number), Integer).label("what")


def _on_sqlite() -> Select[Any]:
    def first(what: int, name: str, column: Column[Any], where: Sequence[ColumnElement[bool]]) -> Select[Any]:
        told = func.json_each(bindparam(name, type_=Text)).table_valued("value", name=name)
        found = select(_what(what)).select_from(told).where(column == told.c.value, *where).limit(1)
        return found.subquery().select()

    return select(union_all(*(first(*look) for look in _LOOKS)).subquery("found"))


def _on_postgres() -> Select[Any]:
    def first(what: int, name: str, column: Column[Any], where: Sequence[ColumnElement[bool]]) -> Select[Any]:
        return each_by_index(_what(what), column, name, *where).limit(1).subquery().select()

    return select(union_all(*(first(*look) for look in _LOOKS)).subquery("found"))


# Made once: they run for every batch.
_KNOWN: Mapping[str, Select[Any]] = {"sqlite": _on_sqlite(), "postgresql": _on_postgres()}


def known(
    unit: UnitOfWork, fingerprints: Iterable[str], group_keys: Sequence[str], since: datetime
) -> frozenset[int]:
    """`ALERTS` when an alert of these fingerprints is on record, under whatever start. `GROUPS` when one of the groups
    has an open incident, had one resolved after `since`, or was merged into another's."""
    marks: Any = list(set(fingerprints))
    keys: Any = list(group_keys)
    if unit.dialect == "sqlite":
        marks, keys = as_json_text(marks), as_json_text(keys)
    rows = unit.all(_KNOWN[unit.dialect], {"marks": marks, "keys": keys, "since": since})
    return frozenset(row.what for row in rows)
