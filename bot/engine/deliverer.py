"""Brings Slack to the newest version of every message: posts, edits, finds what was posted before a crash."""

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from bot.engine.mending import BACKOFF, Mending, tell_root
from bot.engine.new_posts import NewPost, NewPosts
from bot.engine.outage import Outage
from bot.engine.pace import Pace
from bot.engine.sending import Draft, Picture, Read, Sender
from bot.engine.turns import Turns
from bot.ports.chat import Chat, ChatRateLimited, ChatRefused, ChatUnavailable
from bot.ports.record import Timepiece
from bot.rendering.slots import RenderingError
from bot.store import deliveries, delivery_lags, incidents, message_places
from bot.store.database import Database, DatabaseError, UnitOfWork
from bot.store.first_posts import Taken
from bot.store.messages import Message, Urgency

log = logging.getLogger(__name__)

RESTS = 30  # times as long as a look in vain took
LEASE = timedelta(seconds=45)  # longer than three calls can take, from the note of a post to its record
NOTED_FOR = 5.0  # seconds after a claim for which its note of the post is taken for new
# A post whose answer was lost may still arrive: Slack is asked for it only after this long.
SETTLING = timedelta(seconds=3)
# Urgent messages go first; but every so many turns one that waits very long does, so that none waits for ever.
OLDEST_EVERY = 5
VERY_LONG = timedelta(minutes=2)
# While more messages than CROWD wait for Slack, what is shown already is brought up to date so often at most: without
# that the first incidents of a storm are edited again and again, and the others wait.
CROWD = 30
GATHER = timedelta(seconds=30)


Follows = Callable[[UnitOfWork, Message, datetime], None]
NOTHING: Mapping[str, Follows] = {}


@dataclass(frozen=True)
class _Claimed:
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


