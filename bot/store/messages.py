"""Slack messages as projections: which view lives where, which version it showed last, and which is wanted."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from random import getrandbits
from typing import Any

from sqlalchemy import Insert, RowMapping, and_, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

from bot.domain.words import IncidentStatus
from bot.store.columns import json_column
from bot.store.database import UnitOfWork, on_either
from bot.store.tables import incidents, messages


class Urgency(IntEnum):
    """Lower goes out first."""

    ACTION = 1
    INCIDENT = 2
    THREAD = 4
    NOTICE = 6


@dataclass(frozen=True)
class Message:
    id: int
    key: str
    view: str
    incident_id: int
    ref: str | None
    content: Mapping[str, Any] | None
    channel: str
    parent_id: int | None
    broadcast: bool
    nonce: str
    wanted: int
    shown: int
    ts: str | None
    posting_since: datetime | None
    attempts: int
    last_error: str | None


_FIELDS = [messages.c[name] for name in Message.__dataclass_fields__]


def _wanting(statement: SqliteInsert | PostgresInsert) -> Insert:
    """Posted if it is not there yet, else its newest version is wanted; the content stays where none is given."""
    parent = messages.alias("parent")
    values: dict[str, Any] = {
        "parent_id": select(parent.c.id).where(parent.c.key == bindparam("parent_key")).scalar_subquery(),
        "content": bindparam("content", type_=json_column(none_as_null=True)),
    }
    return statement.values(**values).on_conflict_do_update(
        index_elements=["key"],
        set_={
            "wanted": messages.c.wanted + 1,
            "urgency": statement.excluded.urgency,
            "content": func.coalesce(statement.excluded.content, messages.c.content),
        },
    )


_parent = messages.alias("parent")
# Made once, for they run for every message: SQLAlchemy compiles a statement once, and finds it again by the object.
_DUE = (
    select(messages.c.id)
    .outerjoin(_parent, _parent.c.id == messages.c.parent_id)
    .where(
        messages.c.shown < messages.c.wanted,
        messages.c.next_at <= bindparam("now"),
        or_(messages.c.claimed_until.is_(None), messages.c.claimed_until < bindparam("now")),
        or_(messages.c.parent_id.is_(None), _parent.c.ts.is_not(None)),
        or_(messages.c.ts.is_not(None), messages.c.channel.not_in(bindparam("avoid", expanding=True))),
    )
    .order_by(messages.c.urgency, messages.c.id)
    .limit(1)
)
_CLAIM = _DUE.with_for_update(skip_locked=True, of=messages)
_BY_NUMBER = messages.c.id == bindparam("number")
_CLAIMED = (
    update(messages)
    .where(_BY_NUMBER)
    .values(claimed_by=bindparam("by"), claimed_until=bindparam("until"))
    .returning(*_FIELDS)
)
_GET = select(*_FIELDS).where(_BY_NUMBER)
_POSTING = update(messages).where(_BY_NUMBER).values(posting_since=bindparam("at"))
_DELIVERED = (
    update(messages)
    .where(_BY_NUMBER)
    .values(
        shown=bindparam("version"),
        ts=bindparam("place"),
        posting_since=None,
        claimed_by=None,
        claimed_until=None,
        attempts=0,
        last_error=None,
        gave_up=False,
        delivered_at=bindparam("at"),
    )
)
_WANT = on_either(_wanting, messages)


_REFRESH = update(messages).where(messages.c.key == bindparam("of_key")).values(wanted=messages.c.wanted + 1)


def _message(values: RowMapping) -> Message:
    return Message(**dict(values))


def _nonce() -> str:
    """Told apart from every other message's; no secret. `os.urandom` would hand the processor over each time."""
    return f"{getrandbits(128):032x}"


def want(
    unit: UnitOfWork,
    key: str,
    view: str,
    incident_id: int,
    *,
    channel: str,
    at: datetime,
    ref: str | None = None,
    parent_key: str | None = None,
    broadcast: bool = False,
    urgency: Urgency = Urgency.THREAD,
    content: Mapping[str, Any] | None = None,
) -> None:
    """Ask for the newest version of `key` to be shown: posted if it is not there yet, else edited in place."""
    values = {
        "key": key,
        "view": view,
        "incident_id": incident_id,
        "ref": ref,
        "content": content,
        "channel": channel,
        "parent_key": parent_key,
        "broadcast": broadcast,
        "nonce": _nonce(),
        "urgency": int(urgency),
        "next_at": at,
        "created_at": at,
    }
    unit.put(_WANT[unit.dialect], values, key=key)
    unit.wake("deliverer")


def refresh(unit: UnitOfWork, key: str, *, urgency: Urgency | None = None) -> bool:
    """Ask for the newest version of a message that exists; false when there is none under `key`."""
    values: dict[str, Any] = {"wanted": messages.c.wanted + 1}
    if urgency is not None:
        values["urgency"] = int(urgency)
    found = unit.connection.execute(update(messages).where(messages.c.key == key).values(**values))
    if found.rowcount:
        unit.wake("deliverer")
    return found.rowcount > 0


def refresh_if_there(unit: UnitOfWork, key: str) -> None:
    """As `refresh`, for whoever need not know whether there is such a message: it can wait for its batch."""
    unit.put(_REFRESH, {"of_key": key}, key=key)
    unit.wake("deliverer")


