"""Incidents know how many alerts Alertmanager left out of its webhooks, and merged groups how many of those are theirs

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The default is for the rows that are there; both databases keep it, and new rows bring their own value.
    for table in ("incidents", "merged_groups"):
        op.add_column(table, sa.Column("left_out", sa.Integer(), nullable=False, server_default="0"))
