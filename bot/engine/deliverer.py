"""Brings Slack to the newest version of every message: posts, edits, finds what was posted before a crash."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.engine.pace import Pace
from bot.ports.chat import Blocks, Chat, ChatRateLimited, ChatRefused, ChatUnavailable
from bot.ports.record import Timepiece
from bot.rendering.render import Rendered
from bot.rendering.slots import RenderingError
from bot.store import messages
from bot.store.database import Database, UnitOfWork
from bot.store.messages import Message

log = logging.getLogger(__name__)

RESTS = 10  # times as long as a look in vain took
LEASE = timedelta(seconds=45)  # longer than the calls of one delivery can take
# A post whose answer was lost may still arrive: Slack is asked for it only after this long.
SETTLING = timedelta(seconds=3)
BACKOFF = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
# Only people can mend these; they are tried again, slowly, and shown by `haltdesk status` and /readyz.
FOR_PEOPLE = timedelta(seconds=60)
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
UNRENDERABLE = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"})
# The clock of another machine may differ from Slack's.
CLOCK_SKEW = timedelta(minutes=2)

Render = Callable[[UnitOfWork, Message], Rendered]


@dataclass(frozen=True)
class _Picture:
    """A message with what it should show, read at one moment."""

    message: Message
    parent_ts: str | None
    rendered: Rendered


class Deliverer:
    """Delivers one message a call of `run_once`. Any number of threads or processes may do so side by side."""

    def __init__(
        self,
        database: Database,
        chat: Chat,
        render: Render,
        time: Timepiece,
        *,
        name: str,
        pace: Pace | None = None,
    ) -> None:
        self._database = database
        self._chat = chat
        self._render = render
        self._time = time
        self._name = name
        self._posts = pace or Pace(per_second=1.0, burst=4)
        self._edits = Pace(per_second=1.0, burst=4)
        self._rests_until = 0.0

    def run_once(self, now: datetime) -> bool:
        """Deliver the most urgent message that may go out now; false when there is none."""
        closed = self._posts.closed(self._time.monotonic())
        if closed and not self._anything(now, closed):
            return False
        with self._database.begin() as unit:
            claimed = messages.claim(unit, now=now, by=self._name, until=now + LEASE, avoid=closed)
        if claimed is None:
            return False
        self._database.wake("deliverer")  # there may be more, for another who is idle
        pace, place = self._pace(claimed)
        wait = pace.take(place, self._time.monotonic())
        if wait > 0:
            self._put_off(claimed, now + timedelta(seconds=wait), None)
            return True
        try:
            self._deliver(claimed, now)
        except ChatRateLimited as limited:
            pace.bar(place, self._time.monotonic(), limited.retry_after)
            with self._database.begin() as unit:
                messages.not_posted(unit, claimed.id)
            self._put_off(claimed, self._time.now() + timedelta(seconds=limited.retry_after), None)
        except ChatUnavailable as failure:
            log.warning("message %s is put off: %s", claimed.key, failure)
            wait = BACKOFF[min(claimed.attempts, len(BACKOFF) - 1)]
            settled = SETTLING if claimed.ts is None else timedelta()
            self._put_off(claimed, self._time.now() + max(timedelta(seconds=wait), settled), str(failure))
        except ChatRefused as refused:
            self._refused(claimed, refused)
        except (RenderingError, LookupError) as broken:
            # A template that the desk has broken, or a row that a newer version wrote: one message, not the others.
            log.error("message %s cannot be rendered: %s", claimed.key, broken)
            self._put_off(claimed, self._time.now() + FOR_PEOPLE, str(broken)[:500], gave_up=True)
        return True

    def _anything(self, now: datetime, closed: Collection[str]) -> bool:
        """Look, without taking the lock that webhooks need, whether anything but posts to closed channels is due.

        In a storm there are thousands of those to look through, and each webhook would make four threads look: a
        look that took long is not repeated soon.
        """
        began = self._time.monotonic()
        if began < self._rests_until:
            return False
        with self._database.read() as unit:
            found = messages.any_due(unit, now=now, avoid=closed)
        ended = self._time.monotonic()
        if not found:
            self._rests_until = ended + RESTS * (ended - began)
        return found

    def rest(self, now: datetime) -> float:
        """Seconds until there may be something to do, if nothing is asked for meanwhile; at most one."""
        with self._database.read() as unit:
            due = messages.next_wanted_at(unit, after=now)
        clock = self._time.monotonic()
        waits = [1.0, *self._posts.closed(clock).values()]
        if self._rests_until > clock:
            waits.append(self._rests_until - clock)
        if due is not None:
            waits.append((due - now) / timedelta(seconds=1))
        return max(0.005, min(waits))

    def _pace(self, message: Message) -> tuple[Pace, str]:
        """Posts are paced by channel, edits by message."""
        if message.ts is None:
            return self._posts, message.channel
        return self._edits, f"{message.channel}:{message.ts}"

    def _put_off(
        self, message: Message, until: datetime, error: str | None, *, gave_up: bool = False
    ) -> None:
        with self._database.begin() as unit:
            messages.put_off(unit, message.id, until=until, error=error, gave_up=gave_up)

    def _look(self, number: int) -> _Picture:
        with self._database.read() as unit:
            message = messages.get(unit, number)
            parent = messages.get(unit, message.parent_id) if message.parent_id is not None else None
            return _Picture(message, parent.ts if parent else None, self._render(unit, message))

    def _deliver(self, claimed: Message, now: datetime) -> None:
        picture = self._look(claimed.id)
        message, rendered = picture.message, picture.rendered
        ts = message.ts
        if ts is None and message.posting_since is not None:
            ts = self._find(message, picture.parent_ts)
        if ts is None:
            with self._database.begin() as unit:
                messages.posting(unit, message.id, now)
        try:
            ts = self._send(picture, ts, rendered.blocks)
        except ChatRefused as refused:
            if refused.error not in UNRENDERABLE:
                raise
            # Better the plain words than nothing: Slack does not take these blocks.
            log.error("message %s goes out as plain text: %s", message.key, refused)
            ts = self._send(picture, ts, [])
        with self._database.begin() as unit:
            messages.delivered(unit, message.id, version=message.wanted, ts=ts, at=self._time.now())
            unit.wake("deliverer")  # replies may have waited for their thread

    def _send(self, picture: _Picture, ts: str | None, blocks: Blocks) -> str:
        message, text = picture.message, picture.rendered.text
        file = picture.rendered.file
        if file is not None:  # a file that stands there stays as it is
            return ts or self._chat.share(
                message.channel, file.name, file.content, file.title, text, thread_ts=picture.parent_ts
            )
        if ts is not None:
            self._chat.update(message.channel, ts, text, blocks, nonce=message.nonce)
            return ts
        return self._chat.post(
            message.channel,
            text,
            blocks,
            thread_ts=picture.parent_ts,
            broadcast=message.broadcast,
            nonce=message.nonce,
        )

    def _find(self, message: Message, parent_ts: str | None) -> str | None:
        """Ask Slack whether the post before the crash, or with the lost answer, is there."""
        assert message.posting_since is not None
        since = message.posting_since - CLOCK_SKEW
        try:
            ts = self._chat.find(message.channel, message.nonce, since=since, thread_ts=parent_ts)
        except ChatRefused as refused:
            # Twice is better than never. The scope that is missing is named, so that it can be granted.
            log.error(
                "message %s may stand twice, Slack does not let Haltdesk look for it: %s",
                message.key,
                refused,
            )
            return None
        if ts is not None:
            with self._database.begin() as unit:
                messages.found_at(unit, message.id, ts)
        return ts

    def _refused(self, message: Message, refused: ChatRefused) -> None:
        now = self._time.now()
        if refused.error in GONE and message.ts is not None:
            log.warning("message %s is gone from Slack (%s); it is posted anew", message.key, refused.error)
            with self._database.begin() as unit:
                messages.forget_place(unit, message.id)
            self._put_off(message, now, str(refused))
            return
        log.error("message %s cannot be delivered: %s", message.key, refused)
        with self._database.begin() as unit:
            messages.not_posted(unit, message.id)  # a refusal means so; what was there before keeps its place
        self._put_off(message, now + FOR_PEOPLE, str(refused), gave_up=True)
