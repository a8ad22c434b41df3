"""Related incidents, and incidents merged into one

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Moment

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incident_subjects",
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("due_since", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_incident_subjects_incident_id_incidents")
        ),
        sa.PrimaryKeyConstraint("incident_id", "kind", "value", name=op.f("pk_incident_subjects")),
    )
    op.create_index(op.f("ix_incident_subjects_kind_value_at"), "incident_subjects", ["kind", "value", "at"])
    op.create_index(
        "ix_incident_subjects_due",
        "incident_subjects",
        ["incident_id"],
        sqlite_where=sa.text("due_since IS NOT NULL"),
        postgresql_where=sa.text("due_since IS NOT NULL"),
    )
    op.create_table(
        "incident_relations",
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("second_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("first_at", Moment(), nullable=False),
        sa.Column("second_at", Moment(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("unlinked_since", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["first_id"], ["incidents.id"], name=op.f("fk_incident_relations_first_id_incidents")
        ),
        sa.ForeignKeyConstraint(
            ["second_id"], ["incidents.id"], name=op.f("fk_incident_relations_second_id_incidents")
        ),
        sa.PrimaryKeyConstraint("first_id", "second_id", name=op.f("pk_incident_relations")),
    )
    op.create_index(op.f("ix_incident_relations_second_id"), "incident_relations", ["second_id"])
    op.create_index(
        "ix_incident_relations_unlinked",
        "incident_relations",
        ["unlinked_since"],
        sqlite_where=sa.text("unlinked_since IS NOT NULL"),
        postgresql_where=sa.text("unlinked_since IS NOT NULL"),
    )
    op.create_table(
        "incident_merges",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"], ["incidents.id"], name=op.f("fk_incident_merges_source_id_incidents")
        ),
        sa.ForeignKeyConstraint(
            ["target_id"], ["incidents.id"], name=op.f("fk_incident_merges_target_id_incidents")
        ),
        sa.PrimaryKeyConstraint("source_id", name=op.f("pk_incident_merges")),
    )
    op.create_index(op.f("ix_incident_merges_target_id"), "incident_merges", ["target_id"])
    op.create_table(
        "merged_groups",
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_merged_groups_incident_id_incidents")
        ),
        sa.PrimaryKeyConstraint("group_key", name=op.f("pk_merged_groups")),
    )
    op.create_index(op.f("ix_merged_groups_incident_id"), "merged_groups", ["incident_id"])
