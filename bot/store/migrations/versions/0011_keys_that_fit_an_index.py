"""Long alert group keys, and long headings of messages, as they are kept from now on: a beginning and a SHA-256

So that the next webhook of a group finds the incident that is open for it. What is short stays as it is.

Revision ID: 0011
Revises: 0010
"""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOST_BYTES = 2_048
KEPT = (
    ("incidents", "id", "group_key"),
    ("incidents", "id", "open_group_key"),
    ("merged_groups", "group_key", "group_key"),
    ("alerts", "id", "group_key"),
    ("channel_groups", "key", "group_key"),
    ("channel_groups", "key", "text"),
)


def upgrade() -> None:
    connection = op.get_bind()
    for table_name, identity, name in KEPT:
        table = sa.table(table_name, sa.column(identity), sa.column(name))
        column, own = table.c[name], table.c[identity]
        if connection.dialect.name == "postgresql":
            size = sa.func.octet_length(column)
        else:
            size = sa.func.length(sa.cast(column, sa.LargeBinary))
        for row, long in connection.execute(sa.select(own, column).where(size > MOST_BYTES)).all():
            connection.execute(sa.update(table).where(own == row).values({name: _short(long)}))


def _short(text: str) -> str:
    """The rule of `bot.domain.indexed_text`, as it was when this was released."""
    whole = text.encode("utf-8", "replace")
    mark = f"...sha256:{hashlib.sha256(whole).hexdigest()}"
    return whole[: MOST_BYTES - len(mark)].decode("utf-8", "ignore") + mark
