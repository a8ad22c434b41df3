"""Writes many rows with one INSERT: compiled once, its values brought into the driver's form once a column.

SQLAlchemy makes the statement and knows how each type is written; only its work for each row and each value is left
out, which costs more than the database's own. PostgreSQL gets all rows of a statement as one JSON text: a message a
row, or an array a column, would cost the driver more than the rows cost the database.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain, repeat
from operator import itemgetter
from typing import Any, Protocol

from pydantic_core import PydanticSerializationError, to_json
from sqlalchemy import JSON, Boolean, Connection, Insert, Integer, String
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler

from bot.store import prepared as at_driver
from bot.store.columns import Moment, in_utc
from bot.store.prepared import bind_process, column_defaults

STATEMENTS = 64  # kept; there are a dozen, made at module level
MOST_PARAMETERS = 8_192  # of a statement; SQLite takes 32,766
_VALUES = " VALUES ("
_PARAMETER = re.compile(r"%\((\w+)\)s(?:::[A-Z]+(?: [A-Z]+)*)?")
_LENGTH = re.compile(r"\(\d+\)")
_ROWS = "rows_of_the_batch"


class _Prepared(Protocol):
    def told(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
        """What the driver is told, one after the other: a statement, and its parameters."""


class _SeveralAtOnce:
    """`INSERT ... VALUES (?, ?), (?, ?)`, in pieces of 1, 2, 4 ... rows: few statements, and all are kept.

    Row by row, the driver would give up the interpreter for each, and wait for it behind every other thread.
    """

    def __init__(self, compiled: SQLCompiler, dialect: Dialect, keys: Sequence[str]) -> None:
        sql = str(compiled)
        start = sql.index(_VALUES) + len(_VALUES) - 1
        end = _closing(sql, start + 1) + 1
        self._head, self._row, self._tail = sql[:start], sql[start:end], sql[end:]
        names = compiled.positiontup or []
        defaults = _defaults(compiled, keys)
        columns = [
            (name, bind_process(compiled, name), defaults.get(name), name not in keys) for name in names
        ]
        each = self._row.count("?")  # there is no text in it that could hold another one
        self._columns = columns[:each]
        # What stands behind the rows is the same for all of them.
        self._behind = tuple(
            process(default) if process is not None else default for _, process, default, _ in columns[each:]
        )
        self._most = 1 << ((MOST_PARAMETERS - len(self._behind)) // max(1, each)).bit_length() - 1

    def told(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
        values = self._values(rows)
        start = 0
        while start < len(values):
            size = min(self._most, 1 << (len(values) - start).bit_length() - 1)
            piece = values[start : start + size]
            yield self._sql(size), (*chain.from_iterable(piece), *self._behind)
            start += size

    @lru_cache(maxsize=STATEMENTS)  # noqa: B019 (these objects are kept as long as the process lives)
    def _sql(self, size: int) -> str:
        return self._head + ", ".join(repeat(self._row, size)) + self._tail

    def _values(self, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        """Done a column at a time, in Python's own loops."""
        columns = []
        for name, process, default, constant in self._columns:
            given = repeat(default, len(rows)) if constant else map(itemgetter(name), rows)
            columns.append(given if process is None else map(process, given))
        return list(zip(*columns, strict=True))


class _AllAtOnce:
    """`INSERT ... VALUES (a, b)` as `INSERT ... SELECT told.a, told.b FROM json_to_recordset(...) AS told(a, b)`.

    What is the same in every row stays a parameter.
    """

    def __init__(self, compiled: SQLCompiler, dialect: Dialect, keys: Sequence[str]) -> None:
        sql = str(compiled)
        start = sql.index(_VALUES)
        end = _closing(sql, start + len(_VALUES))
        names: dict[str, str] = {}

        def of_row(found: re.Match[str]) -> str:
            if found[1] not in keys:
                return found[0]
            names[found[1]] = _type(compiled, found[1], dialect)
            return f'told."{found[1]}"'

        selected = _PARAMETER.sub(of_row, sql[start + len(_VALUES) : end])
        columns = ", ".join(f'"{name}" {kind}' for name, kind in names.items())
        told = f"json_to_recordset(%({_ROWS})s::json) AS told({columns})"
        self._sql = f"{sql[:start]} SELECT {selected} FROM {told}{sql[end + 1 :]}"
        self._moments = [
            name for name in names if name in compiled.binds and isinstance(compiled.binds[name].type, Moment)
        ]
        self._same = {}
        for name, value in _defaults(compiled, keys).items():
            process = bind_process(compiled, name)
            self._same[name] = process(value) if process else value

    def told(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
        for name in self._moments:
            for row in rows:
                in_utc(row[name])  # a naive one is refused
        yield self._sql, {**self._same, _ROWS: _as_json(rows)}


def _defaults(compiled: SQLCompiler, keys: Sequence[str]) -> dict[str, Any]:
    return column_defaults(compiled) | {
        name: bind.value
        for name, bind in compiled.binds.items()
        if isinstance(name, str) and name not in keys and bind.value is not None
    }


def _type(compiled: SQLCompiler, name: str, dialect: Dialect) -> str:
    kind = compiled.binds[name].type
    if not isinstance(kind, Moment | JSON | String | Integer | Boolean):
        raise TypeError(f"how to write {name} ({kind!r}) as JSON is not known: say it in {__name__}")
    # Without a length: to be brought to one here is to be cut to it without a word.
    return _LENGTH.sub("", kind.compile(dialect))


def _as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    try:
        return to_json(rows).decode()
    except PydanticSerializationError:  # half a surrogate, which only Python's own can write
        return json.dumps(rows, default=_moment_text)


def _moment_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _closing(sql: str, start: int) -> int:
    """Where the bracket closes that was opened just before `start`. SQLAlchemy writes no text into the statement."""
    depth = 1
    for place in range(start, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[place], 0)
        if depth == 0:
            return place
    raise ValueError(f"no end of VALUES in {sql}")


@lru_cache(maxsize=STATEMENTS)
def _prepared(statement: Insert, dialect: Dialect, keys: tuple[str, ...]) -> _Prepared:
    compiled = statement.inline().compile(dialect=dialect, column_keys=list(keys))
    assert isinstance(compiled, SQLCompiler)
    kind = _AllAtOnce if dialect.name == "postgresql" else _SeveralAtOnce
    return kind(compiled, dialect, keys)


def write_rows(connection: Connection, statement: Insert, rows: Sequence[Mapping[str, Any]]) -> None:
    """Every row has the same keys, and none refers to another one of them. Raises the database's error."""
    prepared = _prepared(statement, connection.dialect, tuple(rows[0]))
    for sql, parameters in prepared.told(rows):
        at_driver.send(connection, sql, parameters)