def claim(
    unit: UnitOfWork, *, now: datetime, by: str, until: datetime, avoid: Collection[str] = ()
) -> Message | None:
    """Claim the most urgent message that is due and whose thread exists; posts to channels in `avoid` have to wait."""
    due = {"now": now, "avoid": list(avoid)}
    number = unit.connection.execute(_CLAIM, due).scalar_one_or_none()
    if number is None:
        return None
    claimed = {"number": number, "by": by, "until": until}
    return _message(unit.connection.execute(_CLAIMED, claimed).mappings().one())


def any_due(unit: UnitOfWork, *, now: datetime, avoid: Collection[str]) -> bool:
    """Whether there is anything to claim, without the lock that a claim takes."""
    due = {"now": now, "avoid": list(avoid)}
    return unit.connection.execute(_DUE, due).first() is not None


def get(unit: UnitOfWork, number: int) -> Message:
    return _message(unit.connection.execute(_GET, {"number": number}).mappings().one())


def by_key(unit: UnitOfWork, key: str) -> Message | None:
    found = unit.connection.execute(select(*_FIELDS).where(messages.c.key == key)).mappings().first()
    return _message(found) if found else None


def at_place(unit: UnitOfWork, channel: str, ts: str) -> Message | None:
    """The message that Slack shows at this channel and timestamp."""
    query = select(*_FIELDS).where(messages.c.channel == channel, messages.c.ts == ts)
    found = unit.connection.execute(query).mappings().first()
    return _message(found) if found else None


def posting(unit: UnitOfWork, number: int, at: datetime) -> None:
    """Note that a post is about to go out: from here on the answer may be lost."""
    unit.connection.execute(_POSTING, {"number": number, "at": at})


def forget_place(unit: UnitOfWork, number: int) -> None:
    """The message is gone from Slack (or was never there): the next delivery posts it, under a new nonce."""
    unit.connection.execute(
        update(messages).where(messages.c.id == number).values(ts=None, posting_since=None, nonce=_nonce())
    )


def found_at(unit: UnitOfWork, number: int, ts: str) -> None:
    """The place of a message that was posted before a crash, or whose answer was lost. What it shows is not known."""
    unit.connection.execute(update(messages).where(messages.c.id == number).values(ts=ts, posting_since=None))


def delivered(unit: UnitOfWork, number: int, *, version: int, ts: str, at: datetime) -> None:
    unit.connection.execute(_DELIVERED, {"number": number, "version": version, "place": ts, "at": at})


def put_off(
    unit: UnitOfWork, number: int, *, until: datetime, error: str | None, gave_up: bool = False
) -> None:
    """Release the claim and try again at `until`. `error` None means that nothing went wrong, only the pace."""
    values: dict[str, Any] = {"claimed_by": None, "claimed_until": None, "next_at": until}
    if error is not None:
        values |= {"attempts": messages.c.attempts + 1, "last_error": error, "gave_up": gave_up}
    unit.connection.execute(update(messages).where(messages.c.id == number).values(**values))


def next_wanted_at(unit: UnitOfWork, *, after: datetime | None = None) -> datetime | None:
    """When the next undelivered message may be tried, claimed or not; None when all is shown."""
    query = select(func.min(messages.c.next_at)).where(messages.c.shown < messages.c.wanted)
    if after is not None:
        query = query.where(messages.c.next_at > after)
    found: datetime | None = unit.connection.execute(query).scalar_one()
    return found


def release_all(unit: UnitOfWork) -> None:
    """At the start of the only process: whoever claimed anything is dead."""
    held = messages.c.claimed_until.is_not(None)
    unit.connection.execute(update(messages).where(held).values(claimed_by=None, claimed_until=None))


def backlog(unit: UnitOfWork) -> tuple[int, datetime | None]:
    """How many messages wait, and since when the oldest does."""
    query = select(func.count(), func.min(messages.c.next_at)).where(messages.c.shown < messages.c.wanted)
    number, oldest = unit.connection.execute(query).one()
    return int(number), oldest


def in_trouble(unit: UnitOfWork, limit: int = 20) -> list[Message]:
    """Messages that Slack refuses for a reason that only people can mend."""
    query = select(*_FIELDS).where(messages.c.gave_up.is_(True)).limit(limit)
    return [_message(found) for found in unit.connection.execute(query).mappings()]


def not_posted(unit: UnitOfWork, number: int) -> None:
    """Slack said that nothing was posted: there is nothing to look for."""
    unit.connection.execute(
        update(messages).where(messages.c.id == number, messages.c.ts.is_(None)).values(posting_since=None)
    )


def refresh_of_open(unit: UnitOfWork, *, roots: str, others: tuple[str, str]) -> None:
    """Ask for the newest version of two views of every open incident: `roots`, and the (view, ref) of `others`."""
    still_open = select(incidents.c.id).where(incidents.c.status == IncidentStatus.OPEN)
    view, ref = others
    shown = or_(messages.c.view == roots, and_(messages.c.view == view, messages.c.ref == ref))
    statement = update(messages).where(messages.c.incident_id.in_(still_open), shown)
    if unit.connection.execute(statement.values(wanted=messages.c.wanted + 1)).rowcount:
        unit.wake("deliverer")
