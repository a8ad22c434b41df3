"""Brings the database's schema to this version. Forward only; several processes may try at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from bot.store.database import Database

_LOCK = 0x48414C54  # one advisory lock for migrations on PostgreSQL


class SchemaBehind(Exception):
    """The database has another schema than this version of Haltdesk needs."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def current(database: Database) -> str | None:
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def upgrade(database: Database) -> bool:
    """Apply what is missing, in one transaction. True when anything was."""
    with database.engine.connect() as connection:
        connection = connection.execution_options(writes=True)
        with connection.begin():
            if connection.dialect.name == "postgresql":
                # A second process waits here, and finds everything done.
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            before = MigrationContext.configure(connection).get_current_revision()
            if before == newest():
                return False
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    return True


def require_newest(database: Database) -> None:
    """Raise unless the schema is this version's."""
    found, wanted = current(database), newest()
    if found != wanted:
        raise SchemaBehind(
            f"the database's schema is {found or 'empty'}, this version of Haltdesk needs {wanted}: "
            "run `haltdesk migrate`"
        )
