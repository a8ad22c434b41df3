"""The audit."""

from sqlalchemy import Column, Integer, String, Table, Text

from bot.store.columns import Moment
from bot.store.tables.base import metadata

# Append-only: triggers (migration 0002) refuse every other change. `details` is text, so that what was hashed is
# what is stored, byte for byte, on either database; there is no foreign key, for an entry stands by itself.
audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("actor", Text),
    Column("incident_id", Integer),
    Column("account", Text),
    Column("text", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
