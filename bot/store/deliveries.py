"""The deliverer's side of the messages: claimed, noted before the post, shown, or put off."""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    update,
)

from bot.store.database import UnitOfWork
from bot.store.messages import FIELDS, Message, as_message
from bot.store.tables import messages

# A reply that goes wrong so often lets the ones after it pass.
HOLDS_UP_REPLIES = 3
_parent = messages.alias("parent")


def _undelivered(edits: bool) -> ColumnElement[bool]:
    """What may be sent when it is due: its thread exists, what was said before it in the thread is there."""
    closed: BindParameter[list[str]] = bindparam("closed", expanding=True)
    earlier = messages.alias("earlier")
    held_up = exists().where(
        earlier.c.parent_id == messages.c.parent_id,
        earlier.c.ts.is_(None),
        earlier.c.shown < earlier.c.wanted,
        earlier.c.urgency == messages.c.urgency,
        earlier.c.id < messages.c.id,
        earlier.c.attempts < HOLDS_UP_REPLIES,
        earlier.c.gave_up.is_(False),
    )
    post = and_(
        messages.c.ts.is_(None),
        func.coalesce(_parent.c.channel, messages.c.channel).not_in(closed),
        or_(messages.c.parent_id.is_(None), and_(_parent.c.ts.is_not(None), ~held_up)),
    )
    return and_(
        messages.c.shown < messages.c.wanted, or_(post, messages.c.ts.is_not(None)) if edits else post
    )


def most_urgent(
    unit: UnitOfWork,
    *,
    now: datetime,
    avoid: Collection[str] = (),
    edits: bool = True,
    waiting_since: datetime | None = None,
) -> Message | None:
    """Hold the most urgent message that is due and whose thread exists, until the transaction ends.

    Posts to channels in `avoid` have to wait, and edits unless `edits`. With `waiting_since` whatever was wanted
    before then goes first, the oldest at the head. It is then taken, or told when to come again, by one change: a
    row that is changed twice in one transaction makes PostgreSQL look at its incident, for which others wait.
    """
    given = {"now": now, "closed": list(avoid)}
    found = None
    if waiting_since is not None:
        found = unit.first(_held(edits, oldest=True), {**given, "since": waiting_since})
    if found is None:
        found = unit.first(_held(edits), given)
    return as_message(found) if found is not None else None


def take(
    unit: UnitOfWork, message: Message, *, by: str, until: datetime, at: datetime
) -> tuple[Message, bool]:
    """Claim a message that is held: nobody else is shown it before `until`.

    One that was never posted is noted as about to be, in the same change: from `at` on the answer may be lost. Whether
    that was so is told beside it.
    """
    first_post = message.ts is None and message.posting_since is None
    given = {
        "number": message.id,
        "by": by,
        "until": until,
        "posting": at if first_post else message.posting_since,
    }
    return as_message(unit.first(_TAKEN, given)), first_post


def put_back(unit: UnitOfWork, message: Message, *, until: datetime) -> None:
    """A message that is held and was not taken comes due again at `until`."""
    unit.run(_PUT_BACK, {"number": message.id, "until": until})


_CHANNEL = select(messages.c.channel).where(messages.c.id == bindparam("number"))


def channel_of(unit: UnitOfWork, message: Message) -> str:
    """The channel that a message stands in or is to be posted in: a reply always in its thread's."""
    if message.ts is not None or message.parent_id is None:
        return message.channel
    found: str = unit.value(_CHANNEL, {"number": message.parent_id})
    return found


# Statements are made once: to make one anew costs more than to run it, and these run for every message.
@cache
def _due(edits: bool, *, oldest: bool = False) -> Select[Any]:
    query = (
        select(*FIELDS)
        .outerjoin(_parent, _parent.c.id == messages.c.parent_id)
        .where(
            _undelivered(edits),
            messages.c.next_at <= bindparam("now"),
            or_(messages.c.claimed_until.is_(None), messages.c.claimed_until < bindparam("now")),
        )
        .limit(1)
    )
    if oldest:
        query = query.where(messages.c.wanted_since < bindparam("since"))
        return query.order_by(messages.c.wanted_since, messages.c.id)
    return query.order_by(messages.c.urgency, messages.c.id)


@cache
def _held(edits: bool, *, oldest: bool = False) -> Select[Any]:
    return _due(edits, oldest=oldest).with_for_update(key_share=True, skip_locked=True, of=messages)


