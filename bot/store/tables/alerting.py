"""Alerts by identity, and what Alertmanager, Prometheus and the incident channel show of them."""

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

alerts = Table(
    "alerts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident_id", ForeignKey("incidents.id")),
    Column("fingerprint", Text, nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("status", String(16), nullable=False),
    Column("ends_at", Moment),
    Column("name", Text, nullable=False),
    Column("severity", String(8), nullable=False),
    Column("severity_reason", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("labels", json_column(), nullable=False),
    Column("annotations", json_column(), nullable=False),
    Column("generator_url", Text),
    Column("group_key", Text, nullable=False),
    Column("ignored", Boolean, nullable=False, default=False),
    Column("first_seen_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    UniqueConstraint("fingerprint", "starts_at"),
    Index(None, "incident_id"),
    # Few fire at a time, of all that ever did.
    Index(
        "ix_alerts_firing",
        "fingerprint",
        "starts_at",
        sqlite_where=text("status = 'firing'"),
        postgresql_where=text("status = 'firing'"),
    ),
)

# How far the record was held against Alertmanager and Prometheus, and what they showed last. One row, claimed by the
# process that compares.
checkpoints = Table(
    "checkpoints",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("due_at", Moment, nullable=False),
    Column("claimed_by", Text),
    Column("claimed_until", Moment),
    # Prometheus' history is in the record up to here.
    Column("checked_until", Moment),
    Column("reading", json_column()),
    # Fingerprints seen silenced or inhibited, with the times: what fired so is no news when it has gone.
    Column("muted", json_column()),
    # What Prometheus adds to an alert's labels on the way to Alertmanager.
    Column("added_labels", json_column()),
    Column("watchdog_at", Moment),
    Column("watchdog_armed", Boolean, nullable=False, default=False),
)

# What comparing has to say about an alert beyond its webhook.
alert_sightings = Table(
    "alert_sightings",
    metadata,
    Column("alert_id", ForeignKey("alerts.id"), primary_key=True),
    # The source that it was found in when no webhook had brought it, else NULL.
    Column("found_in", String(16)),
    # Its start is Prometheus' word: about right, until a webhook tells the exact one.
    Column("starts_about", Boolean, nullable=False),
    Column("muted", String(16)),
    Column("missing_since", Moment),
)

# Alert groups that were read from messages in the incident channel. `group_key` is the row's own key until
# Alertmanager's webhook tells the same group; then it is the webhook's, and the webhook's alerts are the truth.
channel_groups = Table(
    "channel_groups",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("layout", String(16), nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("channel", Text, nullable=False),
    # The newest message, and when Slack says that it came to be or was edited: an older one changes nothing.
    Column("message_ts", String(32), nullable=False),
    Column("told_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("firing", Integer, nullable=False),
    Column("group_key", Text, nullable=False),
    Column("incident_id", ForeignKey("incidents.id")),
    # Fingerprint and start of the alerts that stand for what no webhook has told.
    Column("alerts", json_column(), nullable=False),
    Index(None, "text"),
    Index(None, "incident_id"),
    Index(None, "channel", "message_ts"),
)
