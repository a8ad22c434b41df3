"""A desk that upgrades Haltdesk keeps its incidents: every released schema is brought forward, with what is in it.

`released/NNNN.json` holds the rows of a desk at work, as that schema's version of Haltdesk left them: an open incident
with a halted account, a proved halt, a reconciliation with a break, and an alert that has cleared; from 0009 on also
two related incidents of which one was merged into the other, and one that was read from a message in the channel.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Boolean, DateTime, MetaData, Table, func, select, text

from bot.domain.words import TradingState
from bot.services import auditing
from bot.simulator.slack import SlackSimulator
from bot.store import accounts, incidents, messages, migrate, timeline
from bot.store.database import Database, DatabaseError
from bot.store.tables import metadata
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import DeskInProcess

RELEASED = Path(__file__).parent / "released"
REVISIONS = sorted(path.stem for path in RELEASED.glob("*.json"))


def _value(column: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, DateTime):
        at = datetime.fromisoformat(value)
        return at.replace(tzinfo=UTC) if column.type.timezone else at
    if isinstance(column.type, Boolean):
        return bool(value)
    return json.loads(value) if "JSON" in str(column.type) else value


def _as_released(database: Database, revision: str) -> dict[str, int]:
    """Lay the released schema and its rows; the number of rows by table."""
    rows: dict[str, list[dict[str, Any]]] = json.loads((RELEASED / f"{revision}.json").read_text())
    with database.engine.connect() as connection:
        connection = connection.execution_options(writes=True)
        with connection.begin():
            config = migrate._config()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            found = MetaData()
            found.reflect(connection)
            for table in found.sorted_tables:
                for row in rows.get(table.name, ()):
                    given = {name: _value(table.c[name], value) for name, value in row.items()}
                    connection.execute(table.insert().values(given))
                if connection.dialect.name == "postgresql" and rows.get(table.name):
                    _count_on(connection, table)
    return {name: len(held) for name, held in rows.items()}


def _count_on(connection: Any, table: Table) -> None:
    sequence = connection.execute(
        text("SELECT pg_get_serial_sequence(:table, 'id')").bindparams(table=table.name)
        if "id" in table.c
        else text("SELECT NULL")
    ).scalar_one()
    if sequence:
        connection.execute(text(f"SELECT setval('{sequence}', (SELECT max(id) FROM {table.name}))"))


@pytest.fixture
def database(empty_database_url: str) -> Iterator[Database]:
    opened = Database(empty_database_url)
    yield opened
    opened.dispose()


def test_a_migrated_schema_is_the_schema_of_the_tables(database: Database) -> None:
    migrate.upgrade(database)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_migrated_desk_has_the_indices_of_the_tables(database: Database) -> None:
    """Alembic's comparison does not look at which rows an index holds."""
    migrate.upgrade(database)
    with database.engine.begin() as connection:
        migrated = _indices(connection)
        metadata.drop_all(connection)
        metadata.create_all(connection)
        fresh = _indices(connection)
    assert any("IS NOT NULL" in words for words in fresh.values())
    assert migrated == fresh


def _indices(connection: Any) -> dict[str, str]:
    """How each index is made, in the database's own words."""
    if connection.dialect.name == "sqlite":
        words = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    else:
        words = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    found = connection.execute(text(words)).all()
    return {name: made for name, made in found if not name.startswith("alembic_version")}


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_released_schema_is_brought_forward_with_every_row(database: Database, revision: str) -> None:
    counted = _as_released(database, revision)
    assert migrate.upgrade(database)
    assert not migrate.upgrade(database)  # a second time, there is nothing to do
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        for name, number in counted.items():
            kept = select(func.count()).select_from(metadata.tables[name])
            assert connection.execute(kept).scalar_one() == number, name
        if database.sqlite:
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    # Copying a table, as SQLite's migrations do, must not leave the audit without its guard.
    for change in ("UPDATE audit SET text = 'another'", "DELETE FROM audit"):
        with pytest.raises(DatabaseError, match="append-only"), database.begin() as unit:
            unit.connection.execute(text(change))


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_desk_works_on_where_it_was(empty_database_url: str, database: Database, revision: str) -> None:
    _as_released(database, revision)
    with SlackSimulator() as slack:
        desk = DeskInProcess(empty_database_url, slack)  # which migrates, as `haltdesk run` does
        with desk.database.read() as unit:
            account = accounts.get(unit, "main")
            wanted = messages.backlog(unit)[0]
            before = incidents.open_numbers(unit)
        assert account is not None
        assert account.state is TradingState.HALTED
        assert wanted == 0  # nothing is told to Slack a second time
        assert auditing.verify(desk.database).intact

        # The group's open incident takes the group's next alert, and opens no second one.
        another = alert("CircuitBreakerOpen", labels={"account": "second"}, fingerprint="b1b2b3b4b5b6b7b8")
        assert desk.post(webhook(another)).status_code == 200
        with desk.database.read() as unit:
            assert incidents.open_numbers(unit) == before
            kinds = [entry.kind for number in before for entry in timeline.of_incident(unit, number)]
        assert kinds.count("AlertFired") > kinds.count("IncidentDeclared")
        desk.close()