class Deliverer:
    """Delivers one message a call of `run_once`. Any number of threads or processes may do so side by side.

    `fallbacks` are channels that take what another one does not, in this order. `follows`: what is done, by the view of
    the message, in the transaction that records its first post; its incident is held then. Only that a post is about
    to go out must be durable before it does, which a claim says: all else is found out again from Slack.
    """

    def __init__(
        self,
        database: Database,
        chat: Chat,
        read: Read,
        time: Timepiece,
        *,
        name: str,
        pace: Pace | None = None,
        fallbacks: Sequence[str] = (),
        follows: Mapping[str, Follows] = NOTHING,
    ) -> None:
        self._database = database
        self._time = time
        self._name = name
        self._sender = Sender(database, chat, read, time.now)
        self._mending = Mending(database, fallbacks)
        self._follows = follows
        self._outage = Outage()
        self._turns = Turns(time, posts=pace)
        self._taken = 0
        self._rest = _Rest()
        self._new = NewPosts()
        self._choosing = threading.Lock()

    @property
    def resting(self) -> bool:
        """Whether a look was in vain a moment ago: whoever looked does so again after the rest, without being woken."""
        monotonic = self._time.monotonic()
        return not self._new and self._rest.serves(monotonic, *self._turns.closed(monotonic))

    @property
    def posts_new(self) -> bool:
        """Whether a new message is about to be posted: nobody should be in its way, who can wait."""
        return self._new.under_way

    def run_once(self, now: datetime) -> bool:
        """Deliver the most urgent message that may go out now; false when there is none."""
        if self._outage.pause(self._time.monotonic()) > 0:
            return False
        try:
            return self._one(now)
        finally:
            self._outage.through(self._time.monotonic())

    def take(self, channel: str, at: datetime) -> Taken | None:
        """See `Poster`. Only where nothing was posted for a while: where messages wait, the most urgent goes first."""
        if self._outage.held or not self._turns.post(channel).take_at_rest():
            return None
        return Taken(self._new_name(), at, at + LEASE)

    def make_ready(self, unit: UnitOfWork, key: str, taken: Taken) -> None:
        """See `Poster`. Whoever is idle puts it into words meanwhile."""
        try:
            draft = self._sender.look_at_new(unit, key, taken.by)
        except DatabaseError:
            raise
        except Exception:
            log.exception("what %s shows could not be read; it is tried again after the commit", key)
            return
        if draft is not None:
            self._new.announce(key, taken.by, draft)
            self._database.wake("new post")

    def hand_over(self, key: str, taken: Taken) -> None:
        """See `Poster`. Whoever is woken by the commit finds it."""
        self._new.committed(key, taken.by, self._time.monotonic())

    def drop(self, taken: Taken) -> None:
        """See `Poster`."""
        self._new.dropped(taken.by)

    def _new_name(self) -> str:
        return f"{self._name}:{uuid4().hex[:12]}"

    def _one(self, now: datetime) -> bool:
        if self._new_one():
            return True
        with self._choosing:
            claimed = self._claim(now)
        if claimed is None:
            return False
        if claimed.wait > 0:
            return True
        made = _made(self._sender.look(claimed.message.id))
        self._go_on(claimed.message, made, claimed.noted)
        return True

    def _new_one(self) -> bool:
        """Deliver what this process has promised to post, if it is its own still."""
        post = self._new.next()
        if post is None:
            return False
        try:
            return self._posted(post)
        finally:
            self._new.sent(post)

    def _posted(self, post: NewPost) -> bool:
        try:
            draft = post.draft
            made = _made(draft) if draft is not None else None
            noted = post.noted(within=NOTED_FOR)
            if noted is None:
                return False
            if draft is None or made is None:
                with self._database.read() as unit:
                    draft = self._sender.look_at_new(unit, post.key, post.by)
                if draft is None:
                    return False
                made = _made(draft)
        except BaseException:
            self._new.again(post)  # nobody else posts it before its claim has run out
            raise
        self._new.sent(post)
        self._go_on(draft.message, made, noted)
        return True

    def _go_on(self, claimed: Message, made: Picture | Exception, noted: float | None) -> None:
        if isinstance(made, Exception):
            self._mending.unrenderable(claimed, made, self._time.now(), not_posted=noted is not None)
            return
        # There may be more, for another who is idle: this one is about to wait, and not to work.
        self._database.wake("colleague")
        self._deliver(claimed, made, noted)

    def rest(self, now: datetime) -> float:
        """Seconds until there may be something to do, if nobody asks for anything meanwhile; at most one.

        In a storm thousands of messages wait for the pace: only the moments when one comes due are looked up.
        """
        monotonic = self._time.monotonic()
        outage = self._outage.left(monotonic)
        if outage > 0:
            return max(0.005, outage)
        waits = [1.0, *self._turns.opens(monotonic)]
        rest = self._rest.until - monotonic
        if rest > 0:  # not even that: each webhook of the storm would ask for it
            return max(0.005, min(rest, *waits))
        with self._database.read() as unit:
            due = deliveries.next_due_after(unit, now)
        if due is not None:
            waits.append((due - now) / timedelta(seconds=1))
        return max(0.005, min(waits))

    def _claim(self, now: datetime) -> _Claimed | None:
        """The most urgent message, if it has its turn of the pace; one that has none is put back.

        One thread at a time: of several that claim for the same turn all but one would have claimed in vain.
        """
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
                return _Claimed(due, wait=(gathered - now) / timedelta(seconds=1))
            channel = deliveries.channel_of(unit, due)
            wait, beyond = self._turns.take(due, channel, self._time.monotonic())
            if wait > 0:
                deliveries.put_back(unit, due, until=now + timedelta(seconds=beyond))
                return _Claimed(due, wait=wait)
            taken, noted = deliveries.take(unit, due, by=self._new_name(), until=now + LEASE, at=now)
        self._taken += 1
        return _Claimed(taken, noted=monotonic if noted else None)

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

    def _crowded(self) -> bool:
        with self._database.read() as unit:
            return deliveries.more_wait(unit, CROWD)

    def _deliver(self, claimed: Message, picture: Picture, noted: float | None) -> None:
        """Find it if it may be there, else see that the post is noted; send; record."""
        if picture.parent is not None and picture.message.ts is None and picture.parent.ts is None:
            # Its thread was deleted a moment ago, and is posted first.
            self._put_off(claimed, timedelta(), not_posted=noted is not None)
            return
        ts = picture.message.ts
        if ts is None and noted is None and picture.message.posting_since is not None:
            sought = self._sought(claimed, picture)
            if sought is None:
                return
            ts = sought or None
        if ts is None and picture.message.called_off:
            self._mending.leave_out(claimed, picture, self._time.now())
            return
        now = self._time.now()
        if ts is None and (noted is None or self._time.monotonic() - noted > NOTED_FOR):
            with self._database.begin() as unit:
                if not deliveries.posting(unit, claimed, now, until=now + LEASE):
                    return  # another process has it by now
        turn = self._turns.post(picture.channel) if ts is None else self._turns.edit
        if not turn.wait():
            with self._database.begin(durable=False) as unit:
                # It was not there, and was not sent.
                deliveries.put_off(unit, claimed, until=now, not_posted=ts is None)
            return
        try:
            ts = self._sender.send(picture, ts, again=turn.again)
        except ChatRateLimited as limited:
            self._outage.over()
            turn.bar(limited.retry_after)
            gathers = claimed.urgency == Urgency.NEWS and picture.message.ts is not None and self._crowded()
            self._put_off(claimed, GATHER if gathers else timedelta(), not_posted=True)
            return
        except ChatUnavailable as failure:
            self._unavailable(claimed, failure)
            return
        except ChatRefused as refused:
            self._refused(claimed, picture, refused)
            return
        self._outage.over()
        turn.went_well()
        self._record(picture, ts)

    def _sought(self, claimed: Message, picture: Picture) -> str | None:
        """Where the post stands; "" when it is not in Slack; None when that could not be learned now."""
        look = self._turns.look
        wait = look.take()
        if wait > 0 or not look.wait():
            self._put_off(claimed, timedelta(seconds=wait))
            return None
        try:
            found = self._sender.find(picture)
        except ChatRateLimited as limited:
            # Nothing was learned: whether the post is there must still be asked.
            self._outage.over()
            look.bar(limited.retry_after)
            self._put_off(claimed, timedelta(seconds=limited.retry_after))
            return None
        except ChatUnavailable as failure:
            self._unavailable(claimed, failure)
            return None
        except ChatRefused as refused:
            self._outage.answered(refused.error, self._time.monotonic())
            self._mending.not_looked_for(claimed, refused, self._time.now())
            return None
        if found is None:
            return ""
        with self._database.begin(durable=False) as unit:
            message_places.found_at(unit, claimed.id, found)
        return found

    def _record(self, picture: Picture, ts: str) -> None:
        message, now = picture.message, self._time.now()
        with self._database.begin(durable=False) as unit:
            follows = self._follows.get(message.view) if message.ts is None else None
            if message.gave_up or follows is not None:
                # Its incident is told: held before any message of it, as everybody does.
                incidents.lock(unit, message.incident_id)
            if follows is not None:
                follows(unit, message, now)
            deliveries.delivered(
                unit,
                message,
                version=message.wanted,
                channel=picture.channel,
                ts=ts,
                read_at=picture.read_at,
                at=now,
            )
            if message.wanted_since is not None:
                delivery_lags.add(unit, message.urgency, now - message.wanted_since)
            if message.gave_up:
                tell_root(unit, message, now)
            unit.wake("deliverer")  # replies may have waited for their thread

    def _unavailable(self, claimed: Message, failure: ChatUnavailable) -> None:
        log.warning("message %s is put off: %s", claimed.key, failure)
        self._outage.failed(claimed.id, self._time.monotonic())
        wait = timedelta(seconds=BACKOFF[min(claimed.attempts, len(BACKOFF) - 1)])
        settled = SETTLING if claimed.ts is None else timedelta()
        self._put_off(claimed, max(wait, settled), str(failure), gave_up=claimed.gave_up)

    def _refused(self, claimed: Message, picture: Picture, refused: ChatRefused) -> None:
        self._outage.answered(refused.error, self._time.monotonic())
        self._mending.refused(claimed, picture, refused, self._time.now())

    def _put_off(
        self,
        message: Message,
        wait: timedelta,
        error: str | None = None,
        *,
        gave_up: bool = False,
        not_posted: bool = False,
    ) -> None:
        until = self._time.now() + wait
        with self._database.begin(durable=False) as unit:
            deliveries.put_off(
                unit, message, until=until, error=error, gave_up=gave_up, not_posted=not_posted
            )


def _made(draft: Draft) -> Picture | Exception:
    """In words, or why not."""
    try:
        return draft.picture()
    except (RenderingError, LookupError) as broken:
        return broken
