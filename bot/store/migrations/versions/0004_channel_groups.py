"""Alert groups that are read from Slack messages in the incident channel

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Moment, json_column

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_groups",
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("layout", sa.String(16), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("message_ts", sa.String(32), nullable=False),
        sa.Column("told_at", Moment(), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("firing", sa.Integer(), nullable=False),
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=True),
        sa.Column("alerts", json_column(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_channel_groups_incident_id_incidents")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_channel_groups")),
    )
    with op.batch_alter_table("channel_groups") as batch:
        batch.create_index(batch.f("ix_channel_groups_text"), ["text"])
        batch.create_index(batch.f("ix_channel_groups_incident_id"), ["incident_id"])
        batch.create_index(batch.f("ix_channel_groups_channel_message_ts"), ["channel", "message_ts"])
