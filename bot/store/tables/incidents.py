"""Incidents and what belongs to one: its timeline, its checklist, its place among others."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from bot.store.columns import Moment, json_column
from bot.store.tables.base import metadata

incidents = Table(
    "incidents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("title", Text, nullable=False),
    Column("severity", String(8), nullable=False),
    Column("severity_reason", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("phase", String(16), nullable=False),
    Column("group_key", Text),
    # The alert group while the incident is open, else NULL: two open incidents of one group cannot exist.
    Column("open_group_key", Text, unique=True),
    Column("opened_at", Moment, nullable=False),
    Column("opened_by", Text),
    Column("acknowledge_by", Moment),
    Column("acknowledged_at", Moment),
    Column("acknowledged_by", Text),
    Column("resolved_at", Moment),
    Column("resolved_by", Text),
    Column("resolution_note", Text),
    Column("channel", Text, nullable=False),
    Column("drill", Boolean, nullable=False, default=False),
    # Alerts that the newest webhook of each of its groups left out, in all.
    Column("left_out", Integer, nullable=False, default=0, server_default="0"),
    Index(None, "status"),
    Index(
        "ix_incidents_group_key_resolved_at",
        "group_key",
        "resolved_at",
        sqlite_where=text("resolved_at IS NOT NULL"),
        postgresql_where=text("resolved_at IS NOT NULL"),
    ),
    Index(
        "ix_incidents_resolved",
        "resolved_at",
        sqlite_where=text("resolved_at IS NOT NULL"),
        postgresql_where=text("resolved_at IS NOT NULL"),
    ),
)

timeline = Table(
    "timeline",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident_id", ForeignKey("incidents.id")),
    Column("at", Moment, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("actor", Text),
    Column("text", Text, nullable=False),
    Column("details", json_column(), nullable=False),
    Index(None, "incident_id", "id"),
)

checklist_marks = Table(
    "checklist_marks",
    metadata,
    Column("incident_id", ForeignKey("incidents.id"), primary_key=True),
    Column("item", String(64), primary_key=True),
    Column("done", Boolean, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("note", Text),
)

phase_visits = Table(
    "phase_visits",
    metadata,
    Column("incident_id", ForeignKey("incidents.id"), primary_key=True),
    Column("phase", String(16), primary_key=True),
    Column("entered_at", Moment, nullable=False),
    Column("left_at", Moment),
    Column("left_by", Text),
    Column("left_reason", Text),
)

documents = Table(
    "documents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("incident_id", "kind", "version"),
)

# What the alerts of an incident name, and when one did so last; `due_since` until it was looked at for relations.
incident_subjects = Table(
    "incident_subjects",
    metadata,
    Column("incident_id", ForeignKey("incidents.id"), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("value", String(200), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("due_since", Moment),
    Index(None, "kind", "value", "at"),
    Index(
        "ix_incident_subjects_due",
        "incident_id",
        sqlite_where=text("due_since IS NOT NULL"),
        postgresql_where=text("due_since IS NOT NULL"),
    ),
)

# Two incidents whose alerts name the same, told once; the lower number stands first.
incident_relations = Table(
    "incident_relations",
    metadata,
    Column("first_id", ForeignKey("incidents.id"), primary_key=True),
    Column("second_id", ForeignKey("incidents.id"), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("value", String(200), nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("second_at", Moment, nullable=False),
    Column("at", Moment, nullable=False),
    # Until both stand in Slack and each has been shown with a link to the other.
    Column("unlinked_since", Moment),
    Index(None, "second_id"),
    Index(
        "ix_incident_relations_unlinked",
        "unlinked_since",
        sqlite_where=text("unlinked_since IS NOT NULL"),
        postgresql_where=text("unlinked_since IS NOT NULL"),
    ),
)

# An incident is folded into another once, whoever asks and however often.
incident_merges = Table(
    "incident_merges",
    metadata,
    Column("source_id", ForeignKey("incidents.id"), primary_key=True),
    Column("target_id", ForeignKey("incidents.id"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("by", Text, nullable=False),
    Index(None, "target_id"),
)

# Alert groups beside an incident's own: those of the incidents that were merged into it.
merged_groups = Table(
    "merged_groups",
    metadata,
    Column("group_key", Text, primary_key=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False),
    Column("left_out", Integer, nullable=False, default=0, server_default="0"),
    Index(None, "incident_id"),
)
