"""What is told to Slack and when: messages, deadlines, and what was taken in once."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text, text

from bot.store.columns import Moment, json_column
from bot.store.tables.base import metadata

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
    # Without what has no place in Slack yet, and without what is no reply.
    Index(
        "ix_messages_channel_ts",
        "channel",
        "ts",
        sqlite_where=text("ts IS NOT NULL"),
        postgresql_where=text("ts IS NOT NULL"),
    ),
    Index(
        "ix_messages_parent_id",
        "parent_id",
        sqlite_where=text("parent_id IS NOT NULL"),
        postgresql_where=text("parent_id IS NOT NULL"),
    ),
    # Few need people or have moved; each look at /readyz asks for them.
    Index(
        "ix_messages_troubled",
        "id",
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

# What was taken in once and must not be again: a modal's submission, an entry of the journal.
seen = Table(
    "seen",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("at", Moment, nullable=False),
)
