"""Where messages stand in Slack when that changes: found again, deleted by somebody, moved to another channel."""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import func, select, update

from bot.store.database import UnitOfWork
from bot.store.messages import since_or
from bot.store.tables import incidents, messages


@dataclass(frozen=True)
class Moved:
    """A channel that took nothing, where its messages went, and how many."""

    channel: str
    because: str
    to: str
    count: int


def found_at(unit: UnitOfWork, number: int, ts: str) -> None:
    """The place of a message that was posted before a crash, or whose answer was lost. What it shows is not known."""
    unit.connection.execute(update(messages).where(messages.c.id == number).values(ts=ts, posting_since=None))


def not_posted(unit: UnitOfWork, number: int) -> None:
    """Slack said that nothing was posted: there is nothing to look for."""
    unit.connection.execute(
        update(messages).where(messages.c.id == number, messages.c.ts.is_(None)).values(posting_since=None)
    )


def forget_place(unit: UnitOfWork, number: int, ts: str, at: datetime) -> bool:
    """The message that stood at `ts` is gone from Slack: the next delivery posts it, under a new nonce.

    Its replies follow: the newest checklist at once, the others when they change. False when the message has
    another place by now.
    """
    return _displace(unit, number, ts, at, {"reposts": messages.c.reposts + 1})


def move(unit: UnitOfWork, number: int, *, channel: str, to: str, because: str, at: datetime) -> bool:
    """`channel` takes nothing: the message goes to the channel `to`, and its replies with it.

    False when it does not live in `channel` any more.
    """
    row = unit.connection.execute(
        select(messages.c.channel, messages.c.ts, messages.c.moved_from).where(messages.c.id == number)
    ).one()
    if row.channel != channel:
        return False
    own = row.moved_from or channel
    away = {"moved_from": own, "moved_because": because, "moved_at": at}
    home = {"moved_from": None, "moved_because": None, "moved_at": None}
    return _displace(unit, number, row.ts, at, {"channel": to, **(home if to == own else away)})


def back_home(unit: UnitOfWork, number: int) -> None:
    """No channel takes the message: when it is tried again, its own is tried first."""
    unit.connection.execute(
        update(messages)
        .where(messages.c.id == number, messages.c.moved_from.is_not(None), messages.c.ts.is_(None))
        .values(channel=messages.c.moved_from, moved_from=None, moved_because=None, moved_at=None)
    )


def _displace(unit: UnitOfWork, number: int, ts: str | None, at: datetime, values: dict[str, object]) -> bool:
    changed = unit.connection.execute(
        update(messages)
        .where(messages.c.id == number, messages.c.ts.is_(None) if ts is None else messages.c.ts == ts)
        .values(
            ts=None,
            posting_since=None,
            nonce=uuid4().hex,
            wanted=messages.c.wanted + 1,
            wanted_since=since_or(at),
            next_at=at,
            **values,
        )
    )
    if not changed.rowcount:
        return False
    replies = update(messages).where(messages.c.parent_id == number, messages.c.ts.is_not(None))
    newest = (
        select(func.max(messages.c.id))
        .where(messages.c.parent_id == number, messages.c.view == "phase", messages.c.ts.is_not(None))
        .scalar_subquery()
    )
    unit.connection.execute(
        update(messages)
        .where(messages.c.id == newest)
        .values(wanted=messages.c.wanted + 1, wanted_since=since_or(at))
    )
    unit.connection.execute(replies.values(ts=None, posting_since=None))
    unit.wake("deliverer")
    return True


def moved(unit: UnitOfWork) -> list[Moved]:
    """Channels from which messages of open incidents had to move, and that have taken nothing since."""
    query = (
        select(
            messages.c.moved_from,
            func.max(messages.c.moved_because),
            func.max(messages.c.channel),
            func.count(),
            func.max(messages.c.moved_at, type_=messages.c.moved_at.type),
        )
        .join(incidents, incidents.c.id == messages.c.incident_id)
        .where(messages.c.moved_from.is_not(None), incidents.c.status == "open")
        .group_by(messages.c.moved_from)
        .limit(20)
    )
    found = unit.connection.execute(query).all()
    return [
        Moved(channel, because, to, count)
        for channel, because, to, count, at in found
        if not _taken_since(unit, channel, at)
    ]


def _taken_since(unit: UnitOfWork, channel: str, at: datetime) -> bool:
    query = select(messages.c.id).where(messages.c.channel == channel, messages.c.delivered_at > at)
    return unit.connection.execute(query.limit(1)).first() is not None
