"""Which message this process delivers next: the most urgent one that has its turn, claimed in the database."""

import threading
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from bot.engine.turns import Turns
from bot.ports.record import Timepiece
from bot.store import deliveries
from bot.store.database import Database, UnitOfWork
from bot.store.messages import Message, Urgency

RESTS = 30  # times as long as a look in vain took
LEASE = timedelta(seconds=45)  # longer than three calls can take, from the note of a post to its record
# Urgent messages go first; but every so many turns one that waits very long does, so that none waits for ever.
OLDEST_EVERY = 5
VERY_LONG = timedelta(minutes=2)
# While more messages than CROWD wait for Slack, what is shown already is brought up to date so often at most: without
# that the first incidents of a storm are edited again and again, and the others wait.
CROWD = 30
GATHER = timedelta(seconds=30)


@dataclass(frozen=True)
class Claimed:
    """What a claim came to. `wait` over 0: the message has no turn yet, and was put back for so many seconds.

    `noted` is the monotonic time at which it was noted as about to be posted, when that was done with the claim.
    """

    message: Message
    wait: float = 0.0
    noted: float | None = None


@dataclass(frozen=True)
class _Rest:
    """After a look in vain, while these channels were closed, and edits unless `edits`. `until` is a monotonic time."""

    until: float = 0.0
    closed: frozenset[str] = frozenset()
    edits: bool = False

    def serves(self, now: float, closed: Collection[str], edits: bool) -> bool:
        """Whether it is not over, and nothing has opened since."""
        return now < self.until and self.closed.issubset(closed) and (not edits or self.edits)


class Claims:
    """Thread-safe. `name` begins the names of its claims; each claim has one of its own."""

    def __init__(self, database: Database, turns: Turns, time: Timepiece, *, name: str) -> None:
        self._database, self._turns, self._time, self._name = database, turns, time, name
        self._taken = 0
        self._rest = _Rest()
        self._choosing = threading.Lock()

    @property
    def resting(self) -> bool:
        """Whether a look was in vain a moment ago, and nothing has opened since."""
        monotonic = self._time.monotonic()
        return self._rest.serves(monotonic, *self._turns.closed(monotonic))

    def new_name(self) -> str:
        return f"{self._name}:{uuid4().hex[:12]}"

    def next(self, now: datetime) -> Claimed | None:
        """The most urgent message, if it has its turn of the pace; one that has none is put back.

        One thread at a time: of several that claim for the same turn all but one would have claimed in vain.
        """
        with self._choosing:
            return self._claim(now)

    def rest(self, now: datetime) -> float:
        """Seconds until a message may come due, if nobody asks for one meanwhile; at most one.

        In a storm thousands of messages wait for the pace: only the moments when one comes due are looked up.
        """
        monotonic = self._time.monotonic()
        waits = [1.0, *self._turns.opens(monotonic)]
        rest = self._rest.until - monotonic
        if rest > 0:  # not even that: each webhook of the storm would ask for it
            return min(rest, *waits)
        with self._database.read() as unit:
            due = deliveries.next_due_after(unit, now)
        if due is not None:
            waits.append((due - now) / timedelta(seconds=1))
        return min(waits)

    def _claim(self, now: datetime) -> Claimed | None:
        monotonic, oldest_first = self._time.monotonic(), self._taken % OLDEST_EVERY == OLDEST_EVERY - 1
        closed, edits = self._turns.closed(monotonic)
        if (closed or not edits) and not self._anything(now, closed, edits):
            return None
        with self._database.begin() as unit:
            due = deliveries.most_urgent(
                unit,
                now=now,
                avoid=closed,
                edits=edits,
                waiting_since=now - VERY_LONG if oldest_first else None,
            )
            if due is None:
                return None
            gathered = self._gathered_until(unit, due, now)
            if gathered is not None:
                deliveries.put_back(unit, due, until=gathered)
                return Claimed(due, wait=(gathered - now) / timedelta(seconds=1))
            channel = deliveries.channel_of(unit, due)
            wait, beyond = self._turns.take(due, channel, self._time.monotonic())
            if wait > 0:
                deliveries.put_back(unit, due, until=now + timedelta(seconds=beyond))
                return Claimed(due, wait=wait)
            taken, noted = deliveries.take(unit, due, by=self.new_name(), until=now + LEASE, at=now)
        self._taken += 1
        return Claimed(taken, noted=monotonic if noted else None)

    def _anything(self, now: datetime, closed: Collection[str], edits: bool) -> bool:
        """Look, without taking the lock that webhooks need, whether anything that may go out is due.

        In a storm there are thousands of others to look through, and each webhook would make four threads look: a
        look that took long is not repeated soon.
        """
        began = self._time.monotonic()
        if self._rest.serves(began, closed, edits):
            return False
        with self._database.read() as unit:
            found = deliveries.any_due(unit, now=now, avoid=closed, edits=edits)
        ended = self._time.monotonic()
        if closed and not found:
            self._rest = _Rest(ended + RESTS * (ended - began), frozenset(closed), edits)
        return found

    def _gathered_until(self, unit: UnitOfWork, claimed: Message, now: datetime) -> datetime | None:
        """Until when news wait for more of them, while many wait and Slack was told of this message a moment ago."""
        if claimed.urgency != Urgency.NEWS or claimed.ts is None or claimed.delivered_at is None:
            return None
        until = claimed.delivered_at + GATHER
        return until if until > now and deliveries.more_wait(unit, CROWD) else None

    def crowded(self) -> bool:
        """Whether so many wait for Slack that news of what it shows already are gathered."""
        with self._database.read() as unit:
            return deliveries.more_wait(unit, CROWD)