_TAKEN = (
    update(messages)
    .where(messages.c.id == bindparam("number"))
    .values(
        claimed_by=bindparam("by"),
        claimed_until=bindparam("until"),
        posting_since=bindparam("posting"),
    )
    .returning(*FIELDS)
)
_PUT_BACK = (
    update(messages)
    .where(messages.c.id == bindparam("number"))
    .values(claimed_by=None, claimed_until=None, next_at=bindparam("until"))
)


def any_due(unit: UnitOfWork, *, now: datetime, avoid: Collection[str], edits: bool) -> bool:
    """Whether there is anything to claim, without the lock that a claim takes."""
    return unit.first(_due(edits), {"now": now, "closed": list(avoid)}) is not None


_WAITING = select(messages.c.id).where(messages.c.shown < messages.c.wanted).limit(bindparam("some"))


def more_wait(unit: UnitOfWork, than: int) -> bool:
    """Whether Slack is behind with more than so many messages: by one look at an index, which ends there."""
    return len(unit.all(_WAITING, {"some": than + 1})) > than


_POSTING = (
    update(messages)
    .where(
        messages.c.id == bindparam("number"),
        messages.c.claimed_by == bindparam("by"),
        messages.c.ts.is_(None),
    )
    .values(posting_since=bindparam("at"), claimed_until=bindparam("until"))
)


def posting(unit: UnitOfWork, message: Message, at: datetime, *, until: datetime) -> bool:
    """Note once more that a post is about to go out, after time has passed. The claim lasts `until` then.

    False when the message is another's by now: that time was longer than the claim.
    """
    given = {"number": message.id, "by": message.claimed_by, "at": at, "until": until}
    return unit.run(_POSTING, given) > 0


_READ_AT = bindparam("read_at", type_=messages.c.wanted_since.type)
_DELIVERED = (
    update(messages)
    .where(messages.c.id == bindparam("number"))
    .values(
        shown=bindparam("version"),
        wanted_since=case(
            (
                messages.c.wanted > bindparam("version"),
                bindparam("read_at", type_=messages.c.wanted_since.type),
            ),
            else_=None,
        ),
        channel=bindparam("room"),
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


def delivered(
    unit: UnitOfWork,
    message: Message,
    *,
    version: int,
    channel: str,
    ts: str,
    read_at: datetime,
    at: datetime,
) -> None:
    """Slack shows `version`, which was read at `read_at`: what is newer was wanted after that."""
    given = {"number": message.id, "version": version, "place": ts, "room": channel}
    unit.run(_DELIVERED, {**given, "read_at": read_at, "at": at})


def put_off(
    unit: UnitOfWork,
    message: Message,
    *,
    until: datetime,
    error: str | None = None,
    gave_up: bool = False,
    not_posted: bool = False,
) -> None:
    """Release the claim and try again at `until`. `error` None means that nothing went wrong, only the pace.

    `not_posted`: nothing was posted, so there is nothing to look for.
    """
    values: dict[str, Any] = {"claimed_by": None, "claimed_until": None, "next_at": until}
    if not_posted:
        values["posting_since"] = case((messages.c.ts.is_(None), None), else_=messages.c.posting_since)
    if error is not None:
        values |= {"attempts": messages.c.attempts + 1, "last_error": error[:1000], "gave_up": gave_up}
    unit.connection.execute(
        update(messages)
        .where(messages.c.id == message.id, messages.c.claimed_by == message.claimed_by)
        .values(**values)
    )


_NEXT_DUE = select(func.min(messages.c.next_at, type_=messages.c.next_at.type)).where(
    messages.c.shown < messages.c.wanted, messages.c.next_at > bindparam("now")
)


def next_due_after(unit: UnitOfWork, now: datetime) -> datetime | None:
    """When the next message comes due that is not due yet, by one look at an index."""
    found: datetime | None = unit.value(_NEXT_DUE, {"now": now})
    return found


def next_wanted_at(unit: UnitOfWork, *, avoid: Collection[str] = (), edits: bool = True) -> datetime | None:
    """When the next undelivered message may be tried, if its claim runs out; None when there is none."""
    found: datetime | None = unit.value(_next(edits), {"closed": list(avoid)})
    return found


@cache
def _next(edits: bool) -> Select[Any]:
    free = case(
        (messages.c.claimed_until > messages.c.next_at, messages.c.claimed_until), else_=messages.c.next_at
    )
    return (
        select(func.min(free, type_=messages.c.next_at.type))
        .outerjoin(_parent, _parent.c.id == messages.c.parent_id)
        .where(_undelivered(edits))
    )
