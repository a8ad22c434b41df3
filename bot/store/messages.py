"""Slack messages as projections: which view lives where, which version it showed last, and which is wanted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from random import getrandbits
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

from bot.domain.words import IncidentStatus
from bot.store.columns import json_column
from bot.store.database import UnitOfWork, on_either
from bot.store.tables import incidents, messages

CALLED_OFF = "called off"  # the `ref` of a message that is so no more


class Urgency(IntEnum):
    """Lower goes out first."""

    ACTION = 1
    INCIDENT = 2
    THREAD = 4
    NEWS = 5  # a further change of what Slack shows already: it may wait a little and be gathered with the next ones
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
    urgency: int
    wanted_since: datetime | None
    gave_up: bool
    moved_from: str | None
    moved_because: str | None
    reposts: int
    claimed_by: str | None
    delivered_at: datetime | None

    @property
    def called_off(self) -> bool:
        """What it was to say is so no more: it is not posted; where it may stand, it shows its `content` instead."""
        return self.ref == CALLED_OFF


FIELDS = [messages.c[name] for name in Message.__dataclass_fields__]


def _put_off_beyond(at: ColumnElement[datetime]) -> ColumnElement[bool]:
    """It waits for its turn or for more news, not for a Slack that refuses it."""
    return and_(messages.c.attempts == 0, messages.c.next_at > at)


def _wanting(statement: SqliteInsert | PostgresInsert) -> Insert:
    """Posted if it is not there yet, else its newest version is wanted; the content stays where none is given.

    News do not make less urgent what waits already; and what is more than news does not wait for them.
    """
    parent = messages.alias("parent")
    given = statement.excluded
    waits = and_(messages.c.shown < messages.c.wanted, messages.c.urgency < given.urgency)
    values: dict[str, Any] = {
        "parent_id": select(parent.c.id).where(parent.c.key == bindparam("parent_key")).scalar_subquery(),
        "content": bindparam("content", type_=json_column(none_as_null=True)),
    }
    return statement.values(**values).on_conflict_do_update(
        index_elements=["key"],
        set_={
            "wanted": messages.c.wanted + 1,
            "wanted_since": func.coalesce(messages.c.wanted_since, given.wanted_since),
            "urgency": case((waits, messages.c.urgency), else_=given.urgency),
            "next_at": case(
                (and_(given.urgency != Urgency.NEWS, _put_off_beyond(given.next_at)), given.next_at),
                else_=messages.c.next_at,
            ),
            "content": func.coalesce(given.content, messages.c.content),
        },
    )


# Made once, for they run for every message: SQLAlchemy compiles a statement once, and finds it again by the object.
_WANT = on_either(_wanting, messages)
# Gathered by themselves: in one commit for many webhooks the last row of a key stands, and news must not be the last.
_NEWS = on_either(_wanting, messages)
# With the claim of whoever posts it at once: another statement, because the others' rows have fewer columns.
_WANT_TAKEN = on_either(_wanting, messages)
_REFRESH = (
    update(messages)
    .where(messages.c.key == bindparam("of_key"))
    .values(
        wanted=messages.c.wanted + 1,
        wanted_since=func.coalesce(
            messages.c.wanted_since, bindparam("since", type_=messages.c.wanted_since.type)
        ),
        urgency=case((messages.c.shown < messages.c.wanted, messages.c.urgency), else_=int(Urgency.NEWS)),
    )
)
_GET = select(*FIELDS).where(messages.c.id == bindparam("number"))
_BY_KEY = select(*FIELDS).where(messages.c.key == bindparam("of_key"))
_AT_PLACE = select(*FIELDS).where(
    messages.c.channel == bindparam("room"), messages.c.ts == bindparam("place")
)


def as_message(found: Any) -> Message:
    """Of a row of FIELDS."""
    return Message(*found)


def new_nonce() -> str:
    """Told apart from every other message's; no secret. `os.urandom` would hand the processor over each time."""
    return f"{getrandbits(128):032x}"


def since_or(at: datetime) -> ColumnElement[datetime]:
    """Since when a message is wanted that is wanted once more `at`: the oldest version not shown counts."""
    return _since_or(literal(at, messages.c.wanted_since.type))


def _since_or(moment: ColumnElement[datetime]) -> ColumnElement[datetime]:
    return func.coalesce(messages.c.wanted_since, moment)


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
    new: bool = False,
) -> None:
    """Ask for the newest version of `key` to be shown: posted if it is not there yet, else edited in place.

    `new`: there is none of this key in the database, and no thread that it waits for.
    """
    values: dict[str, Any] = {
        "key": key,
        "view": view,
        "incident_id": incident_id,
        "ref": ref,
        "content": content,
        "channel": channel,
        "parent_key": parent_key,
        "broadcast": broadcast,
        "nonce": new_nonce(),
        "urgency": int(urgency),
        "wanted_since": at,
        "next_at": at,
        "created_at": at,
    }
    if new:
        unit.take_new(key, channel, at)
    statements = _NEWS if urgency is Urgency.NEWS else _WANT
    taken = unit.taken(key)
    if taken is not None and statements is _WANT:
        statements = _WANT_TAKEN
        values |= {"claimed_by": taken.by, "claimed_until": taken.until, "posting_since": taken.at}
    unit.put(statements[unit.dialect], values, key=key, refers=parent_key is not None)
    unit.wake("deliverer")


