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
    ("ix_messages_next", "messages", ["next_at"], "shown < wanted", "shown < wanted"),
    ("ix_alerts_firing", "alerts", ["incident_id"], "status = 'firing'", "status = 'firing'"),
    ("ix_deadlines_next", "deadlines", ["incident_id", "due_at"], "state = 'waiting'", "state = 'waiting'"),
)


def upgrade() -> None:
    for name, table, columns, on_sqlite, on_postgresql in PARTIAL:
        op.create_index(
            name, table, columns, sqlite_where=text(on_sqlite), postgresql_where=text(on_postgresql)
        )
