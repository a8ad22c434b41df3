"""One message on its way to Slack: what it should show, in a form that Slack takes, and whether it is there already."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from bot.domain.refusals import Remedy, about_channel, remedy
from bot.ports.chat import Blocks, Chat, ChatRefused
from bot.rendering.render import Make, Rendered
from bot.store import messages
from bot.store.database import Database, UnitOfWork
from bot.store.messages import Message

log = logging.getLogger(__name__)

Read = Callable[[UnitOfWork, Message], Make]

# The clock of another machine may differ from Slack's.
CLOCK_SKEW = timedelta(minutes=2)
# A post arrives within a call's time limit or never: what was posted later is not looked through.
ARRIVED = timedelta(minutes=5)
MOST_BLOCKS = 50
SHORT = 2_500  # characters of the plain form
SHORTENED = "Shortened: Slack did not take this message in its full form."


@dataclass(frozen=True)
class Picture:
    """A message with what it should show, read at one moment. `parent` is the root of its thread."""

    message: Message
    parent: Message | None
    rendered: Rendered
    read_at: datetime

    @property
    def channel(self) -> str:
        """Where it stands; and where it is to be posted: a reply always in its thread's channel."""
        if self.message.ts is None and self.parent is not None:
            return self.parent.channel
        return self.message.channel

    @property
    def thread_ts(self) -> str | None:
        return self.parent.ts if self.parent is not None else None


@dataclass(frozen=True)
class Draft:
    """A message with all that was read of it at one moment, and not put into words yet."""

    message: Message
    parent: Message | None
    make: Make
    read_at: datetime

    def picture(self) -> Picture:
        """Raises `RenderingError` or `LookupError` for what cannot be shown."""
        return Picture(self.message, self.parent, self.make(), self.read_at)


class Sender:
    """Reads what a message should show, and makes the calls, which raise `ChatError`."""

    def __init__(self, database: Database, chat: Chat, read: Read, now: Callable[[], datetime]) -> None:
        self._database, self._chat, self._read, self._now = database, chat, read, now

    def look(self, number: int) -> Draft:
        read_at = self._now()  # before the reading: what is wanted after it is not in the picture
        with self._database.read() as unit:
            return self._draft(unit, messages.get(unit, number), read_at)

    def look_at_new(self, unit: UnitOfWork, key: str, by: str) -> Draft | None:
        """A message that nobody has posted yet; None when it is not claimed by `by` (any more)."""
        read_at = self._now()
        message = messages.by_key(unit, key)
        if message is None or message.claimed_by != by:
            return None
        return self._draft(unit, message, read_at)

    def _draft(self, unit: UnitOfWork, message: Message, read_at: datetime) -> Draft:
        parent = messages.get(unit, message.parent_id) if message.parent_id is not None else None
        try:
            make = self._read(unit, message)
        except LookupError as broken:
            make = partial(_broken, broken)
        return Draft(message, parent, make, read_at)

    def find(self, picture: Picture) -> str | None:
        """The ts of a post from before a crash, or whose answer was lost; None when Slack does not have it."""
        message = picture.message
        assert message.posting_since is not None
        try:
            return self._chat.find(
                picture.channel,
                message.nonce,
                since=message.posting_since - CLOCK_SKEW,
                until=message.posting_since + ARRIVED + CLOCK_SKEW,
                thread_ts=picture.thread_ts,
            )
        except ChatRefused as refused:
            if remedy(refused.error) is Remedy.POST_THREAD_ANEW:
                return None  # the thread is gone, and what was posted in it too
            if message.called_off:
                raise  # that nobody could look is no reason to leave it out, nor to say that it was
            # Twice is better than never. The scope that is missing is named, so that it can be granted.
            log.error(
                "message %s may stand twice, Slack does not let Haltdesk look for it: %s",
                message.key,
                refused,
            )
            return None

    def send(self, picture: Picture, ts: str | None, *, again: Callable[[], None]) -> str:
        """Post, or edit what stands at `ts`; returns where it stands. `again` is called before each further try."""
        rendered = picture.rendered
        note = _where_it_belongs(picture.message)
        blocks = (
            [*note, *rendered.blocks] if len(rendered.blocks) + len(note) <= MOST_BLOCKS else rendered.blocks
        )
        text = rendered.text
        plain = f"{text[:SHORT]}\n{SHORTENED}"
        section = {"type": "section", "text": {"type": "plain_text", "text": plain, "emoji": False}}
        buttons = [block for block in rendered.blocks if block.get("type") == "actions"]
        # First as it should be; then the words with the buttons; at last the words alone.
        forms: list[tuple[str, Blocks]] = [(text, blocks), (plain, [*note, section, *buttons]), (plain, [])]
        for number, (words, form) in enumerate(forms):
            try:
                return self._call(picture, ts, words, form)
            except ChatRefused as refused:
                if remedy(refused.error) is not Remedy.SHORTEN or number == len(forms) - 1:
                    raise
                log.error("message %s goes out in a plainer form: %s", picture.message.key, refused)
                again()
        raise AssertionError("every form was tried")

    def _call(self, picture: Picture, ts: str | None, text: str, blocks: Blocks) -> str:
        message, file = picture.message, picture.rendered.file
        if file is not None:  # a file that stands there stays as it is
            return ts or self._chat.share(
                picture.channel, file.name, file.content, file.title, text, thread_ts=picture.thread_ts
            )
        if ts is not None:
            self._chat.update(picture.channel, ts, text, blocks, nonce=message.nonce)
            return ts
        return self._chat.post(
            picture.channel,
            text,
            blocks,
            thread_ts=picture.thread_ts,
            broadcast=message.broadcast,
            nonce=message.nonce,
        )


def _broken(failure: Exception) -> Rendered:
    raise failure


def _where_it_belongs(message: Message) -> list[dict[str, object]]:
    """Why a message stands in another channel than the one it was meant for."""
    if message.moved_from is None or message.parent_id is not None:
        return []
    why = about_channel(message.moved_because or "")
    text = f"Posted here because <#{message.moved_from}> {why}. Its thread is here too."
    return [{"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}]
