"""Writes many rows with one INSERT: compiled once, its values brought into the driver's form once a column.

SQLAlchemy makes the statement and knows how each type is written; only its work for each row and each value is left
out, which costs more than the database's own.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Insert
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.schema import ScalarElementColumnDefault

STATEMENTS = 64  # kept; there are a dozen, made at module level


class _Prepared:
    """`columns` are in the order of the statement's parameters: name, what brings a value into form, the default."""

    def __init__(self, statement: Insert, dialect: Dialect, keys: tuple[str, ...]) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(keys))
        assert isinstance(compiled, SQLCompiler)
        self.sql = str(compiled)
        self.by_position = compiled.positiontup is not None
        self.names = compiled.positiontup or list(compiled.bind_names.values())
        defaults = {
            column.key: column.default.arg
            for column in compiled.insert_prefetch
            if isinstance(column.default, ScalarElementColumnDefault)
        } | {
            name: bind.value
            for name, bind in compiled.binds.items()
            if name not in keys and bind.value is not None
        }
        self._columns = [
            (name, _processor(compiled, name, dialect), defaults.get(name), name not in keys)
            for name in self.names
        ]

    def parameters(self, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        """The driver's parameters for all rows. Done a column at a time, in Python's own loops."""
        found = []
        for name, process, default, constant in self._columns:
            given = repeat(default, len(rows)) if constant else map(itemgetter(name), rows)
            found.append(given if process is None else map(process, given))
        values = zip(*found, strict=True)
        return (
            list(values) if self.by_position else [dict(zip(self.names, row, strict=True)) for row in values]
        )


def _processor(compiled: SQLCompiler, name: str, dialect: Dialect) -> Callable[[Any], Any] | None:
    return compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)


@lru_cache(maxsize=STATEMENTS)
def _prepared(statement: Insert, dialect: Dialect, keys: tuple[str, ...]) -> _Prepared:
    return _Prepared(statement, dialect, keys)


def write_rows(connection: Connection, statement: Insert, rows: Sequence[Mapping[str, Any]]) -> None:
    """Every row has the same keys. Raises the database's error."""
    prepared = _prepared(statement, connection.dialect, tuple(rows[0]))
    connection.exec_driver_sql(prepared.sql, prepared.parameters(rows))
