"""Brings the database's schema to this version. Forward only; several processes may try at once."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from bot.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"
_NAMED = re.compile(r'^(down_)?revision(?:: [^=]+)? = (?:"(\w+)"|None)', re.MULTILINE)
_LOCK = 0x48414C54  # one advisory lock for migrations on PostgreSQL


class SchemaBehind(Exception):
    """The database has another schema than this version of Haltdesk needs."""


# Alembic is imported when there is something to migrate: a start with nothing to do need not wait for it, nor keep
# its 15 MB.
def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def current(database: Database) -> str | None:
    with database.engine.connect() as connection:
        return _current(connection)


def _current(connection: Connection) -> str | None:
    """The revision that Alembic has noted."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def newest() -> str:
    """The revision that no other one follows."""
    named = [
        match
        for script in (_MIGRATIONS / "versions").glob("[0-9]*.py")
        for match in _NAMED.finditer(script.read_text(encoding="utf-8"))
    ]
    followed = {match[2] for match in named if match[1]}
    (head,) = {match[2] for match in named if not match[1]} - followed
    return str(head)


def upgrade(database: Database) -> bool:
    """Apply what is missing, in one transaction. True when anything was."""
    with database.engine.connect() as connection:
        connection = connection.execution_options(writes=True)
        with connection.begin():
            if connection.dialect.name == "postgresql":
                # A second process waits here, and finds everything done.
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            if _current(connection) == newest():
                return False
            from alembic import command

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
