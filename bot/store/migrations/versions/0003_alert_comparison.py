"""Alerts are compared with Alertmanager and Prometheus: how far, what was seen, and what was found there

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Moment, json_column

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_until", Moment(), nullable=True),
        sa.Column("checked_until", Moment(), nullable=True),
        sa.Column("reading", json_column(), nullable=True),
        sa.Column("muted", json_column(), nullable=True),
        sa.Column("added_labels", json_column(), nullable=True),
        sa.Column("watchdog_at", Moment(), nullable=True),
        sa.Column("watchdog_armed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_checkpoints")),
    )
    op.create_table(
        "alert_sightings",
        sa.Column("alert_id", sa.Integer(), nullable=False),
        sa.Column("found_in", sa.String(length=16), nullable=True),
        sa.Column("starts_about", sa.Boolean(), nullable=False),
        sa.Column("muted", sa.String(length=16), nullable=True),
        sa.Column("missing_since", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_alert_sightings_alert_id_alerts")),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("pk_alert_sightings")),
    )
