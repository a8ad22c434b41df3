"""What fires is found by its fingerprint: each batch of webhooks asks whether an alert fires under an older start

Revision ID: 0010
Revises: 0009
"""

from alembic import op
from sqlalchemy import text

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_alerts_firing", table_name="alerts")
    op.create_index(
        "ix_alerts_firing",
        "alerts",
        ["fingerprint", "starts_at"],
        sqlite_where=text("status = 'firing'"),
        postgresql_where=text("status = 'firing'"),
    )
