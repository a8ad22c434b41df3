"""What is looked for again and again is found by an index, however many old incidents there are

Revision ID: 0006
Revises: 0005
"""

from alembic import op
from sqlalchemy import text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PARTIAL = (
    ("ix_messages_next", "messages", "next_at", "shown < wanted"),
    ("ix_alerts_firing", "alerts", "incident_id", "status = 'firing'"),
)


def upgrade() -> None:
    for name, table, column, condition in PARTIAL:
        where = text(condition)
        op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)
