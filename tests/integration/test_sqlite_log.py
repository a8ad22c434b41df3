"""SQLite's log is made long at the start, and nothing of that is ever in the database."""

from pathlib import Path

import pytest
from sqlalchemy import func, inspect, select, text

from bot.store import migrate, tables
from bot.store.database import Database
from bot.store.sqlite_log import PAGES, lengthen_log


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "haltdesk.db"


def open_at(path: Path) -> Database:
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    return database


def length(path: Path) -> int:
    return path.with_name(f"{path.name}-wal").stat().st_size


def write(database: Database, number: int) -> None:
    with database.begin() as unit:
        row = {"key": f"row {number}", "at": "2026-03-02 14:30:00.000000"}
        unit.connection.execute(text("INSERT INTO seen (key, at) VALUES (:key, :at)"), row)


def test_commits_write_over_what_is_there(path: Path) -> None:
    database = open_at(path)
    before = path.stat().st_size
    lengthen_log(database)
    long = length(path)
    assert long > PAGES * 4096
    for number in range(300):
        write(database, number)
    assert length(path) == long
    assert path.stat().st_size == before  # all of it is in the log still
    database.dispose()


def test_nothing_of_it_is_in_the_database(path: Path) -> None:
    database = open_at(path)
    write(database, 1)
    lengthen_log(database)
    write(database, 2)
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA cache_size").scalar_one() == -2000
    database.dispose()
    again = open_at(path)
    with again.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {*tables.metadata.tables, "alembic_version"}
        assert connection.execute(select(func.count()).select_from(tables.seen)).scalar_one() == 2
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert connection.exec_driver_sql("PRAGMA freelist_count").scalar_one() == 0
    again.dispose()


def test_what_was_written_is_found_after_the_machine_died(path: Path, tmp_path: Path) -> None:
    """The files as they are on the disk in the middle of it all, opened by somebody else."""
    database = open_at(path)
    lengthen_log(database)
    for number in range(5):
        write(database, number)
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())
    copy.with_name("copy.db-wal").write_bytes(path.with_name(f"{path.name}-wal").read_bytes())
    found = Database(f"sqlite:///{copy}")
    with found.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(tables.seen)).scalar_one() == 5
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    found.dispose()
    database.dispose()


def test_a_full_disk_is_told_and_hinders_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database = open_at(path)
    with database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 10}")  # of this connection, the only one
    lengthen_log(database)
    assert "could not be lengthened (database or disk is full)" in caplog.text
    write(database, 1)
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA cache_size").scalar_one() == -2000
    database.dispose()
