"""Messages know since when they are wanted and where they had to move from; delivery lags are counted

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Moment

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("wanted_since", Moment(), nullable=True))
    op.add_column("messages", sa.Column("moved_from", sa.Text(), nullable=True))
    op.add_column("messages", sa.Column("moved_because", sa.Text(), nullable=True))
    op.add_column("messages", sa.Column("moved_at", Moment(), nullable=True))
    # The default is for the rows that are there; both databases keep it, and new rows bring their own value.
    op.add_column("messages", sa.Column("reposts", sa.Integer(), nullable=False, server_default="0"))
    # Since when is not known of what waits now: a message never shown has waited since it was made.
    op.execute(
        "UPDATE messages SET wanted_since ="
        " CASE WHEN shown = 0 THEN created_at ELSE coalesce(delivered_at, next_at) END"
        " WHERE shown < wanted"
    )
    op.create_index("ix_messages_parent_id", "messages", ["parent_id"])
    op.create_index(
        "ix_messages_troubled",
        "messages",
        ["id"],
        sqlite_where=sa.text("gave_up"),
        postgresql_where=sa.text("gave_up"),
    )
    op.create_index(
        "ix_messages_moved",
        "messages",
        ["moved_from"],
        sqlite_where=sa.text("moved_from IS NOT NULL"),
        postgresql_where=sa.text("moved_from IS NOT NULL"),
    )
    op.create_table(
        "delivery_lags",
        sa.Column("urgency", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bucket", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("urgency", "bucket", name=op.f("pk_delivery_lags")),
    )
