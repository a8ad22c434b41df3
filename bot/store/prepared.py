"""Runs statements that are made once, straight at the driver.

SQLAlchemy writes the statement and knows how each type is written and read. What it does for each execution is left
out, for it costs more than the database's own work: 0.33 ms against 0.11 ms a statement in a process that was at rest,
and a halt waits for ten of them.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple, cast

from sqlalchemy import Connection, Delete, Insert, Select, Update
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.schema import ScalarElementColumnDefault

STATEMENTS = 512  # kept, compiled; they are made at module level or cached
LENGTHS = 64  # of lists, kept for each statement: with each length it is another one for the database

Statement = Select[Any] | Insert | Update | Delete
Values = Mapping[str, Any]
_Process = Callable[[Any], Any] | None


class _Sql(NamedTuple):
    """`slots`: for each value that the driver is given, its own name, that of what it is from, and the place in it."""

    text: str
    slots: Sequence[tuple[str, str, int | None]]


class Prepared:
    """One statement for one kind of database. `given` are the names of the values that each execution brings."""

    def __init__(self, statement: Statement, dialect: Dialect, given: frozenset[str]) -> None:
        keys = sorted(given) if isinstance(statement, Insert | Update) else None
        if isinstance(statement, Insert):
            statement = statement.inline()
        compiled = statement.compile(dialect=dialect, column_keys=keys)
        assert isinstance(compiled, SQLCompiler)
        self._compiled, self._given, self._positional = compiled, given, compiled.positional
        self._processes: dict[str, _Process] = {name: bind_process(compiled, name) for name in compiled.binds}
        self._constants = self._constant_values()
        self._lists = sorted(
            str(name) for name, bind in compiled.binds.items() if bind.expanding and name in given
        )
        self._sql_of = lru_cache(maxsize=LENGTHS)(self._expanded)
        described = (
            statement.column_descriptions
            if isinstance(statement, Select)
            else statement.returning_column_descriptions
        )
        self._row = cast("Any", namedtuple("Row", [one["name"] for one in described], rename=True))
        self._readers = [
            (place, read)
            for place, one in enumerate(described)
            if (read := one["type"].dialect_impl(dialect).result_processor(dialect, None)) is not None
        ]
        self.answers = bool(described)

    def _constant_values(self) -> dict[str, Any]:
        """What is the same in each execution, in the driver's form."""
        defaults = column_defaults(self._compiled)
        missing = [
            name
            for name, bind in self._compiled.binds.items()
            if name not in self._given and name not in defaults and bind.required
        ]
        if missing:
            raise TypeError(f"no value was given for {', '.join(missing)}")
        constants = {
            name: bind.value for name, bind in self._compiled.binds.items() if name not in self._given
        } | {name: value for name, value in defaults.items() if name not in self._given}
        return {
            name: process(value) if (process := self._processes[name]) else value
            for name, value in constants.items()
            if not self._compiled.binds[name].expanding
        }

    def _expanded(self, lengths: tuple[int, ...]) -> _Sql:
        """The statement with a place for each element of its lists, which have these lengths."""
        compiled = self._compiled
        if not self._lists:
            names = list((compiled.positiontup or ()) if self._positional else compiled.binds)
            return _Sql(str(compiled), [(name, name, None) for name in names])
        lists = {name: [None] * length for name, length in zip(self._lists, lengths, strict=True)}
        state = compiled.construct_expanded_state({**dict.fromkeys(self._given), **lists})
        elements = {
            element: (name, place)
            for name in self._lists
            for place, element in enumerate(state.parameter_expansion[name])
        }
        plain = [name for name in compiled.binds if name not in self._lists]
        names = list((state.positiontup or ()) if self._positional else [*plain, *elements])
        return _Sql(state.statement, [(name, *elements.get(name, (name, None))) for name in names])

    def sql_for(self, given: Values) -> tuple[str, Any]:
        """What the driver is given."""
        sql = self._sql_of(tuple(len(given[name]) for name in self._lists))
        constants, processes = self._constants, self._processes
        values: dict[str, Any] = {}
        positional: list[Any] = []
        for name, source, place in sql.slots:
            if source in constants:
                value = constants[source]
            else:
                value = given[source] if place is None else given[source][place]
                process = processes[source]
                if process is not None:
                    value = process(value)
            if self._positional:
                positional.append(value)
            else:
                values[name] = value
        return sql.text, positional if self._positional else values

    def read(self, rows: Iterable[Sequence[Any]]) -> list[Any]:
        """The driver's rows as named tuples, each value in Python's form."""
        if not self._readers:
            return [self._row._make(row) for row in rows]
        found = []
        for row in rows:
            values = list(row)
            for place, read in self._readers:
                values[place] = read(values[place])
            found.append(self._row._make(values))
        return found


