"""Opens the database and hands out units of work: one transaction, and what to wake when it has committed."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    Engine,
    Insert,
    Table,
    Text,
    bindparam,
    create_engine,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.pool import ConnectionPoolEntry

from bot.store import prepared
from bot.store.columns import as_json_text
from bot.store.first_posts import Poster
from bot.store.gathering import UNSEEN
from bot.store.unit_of_work import UnitOfWork, Wake
from bot.store.wakeups import CHANNEL

DatabaseError = SQLAlchemyError

BUSY_MS = 5_000
READERS = 4  # connections to SQLite that are kept for reading; each keeps up to 2 MB of what it has read
STATEMENTS = (
    256  # that a connection to SQLite keeps prepared: rows go in by ones, twos, fours ... of several tables
)
# Could not be serialized, deadlock, lock not had in time. Source: PostgreSQL, Appendix A.
_OF_THE_MOMENT = frozenset({"40001", "40P01", "55P03"})
_IN_MEMORY = (None, "", ":memory:")
_LAX = "does not wait for the disk"
# PostgreSQL's locks of a number, until the transaction ends.
_NUMBER: BindParameter[int] = bindparam("lock", type_=BigInteger)
LOCK_ALONE = select(func.pg_advisory_xact_lock(_NUMBER))
LOCK_SHARED = select(func.pg_advisory_xact_lock_shared(_NUMBER))
_NOTIFY = select(func.pg_notify(bindparam("channel", type_=Text), bindparam("names", type_=Text)))


def of_the_moment(failure: Exception) -> bool:
    """Whether the same transaction, done again, may well succeed: another one was in its way."""
    if not isinstance(failure, DBAPIError) or failure.connection_invalidated:
        return False
    return getattr(failure.orig, "sqlstate", None) in _OF_THE_MOMENT


def refused(failure: Exception) -> bool:
    """Whether the database answered, and will not take these values however often they are sent."""
    if isinstance(failure, DBAPIError):
        return isinstance(failure, DataError | IntegrityError)
    return isinstance(failure, StatementError)  # could not even be sent: a value of no known kind


def on_either(build: Callable[[SqliteInsert | PostgresInsert], Insert], table: Table) -> Mapping[str, Insert]:
    """An INSERT for each kind of database, by the name of its dialect: made once, so that it is compiled once."""
    return {"sqlite": build(sqlite_insert(table)), "postgresql": build(postgres_insert(table))}


class Database:
    """The desk's database.

    `url` is an SQLAlchemy URL. Writers on SQLite take one lock in the process before `BEGIN IMMEDIATE`: waiting
    in SQLite itself means sleeping and polling, which costs a halt its milliseconds.
    """

    def __init__(self, url: str, *, pool_size: int = 16) -> None:
        self.url = make_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"json_serializer": as_json_text}
        if self.sqlite:
            options["connect_args"] = {
                "timeout": BUSY_MS / 1000,
                "check_same_thread": False,
                "cached_statements": STATEMENTS,
            }
            if self.url.database not in _IN_MEMORY:
                options |= {"pool_size": pool_size, "max_overflow": 16, "pool_use_lifo": True}
        else:
            # A database that is away must say so soon: the caller has a journal, or an Alertmanager that retries.
            options |= {"pool_size": pool_size, "max_overflow": 16, "pool_timeout": 5, "pool_pre_ping": True}
            options["pool_use_lifo"] = True
            options["connect_args"] = {
                "connect_timeout": 3,
                "options": "-c lock_timeout=5000 -c statement_timeout=15000"
                " -c idle_in_transaction_session_timeout=30000",
            }
        self.engine: Engine = create_engine(self.url, **options)
        if self.sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        self._writing: threading.Lock | nullcontext[None] = threading.Lock() if self.sqlite else nullcontext()
        self._keeps = self.sqlite and self.url.database not in _IN_MEMORY
        # Connections that are kept for their next use: one at most that writes.
        self._writers: list[Connection] = []
        self._readers: list[Connection] = []
        self.poster: Poster | None = None
        self._wakers: dict[str, Callable[[], None]] = {}

    def on_wake(self, piece: Wake | Literal["colleague", "new post"], waker: Callable[[], None]) -> None:
        """Call `waker` after each commit that has work for `piece`. It must not block."""
        self._wakers[piece] = waker

    def wake(self, piece: str) -> None:
        """Wake the background piece of that name, if it lives in this process."""
        waker = self._wakers.get(piece)
        if waker is not None:
            waker()

    @contextmanager
    def begin(self, *, gathers: bool = False, durable: bool = True) -> Iterator[UnitOfWork]:
        """A writing transaction: committed at the end of the block, rolled back when it raises.

        One that is not `durable` survives the death of this process, not that of the machine: for what is found out
        again after it, such as a claim. It spares the wait for the disk, which a webhook may be waiting for too.
        """
        unit: UnitOfWork | None = None
        try:
            with self._writer() as connection:
                connection.execution_options(writes=True, durable=durable)
                with connection.begin():
                    if not durable and not self.sqlite:
                        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
                    unit = UnitOfWork(connection, gathers=gathers, poster=self.poster)
                    yield unit
                    self._close(unit, connection)
        except BaseException:
            for what in unit.otherwise if unit is not None else ():
                what()
            raise
        for what in unit.afterwards:
            what()
        for piece in unit.wakes:
            self.wake(piece)

    def _close(self, unit: UnitOfWork, connection: Connection) -> None:
        """The end of a transaction, right before it is committed."""
        for closing in unit.closings:
            closing()
        if unit.gathered is not None:
            unit.gathered.write(connection)
        if unit.wakes and not self.sqlite:
            names = ",".join(sorted(unit.wakes))
            prepared.ask(connection, _NOTIFY, {"channel": CHANNEL, "names": names})

    @contextmanager
    def _writer(self) -> Iterator[Connection]:
        """The connection to write with. On a file of SQLite it is always the same one.

        What a connection has read of the database is worth nothing to it once another one has written: with many, each
        transaction reads its pages anew, and a halt's as well.
        """
        if not self._keeps:
            with self._writing, self.engine.connect() as connection:
                yield connection
            return
        with self._writing:
            writer = self._writers.pop() if self._writers else self.engine.connect()
            try:
                yield writer
                _durable_again(writer.connection.dbapi_connection, writer.info)
            except BaseException:
                writer.close()
                raise
            self._writers.append(writer)

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        """One consistent picture of the database, for reading only."""
        with self._reader() as connection:
            if not self.sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield UnitOfWork(connection)

    @contextmanager
    def _reader(self) -> Iterator[Connection]:
        """On a file of SQLite the one that was used last: to be given a connection costs as much as two statements."""
        if not self._keeps:
            with self.engine.connect() as connection:
                yield connection
            return
        try:
            reader = self._readers.pop()
        except IndexError:
            reader = self.engine.connect()
        try:
            yield reader
        except BaseException:
            reader.close()
            raise
        if len(self._readers) < READERS:
            self._readers.append(reader)
        else:
            reader.close()

    def ping(self) -> None:
        """Raise unless the database answers."""
        with self.read() as unit:
            unit.connection.execute(text("SELECT 1"))

    def dispose(self) -> None:
        for kept in (self._writers, self._readers):
            while kept:
                kept.pop().close()
        self.engine.dispose()


def _prepare_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver's guess
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_MS}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("writes", False):
        prepared.send(connection, "BEGIN", ())
        return
    lax = not options.get("durable", True)
    if lax or connection.info.get(_LAX):
        connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if lax else 'FULL'}")
        connection.info[_LAX] = lax
    prepared.send(connection, "BEGIN IMMEDIATE", ())


def _durable_again(connection: Any, about: MutableMapping[Any, Any]) -> None:
    """After use, a connection waits for the disk again: whoever takes it next may be a halt, and need not ask."""
    if connection is not None and about.get(_LAX):
        with suppress(sqlite3.Error):  # then the next one does ask
            connection.execute("PRAGMA synchronous=FULL")
            about[_LAX] = False


__all__ = ["UNSEEN", "Database", "DatabaseError", "UnitOfWork", "Wake", "on_either"]
