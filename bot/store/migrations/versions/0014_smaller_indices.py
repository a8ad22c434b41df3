"""Indices leave out the rows that nobody looks for through them: each would be a page more for every commit to write

Revision ID: 0014
Revises: 0013
"""

from alembic import op
from sqlalchemy import text

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# What has no place in Slack yet, what is no reply, what is not resolved.
_INDICES = {
    "ix_messages_channel_ts": ("messages", ["channel", "ts"], "ts IS NOT NULL"),
    "ix_messages_parent_id": ("messages", ["parent_id"], "parent_id IS NOT NULL"),
    "ix_incidents_group_key_resolved_at": (
        "incidents",
        ["group_key", "resolved_at"],
        "resolved_at IS NOT NULL",
    ),
}


def upgrade() -> None:
    for name, (table, columns, rows) in _INDICES.items():
        op.drop_index(name, table_name=table)
        op.create_index(name, table, columns, sqlite_where=text(rows), postgresql_where=text(rows))