def column_defaults(compiled: SQLCompiler) -> dict[str, Any]:
    """Values that the table says for columns of an INSERT for which none is given."""
    return {
        column.key: column.default.arg
        for column in compiled.insert_prefetch
        if isinstance(column.default, ScalarElementColumnDefault)
    }


def bind_process(compiled: SQLCompiler, name: str) -> _Process:
    """Brings a value of this name into the driver's form; None where it is in it already."""
    dialect = compiled.dialect
    return compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)


@lru_cache(maxsize=STATEMENTS)
def _prepared(statement: Statement, dialect: Dialect, given: frozenset[str]) -> Prepared:
    return Prepared(statement, dialect, given)


def ask(connection: Connection, statement: Statement, given: Values) -> list[Any]:
    """Run a statement that answers with rows: named tuples, all of them. Raises the database's error."""
    prepared = _prepared(statement, connection.dialect, frozenset(given))
    sql, parameters = prepared.sql_for(given)
    rows, _ = send(connection, sql, parameters, answers=True)
    return prepared.read(rows)


def run(connection: Connection, statement: Statement, given: Values) -> int:
    """Run a statement that does not; how many rows it touched. Raises the database's error."""
    prepared = _prepared(statement, connection.dialect, frozenset(given))
    _, touched = send(connection, *prepared.sql_for(given))
    return touched


def run_for_each(connection: Connection, statement: Statement, rows: Sequence[Values]) -> None:
    """Run it once for each of `rows`, which have the same keys. None of its values is a list to look in."""
    prepared = _prepared(statement, connection.dialect, frozenset(rows[0]))
    told = [prepared.sql_for(row) for row in rows]
    send(connection, told[0][0], [parameters for _, parameters in told], many=True)


@contextmanager
def without_waiting(connection: Connection) -> Iterator[None]:
    """Statements of this block are sent one after the other; PostgreSQL's answers are waited for at its end.

    For those whose answer nobody needs to go on: a batch of webhooks writes to seven tables. What the database refuses
    is raised at the latest at the end. SQLite has nobody to wait for.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    driver: Any = connection.connection.driver_connection
    try:
        with driver.pipeline():
            yield
    except connection.dialect.loaded_dbapi.Error as failure:
        connection._handle_dbapi_exception(failure, None, None, None, None)


def send(
    connection: Connection, sql: str, parameters: Any, *, many: bool = False, answers: bool = False
) -> tuple[list[Any], int]:
    """Give it to the driver: the rows, if it `answers`, and how many rows it touched. Raises as SQLAlchemy does."""
    cursor: DBAPICursor = connection.connection.cursor()
    try:
        if many:
            cursor.executemany(sql, parameters)
        else:
            cursor.execute(sql, parameters)
        rows = list(cursor.fetchall()) if answers else []
        touched = cursor.rowcount
        cursor.close()
    except Exception as failure:
        # What SQLAlchemy itself does with it: wrapped, counted by whoever listens, and the connection given up if the
        # database is gone. It is private, for nobody else runs statements beside `execute`; a test holds it.
        connection._handle_dbapi_exception(failure, sql, parameters, cursor, None)
    return rows, touched
