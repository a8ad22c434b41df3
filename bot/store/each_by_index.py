"""Looks rows of PostgreSQL up by a list of keys, each by itself and by index.

Asked for `column IN (...)` or as a join, PostgreSQL may read the whole table for a few keys while nobody has counted
its rows, and holds to that plan while the table grows: in a storm from nothing to thousands within a minute.
"""

from typing import Any

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Select,
    Text,
    bindparam,
    func,
    literal_column,
    select,
    true,
)


def each_by_index(
    what: ColumnElement[Any], column: Column[Any], keys: str, *where: ColumnElement[bool]
) -> Select[Any]:
    """`what` of the rows whose `column` is in the list that is given under the name `keys`, and that fit `where`."""
    told = func.unnest(bindparam(keys, type_=ARRAY(Text))).table_valued("one").render_derived(name=keys)
    rows = select(what).select_from(column.table).where(column == told.c.one, *where).correlate(told)
    # The offset keeps it from being made a plain join.
    each = rows.offset(literal_column("0")).lateral()
    return select(*each.c).select_from(told.join(each, true()))


def in_array(number: ColumnElement[Any], found: Select[Any]) -> ColumnElement[bool]:
    """Whether `number` is one of those that `found` finds, which is asked once, before the rows are looked up."""
    return number == func.any(func.array(found.scalar_subquery()))
