"""Brings Slack to the newest version of every message: posts, edits, finds what was posted before a crash."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from bot.engine.claims import GATHER, LEASE, Claims
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

NOTED_FOR = 5.0  # seconds after a claim for which its note of the post is taken for new
# A post whose answer was lost may still arrive: Slack is asked for it only after this long.
SETTLING = timedelta(seconds=3)
Follows = Callable[[UnitOfWork, Message, datetime], None]
NOTHING: Mapping[str, Follows] = {}


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
        self._sender = Sender(database, chat, read, time.now)
        self._mending = Mending(database, fallbacks)
        self._follows = follows
        self._outage = Outage()
        self._turns = Turns(time, posts=pace)
        self._claims = Claims(database, self._turns, time, name=name)
        self._new = NewPosts()

    @property
    def resting(self) -> bool:
        """Whether a look was in vain a moment ago: whoever looked does so again after the rest, without being woken."""
        return not self._new and self._claims.resting

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
        return Taken(self._claims.new_name(), at, at + LEASE)

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

    def _one(self, now: datetime) -> bool:
        if self._new_one():
            return True
        claimed = self._claims.next(now)
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
        draft = post.draft
        made = _made(draft) if draft is not None else None
        noted = post.noted(within=NOTED_FOR)
        if noted is None:
            return False
        if draft is None or made is None:
            draft = self._looked_at_again(post)
            if draft is None:
                return False
            made = _made(draft)
        self._new.sent(post)
        self._go_on(draft.message, made, noted)
        return True

    def _looked_at_again(self, post: NewPost) -> Draft | None:
        """What is wrong with this message alone must not stop the others: it is left to whoever claims it later."""
        try:
            with self._database.read() as unit:
                return self._sender.look_at_new(unit, post.key, post.by)
        except DatabaseError:
            self._new.again(post)  # nobody else posts it before its claim has run out
            raise

    def _go_on(self, claimed: Message, made: Picture | Exception, noted: float | None) -> None:
        if isinstance(made, Exception):
            self._mending.unrenderable(claimed, made, self._time.now(), not_posted=noted is not None)
            return
        # There may be more, for another who is idle: this one is about to wait, and not to work.
        self._database.wake("colleague")
        self._deliver(claimed, made, noted)

    def rest(self, now: datetime) -> float:
        """Seconds until there may be something to do, if nobody asks for anything meanwhile; at most one."""
        outage = self._outage.left(self._time.monotonic())
        return max(0.005, outage if outage > 0 else self._claims.rest(now))

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
            gathers = (
                claimed.urgency == Urgency.NEWS and picture.message.ts is not None and self._claims.crowded()
            )
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
