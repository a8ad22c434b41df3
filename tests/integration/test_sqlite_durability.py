"""Which transactions wait for the disk on SQLite: every one, but for those that say that they need not."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bot.store.database import Database, DatabaseError, UnitOfWork

NORMAL, FULL = 1, 2  # as `PRAGMA synchronous` says it


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """With one connection, so that each transaction is given the one that was used before it."""
    opened = Database(f"sqlite:///{tmp_path / 'haltdesk.db'}", pool_size=1)
    yield opened
    opened.dispose()


def _synchronous(unit: UnitOfWork) -> int:
    mode: int = unit.connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
    return mode


def _overheard(unit: UnitOfWork) -> list[str]:
    """What SQLite itself is told on this connection from now on."""
    sent: list[str] = []
    driver = unit.connection.connection.driver_connection
    assert driver is not None
    driver.set_trace_callback(sent.append)
    return sent


def test_a_transaction_waits_for_the_disk_after_one_that_did_not(database: Database) -> None:
    with database.begin() as unit:
        assert _synchronous(unit) == FULL
    with database.begin(durable=False) as unit:
        assert _synchronous(unit) == NORMAL
    with database.begin() as unit:
        assert _synchronous(unit) == FULL


def test_a_transaction_waits_for_the_disk_after_one_that_failed(database: Database) -> None:
    with pytest.raises(DatabaseError), database.begin(durable=False) as unit:
        unit.connection.exec_driver_sql("SELECT nothing FROM nowhere")
    with database.begin() as unit:
        assert _synchronous(unit) == FULL


def test_a_transaction_need_not_ask_for_it(database: Database) -> None:
    with database.begin(durable=False) as unit:
        assert _synchronous(unit) == NORMAL
    with database.begin() as unit:
        sent = _overheard(unit)
    del sent[:]
    with database.begin():
        pass
    assert sent == ["BEGIN IMMEDIATE", "COMMIT"]


def test_one_that_could_not_be_brought_back_asks_for_it(database: Database) -> None:
    with database.begin(durable=False) as unit:
        info = unit.connection.info
        assert _synchronous(unit) == NORMAL
        sent = _overheard(unit)
    info.update(dict.fromkeys(info, True))  # as it is left when the PRAGMA fails
    del sent[:]
    with database.begin() as unit:
        assert _synchronous(unit) == FULL
    assert sent[0] == "PRAGMA synchronous=FULL"


def _connection(unit: UnitOfWork) -> object:
    return unit.connection.connection.driver_connection


def test_what_is_written_is_written_by_one_connection(tmp_path: Path) -> None:
    """Another one that writes would take what it has read of the database from it. Readers have theirs."""
    database = Database(f"sqlite:///{tmp_path / 'haltdesk.db'}")
    with database.begin() as unit:
        writer = _connection(unit)
    with database.read() as first, database.read() as second:
        assert writer not in (_connection(first), _connection(second))
        with database.begin(durable=False) as unit:
            assert _connection(unit) is writer
    database.dispose()
    with database.begin() as unit:
        assert _connection(unit) is not writer
    database.dispose()


def test_after_a_failure_it_is_as_it_was(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'haltdesk.db'}")
    with database.begin() as unit:
        unit.connection.exec_driver_sql("CREATE TABLE kept (number INTEGER)")
    for _ in range(40):  # more than the pool has
        with suppress(KeyError), database.begin() as unit:
            unit.connection.exec_driver_sql("INSERT INTO kept VALUES (1)")
            raise KeyError
    with database.begin() as unit:
        unit.connection.exec_driver_sql("INSERT INTO kept VALUES (2)")
    with database.read() as unit:
        assert unit.connection.exec_driver_sql("SELECT number FROM kept").scalars().all() == [2]
    database.dispose()
