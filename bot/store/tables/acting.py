"""What is done at the broker: actions, what takes a second person, and how accounts stand."""

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

actions = Table(
    "actions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("account", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("params", json_column(), nullable=False),
    # One confirmation, one action: the modal's own mark, so that a retried request finds its row.
    Column("request_key", Text, nullable=False, unique=True),
    Column("joined", json_column(), nullable=False),
    Column("status", String(16), nullable=False),
    Column("claimed_by", Text),
    Column("claimed_until", Moment),
    Column("attempts", Integer, nullable=False, default=0),
    Column("look_again_at", Moment),
    Column("finished_at", Moment),
    Column("headline", Text),
    Column("next_step", Text),
    Column("evidence", json_column(), nullable=False),
    Column("unconfirmed", json_column(), nullable=False),
    Column("drill", Boolean, nullable=False, default=False),
    # Unended actions are few; the runner looks at nothing else.
    Index(
        "ix_actions_open",
        "status",
        sqlite_where=text("finished_at IS NULL"),
        postgresql_where=text("finished_at IS NULL"),
    ),
    Index(None, "incident_id"),
    # In their order too: without it SQLite would rather walk the whole table than sort.
    Index(
        "ix_actions_unended",
        "id",
        sqlite_where=text("finished_at IS NULL"),
        postgresql_where=text("finished_at IS NULL"),
    ),
    Index(
        "ix_actions_unknown",
        "incident_id",
        sqlite_where=text("status = 'unknown'"),
        postgresql_where=text("status = 'unknown'"),
    ),
    Index(None, "account", "kind", "id"),
)

action_steps = Table(
    "action_steps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("action_id", ForeignKey("actions.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("summary", Text, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("evidence", json_column(), nullable=False),
    UniqueConstraint("action_id", "name"),
)

# What takes a second person: asked by one, approved by another. The action is recorded when it is approved.
approvals = Table(
    "approvals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("account", Text, nullable=False),
    Column("params", json_column(), nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("request_key", Text, nullable=False, unique=True),
    Column("status", String(16), nullable=False),
    # The account's version when it was asked: a state that has changed since makes the request void.
    Column("account_version", Integer, nullable=False),
    # Alerts that fired when it was asked; one that came later cannot be overridden in this request.
    Column("alerts", json_column(), nullable=False),
    Column("override", json_column()),
    Column("gates", json_column(), nullable=False),
    Column("checked_at", Moment),
    Column("decided_by", Text),
    Column("decided_at", Moment),
    Column("decision", Text),
    Column("action_id", ForeignKey("actions.id")),
    Column("drill", Boolean, nullable=False, default=False),
    Column("claimed_until", Moment),
    Index(
        "ix_approvals_open",
        "status",
        sqlite_where=text("decided_at IS NULL"),
        postgresql_where=text("decided_at IS NULL"),
    ),
    Index(None, "incident_id"),
)

accounts = Table(
    "accounts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("account_number", Text),
    Column("state", String(16), nullable=False),
    Column("since", Moment, nullable=False),
    Column("reason", Text),
    Column("incident_id", ForeignKey("incidents.id")),
    Column("version", Integer, nullable=False, default=1),
    # What the broker said last; NULL is "not learned", never "no".
    Column("verified_at", Moment),
    Column("suspended", Boolean),
    Column("open_orders", Integer),
    # The broker's configuration from before the first halt, kept until trading is normal again.
    Column("configuration_before", json_column()),
)

planned_reconciliations = Table(
    "planned_reconciliations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("account", Text, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("source", Text, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("tries", Integer, nullable=False),
)

reconciliation_runs = Table(
    "reconciliation_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    # NULL: a scheduled run that was clean, for which no incident was opened.
    Column("action_id", ForeignKey("actions.id"), unique=True),
    Column("account", Text, nullable=False),
    Column("finished_at", Moment, nullable=False),
    Column("clean", Boolean, nullable=False),
    Column("impact", Text),
    Column("run", json_column(), nullable=False),
)

# What the broker showed that was not as recorded, from when it was seen until it was seen gone.
drift_episodes = Table(
    "drift_episodes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    # Account and kind while it lasts, else NULL: one episode is told once.
    Column("open_key", Text, unique=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False),
    Column("text", Text, nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("cleared_at", Moment),
    Index(
        "ix_drift_episodes_open",
        "account",
        sqlite_where=text("open_key IS NOT NULL"),
        postgresql_where=text("open_key IS NOT NULL"),
    ),
)

# Programs that ask for the trading state, by the name they give themselves.
traders = Table(
    "traders",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("account", Text),
    Column("asked_at", Moment, nullable=False),
)
