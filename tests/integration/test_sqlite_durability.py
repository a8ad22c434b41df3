"""Which transactions wait for the disk on SQLite: every one, but for those that say that they need not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

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
    sent: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    with database.begin():
        pass
    assert sent == ["BEGIN IMMEDIATE"]


def test_one_that_could_not_be_brought_back_asks_for_it(database: Database) -> None:
    with database.begin(durable=False) as unit:
        info = unit.connection.info
        assert _synchronous(unit) == NORMAL
    info.update(dict.fromkeys(info, True))  # as it is left when the PRAGMA fails
    sent: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    with database.begin() as unit:
        assert _synchronous(unit) == FULL
    assert sent[0] == "PRAGMA synchronous=FULL"
