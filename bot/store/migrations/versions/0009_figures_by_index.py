"""What probes, scrapes and the runner look for each second is found by small indices, whatever lies behind

Revision ID: 0009
Revises: 0007
"""

from alembic import op
from sqlalchemy import text

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_actions_unended",
        "actions",
        ["id"],
        sqlite_where=text("finished_at IS NULL"),
        postgresql_where=text("finished_at IS NULL"),
    )
    op.create_index(
        "ix_drift_episodes_open",
        "drift_episodes",
        ["account"],
        sqlite_where=text("open_key IS NOT NULL"),
        postgresql_where=text("open_key IS NOT NULL"),
    )
    op.create_index(
        "ix_actions_unknown",
        "actions",
        ["incident_id"],
        sqlite_where=text("status = 'unknown'"),
        postgresql_where=text("status = 'unknown'"),
    )
    op.create_index("ix_actions_account_kind_id", "actions", ["account", "kind", "id"])