def _at_once() -> dict[str, Any]:
    """The newest version is wanted `at` a moment: it does not wait to be gathered with news."""
    moment: ColumnElement[datetime] = bindparam("at", type_=messages.c.next_at.type)
    return {
        "wanted": messages.c.wanted + 1,
        "wanted_since": _since_or(moment),
        "urgency": case(
            (messages.c.urgency == Urgency.NEWS, int(Urgency.INCIDENT)), else_=messages.c.urgency
        ),
        "next_at": case((_put_off_beyond(moment), moment), else_=messages.c.next_at),
    }


_AT_ONCE = update(messages).where(messages.c.key == bindparam("of_key")).values(**_at_once())
_WITH_URGENCY = _AT_ONCE.values(urgency=bindparam("how_urgent"))


def refresh(unit: UnitOfWork, key: str, *, at: datetime, urgency: Urgency | None = None) -> bool:
    """Ask for the newest version of a message that exists, wanted since `at`; false when there is none under `key`."""
    given: dict[str, Any] = {"of_key": key, "at": at}
    if urgency is None:
        there = unit.run(_AT_ONCE, given) > 0
    else:
        there = unit.run(_WITH_URGENCY, given | {"how_urgent": int(urgency)}) > 0
    if there:
        unit.wake("deliverer")
    return there


_OF_VIEW = (
    update(messages)
    .where(
        messages.c.incident_id == bindparam("incident"),
        messages.c.view == bindparam("of_view"),
        func.coalesce(messages.c.ref, "") != CALLED_OFF,
    )
    .values(**_at_once())
)


def refresh_view(unit: UnitOfWork, incident_id: int, view: str, *, at: datetime) -> None:
    """Ask for the newest version of an incident's messages of this view, but for those that were called off."""
    if unit.run(_OF_VIEW, {"incident": incident_id, "of_view": view, "at": at}):
        unit.wake("deliverer")


def refresh_if_there(unit: UnitOfWork, key: str, at: datetime) -> None:
    """News of a message, for whoever need not know whether there is such a one: it can wait for its batch."""
    unit.put(_REFRESH, {"of_key": key, "since": at}, key=key)
    unit.wake("deliverer")


def get(unit: UnitOfWork, number: int) -> Message:
    found = unit.first(_GET, {"number": number})
    assert found is not None  # messages are never deleted
    return as_message(found)


def by_key(unit: UnitOfWork, key: str) -> Message | None:
    found = unit.first(_BY_KEY, {"of_key": key})
    return as_message(found) if found else None


def at_place(unit: UnitOfWork, channel: str, ts: str) -> Message | None:
    """The message that Slack shows at this channel and timestamp."""
    found = unit.first(_AT_PLACE, {"room": channel, "place": ts})
    return as_message(found) if found else None


def try_again(unit: UnitOfWork, at: datetime) -> None:
    """At a start: what Slack refused may be taken now. One that another process holds is in its turn anyhow."""
    refused = select(messages.c.id).where(text("gave_up")).with_for_update(key_share=True, skip_locked=True)
    unit.connection.execute(update(messages).where(messages.c.id.in_(refused)).values(next_at=at))


def release_all(unit: UnitOfWork) -> None:
    """At the start of the only process: whoever claimed anything is dead."""
    held = messages.c.claimed_until.is_not(None)
    unit.connection.execute(update(messages).where(held).values(claimed_by=None, claimed_until=None))


def backlog(unit: UnitOfWork) -> tuple[int, datetime | None]:
    """How many messages wait, and since when the oldest of them is wanted. Those in trouble are counted apart."""
    query = select(func.count(), func.min(messages.c.wanted_since)).where(
        messages.c.shown < messages.c.wanted, messages.c.gave_up.is_(False)
    )
    number, oldest = unit.connection.execute(query).one()
    return int(number), oldest


def in_trouble(unit: UnitOfWork, limit: int = 20) -> list[Message]:
    """Messages that Slack refuses for a reason that only people can mend."""
    query = select(*FIELDS).where(text("gave_up")).order_by(messages.c.id).limit(limit)
    return [as_message(found) for found in unit.connection.execute(query)]


_IN_TROUBLE = select(func.count()).select_from(messages).where(text("gave_up"))


def count_in_trouble(unit: UnitOfWork) -> int:
    return int(unit.value(_IN_TROUBLE))


def refresh_of_open(unit: UnitOfWork, *, roots: str, others: tuple[str, str], at: datetime) -> None:
    """Ask for the newest version of two views of every open incident: `roots`, and the (view, ref) of `others`."""
    still_open = select(incidents.c.id).where(incidents.c.status == IncidentStatus.OPEN)
    view, ref = others
    shown = or_(messages.c.view == roots, and_(messages.c.view == view, messages.c.ref == ref))
    statement = update(messages).where(messages.c.incident_id.in_(still_open), shown)
    if unit.connection.execute(statement.values(**_at_once()), {"at": at}).rowcount:
        unit.wake("deliverer")
