"""A database of the first release is brought forward with what is in it, and is then what the tables say."""

from datetime import UTC, datetime

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from bot.store import incidents, merges, migrate
from bot.store.database import Database
from bot.store.tables import metadata

OPENED = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def test_an_old_incident_is_there_after_the_migration(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    config = migrate._config()
    with database.engine.connect() as connection:
        connection = connection.execution_options(writes=True)
        with connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, "0002")
            connection.execute(
                text(
                    "INSERT INTO incidents (id, title, severity, severity_reason, status, phase, group_key,"
                    " open_group_key, opened_at, channel, drill) VALUES (7, 'old', 'SEV-2', 'rule', 'open',"
                    " 'triage', 'g', 'g', :at, 'C0INCIDENTS', :drill)"
                ),
                {"at": OPENED if not database.sqlite else "2026-03-02 15:00:00.000000", "drill": False},
            )
    assert migrate.upgrade(database)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    with database.begin() as unit:
        found = merges.open_of_group(unit, "g")
        assert found == incidents.get(unit, 7)
        assert merges.standing_for(unit, 7) == 7
    database.dispose()
