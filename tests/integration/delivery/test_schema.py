"""A database of the schema before this one is brought forward with its messages, and equals the tables."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from bot.store import messages, migrate
from bot.store.database import Database
from bot.store.tables import metadata

BEFORE = "0002"


def test_messages_that_wait_are_brought_forward(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    with database.engine.connect() as connection:
        connection = connection.execution_options(writes=True)
        with connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, BEFORE)
    with database.begin() as unit:
        false = "false" if unit.dialect == "postgresql" else "0"
        unit.connection.execute(
            text(
                "INSERT INTO incidents (id, title, severity, severity_reason, status, phase, opened_at, channel, drill)"
                f" VALUES (1, 'x', 'SEV-1', 'x', 'open', 'triage', '2026-03-02 15:00:00', 'C0', {false})"
            )
        )
        for number, (wanted, shown, delivered) in enumerate(
            [(3, 0, "NULL"), (2, 1, "'2026-03-02 15:05:00'"), (1, 1, "'2026-03-02 15:05:00'")], start=1
        ):
            unit.connection.execute(
                text(
                    "INSERT INTO messages (id, key, view, incident_id, channel, broadcast, nonce, urgency, wanted,"
                    " shown, next_at, attempts, gave_up, created_at, delivered_at) VALUES"
                    f" ({number}, 'k{number}', 'root', 1, 'C0', {false}, 'n', 2, {wanted}, {shown},"
                    f" '2026-03-02 15:09:00', 0, {false}, '2026-03-02 15:01:00', {delivered})"
                )
            )
    assert migrate.upgrade(database)
    with database.read() as unit:
        since = [messages.get(unit, number).wanted_since for number in (1, 2, 3)]
        assert [at and at.strftime("%H:%M") for at in since] == ["15:01", "15:05", None]
        assert [messages.get(unit, number).reposts for number in (1, 2, 3)] == [0, 0, 0]
        assert messages.backlog(unit)[0] == 2
        changes = compare_metadata(MigrationContext.configure(unit.connection), metadata)
    assert not changes
    database.dispose()
