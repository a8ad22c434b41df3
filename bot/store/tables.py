"""The tables. A row that is to be told to Slack, run or remembered for later is written with the change itself."""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from bot.store.columns import Moment, json_column

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

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
    Index(None, "status"),
    Index(None, "group_key", "resolved_at"),
)

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
        "incident_id",
        sqlite_where=text("status = 'firing'"),
        postgresql_where=text("status = 'firing'"),
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

messages = Table(
    "messages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("view", String(32), nullable=False),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False),
    Column("ref", Text),
    Column("content", json_column()),
    Column("channel", Text, nullable=False),
    Column("parent_id", ForeignKey("messages.id")),
    Column("broadcast", Boolean, nullable=False, default=False),
    Column("nonce", String(32), nullable=False),
    Column("urgency", Integer, nullable=False, default=5),
    Column("wanted", Integer, nullable=False, default=1),
    Column("shown", Integer, nullable=False, default=0),
    # When the oldest version that is not shown yet was wanted; NULL when all is shown.
    Column("wanted_since", Moment),
    Column("ts", Text),
    # Set before the post goes out: when it is set and `ts` is not, Slack is asked before anything is posted again.
    Column("posting_since", Moment),
    Column("claimed_by", Text),
    Column("claimed_until", Moment),
    Column("next_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("last_error", Text),
    Column("gave_up", Boolean, nullable=False, default=False),
    # Where it was to go, when that channel took nothing and it went to another one.
    Column("moved_from", Text),
    Column("moved_because", Text),
    Column("moved_at", Moment),
    # How often it was posted anew because somebody had deleted it.
    Column("reposts", Integer, nullable=False, default=0),
    Column("created_at", Moment, nullable=False),
    Column("delivered_at", Moment),
    Index(
        "ix_messages_due",
        "urgency",
        "id",
        sqlite_where=text("shown < wanted"),
        postgresql_where=text("shown < wanted"),
    ),
    Index(
        "ix_messages_next",
        "next_at",
        sqlite_where=text("shown < wanted"),
        postgresql_where=text("shown < wanted"),
    ),
    Index(None, "incident_id"),
    Index(None, "channel", "ts"),
    Index(None, "parent_id"),
    # Few need people or have moved; each look at /readyz asks for them.
    Index(
        "ix_messages_troubled",
        "incident_id",
        sqlite_where=text("gave_up"),
        postgresql_where=text("gave_up"),
    ),
    Index(
        "ix_messages_moved",
        "moved_from",
        sqlite_where=text("moved_from IS NOT NULL"),
        postgresql_where=text("moved_from IS NOT NULL"),
    ),
)

# How long messages took from being wanted to being shown, as a histogram that all processes add to.
delivery_lags = Table(
    "delivery_lags",
    metadata,
    Column("urgency", Integer, primary_key=True, autoincrement=False),
    # The place of the bound in `bot.store.delivery_lags.BOUNDS`.
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
)

deadlines = Table(
    "deadlines",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("changed_at", Moment, nullable=False),
    Index(
        "ix_deadlines_due",
        "due_at",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    Index(
        "ix_deadlines_next",
        "incident_id",
        "due_at",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
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

# What was taken in once and must not be again: a modal's submission, an entry of the journal.
seen = Table(
    "seen",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("at", Moment, nullable=False),
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

# Programs that ask for the trading state, by the name they give themselves.
traders = Table(
    "traders",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("account", Text),
    Column("asked_at", Moment, nullable=False),
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
    Index(None, "incident_id"),
)

# Append-only: triggers (migration 0002) refuse every other change. `details` is text, so that what was hashed is
# what is stored, byte for byte, on either database; there is no foreign key, for an entry stands by itself.
audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("actor", Text),
    Column("incident_id", Integer),
    Column("account", Text),
    Column("text", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
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
