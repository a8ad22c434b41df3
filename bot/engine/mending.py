"""What becomes of a message that Slack refuses: posted anew, moved to another channel, or told to people."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.domain.refusals import Remedy, about_channel, remedy
from bot.engine.sending import Picture
from bot.ports.chat import ChatRefused
from bot.services.thread import root_key
from bot.services.undone import tell_held_back
from bot.store import called_off, deliveries, incidents, message_places, messages, timeline
from bot.store.database import Database, UnitOfWork
from bot.store.messages import Message

log = logging.getLogger(__name__)

TRIES = 5  # of a refusal that Haltdesk does not know, before people are told
BACKOFF = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
REPOSTS = 3  # somebody, or some program, deletes it again and again
DELETED = "It was deleted in Slack again and again; `/incident show` tells what it would."
# What people have to mend is tried again by itself all the same, so that nothing waits for a restart.
FOR_PEOPLE = timedelta(seconds=60)
SLOWLY = timedelta(minutes=15)


class Mending:
    """`fallbacks` are the channels, in this order, that take what another one does not."""

    def __init__(self, database: Database, fallbacks: Sequence[str]) -> None:
        self._database = database
        self._fallbacks = tuple(dict.fromkeys(fallbacks))

    def refused(self, claimed: Message, picture: Picture, refused: ChatRefused, now: datetime) -> None:
        """One transaction: the remedy, the timeline, and when the message is tried again."""
        with self._database.begin() as unit:
            incidents.lock(unit, claimed.incident_id)  # before any message of it, as everybody does
            message_places.not_posted(unit, claimed.id)  # a refusal means so; what was there keeps its place
            self._remedied(unit, claimed, picture, refused, now)

    def unrenderable(
        self, claimed: Message, failure: Exception, now: datetime, *, not_posted: bool = False
    ) -> None:
        """A template that the desk has broken, or a row that a newer version wrote: one message, not the others.

        `not_posted`: it was never tried before this time.
        """
        with self._database.begin() as unit:
            incidents.lock(unit, claimed.incident_id)
            if not_posted:
                message_places.not_posted(unit, claimed.id)
            said = f"it cannot be rendered: {failure}"[:500]
            self._give_up(unit, claimed, said, "Mend the desk's own templates.", now, FOR_PEOPLE)

    def not_looked_for(self, claimed: Message, refused: ChatRefused, now: datetime) -> None:
        """Slack does not let Haltdesk look whether it stands there: it is asked again, and people are told."""
        with self._database.begin() as unit:
            incidents.lock(unit, claimed.incident_id)
            said = f"whether it stands there could not be looked up: {refused}"
            self._give_up(unit, claimed, said, remedy(refused.error).value, now, FOR_PEOPLE)

    def leave_out(self, claimed: Message, picture: Picture, now: datetime) -> None:
        """It was called off on its way and is not in Slack: it is not posted, and the timeline says so."""
        with self._database.begin() as unit:
            incidents.lock(unit, claimed.incident_id)
            if called_off.leave_out(unit, claimed, version=picture.message.wanted):
                if claimed.delivered_at is None:  # else people had it, before it was deleted in Slack
                    tell_held_back(unit, claimed.incident_id, picture.message.content or {}, now)
                if claimed.gave_up:
                    tell_root(unit, claimed, now)

    def _remedied(
        self, unit: UnitOfWork, claimed: Message, picture: Picture, refused: ChatRefused, now: datetime
    ) -> None:
        what = remedy(refused.error)
        message, parent = picture.message, picture.parent
        done = False
        if what is Remedy.POST_ANEW and message.ts is not None and message.reposts < REPOSTS:
            log.warning("message %s is gone from Slack (%s); it is posted anew", message.key, refused.error)
            message_places.forget_place(unit, message.id, message.ts, now)
            done = True
        elif what is Remedy.POST_THREAD_ANEW and message.ts is not None:
            message_places.forget_place(unit, message.id, message.ts, now)
            done = message.reposts < REPOSTS
        elif what is Remedy.POST_THREAD_ANEW and parent is not None and parent.reposts < REPOSTS:
            log.warning("the thread of message %s is gone from Slack; it is posted anew", message.key)
            if parent.ts is not None:
                message_places.forget_place(unit, parent.id, parent.ts, now)
            done = True
        elif what is Remedy.MOVE:
            done = self._moved(unit, picture, refused.error, now)
        if done:
            deliveries.put_off(unit, claimed, until=now)
        elif what is Remedy.LET_IN:  # all are held back, and this one is the next to be tried
            log.error("no message can be delivered: %s. %s", refused, what.value)
            deliveries.put_off(unit, claimed, until=now, error=str(refused), gave_up=True)
        elif what is Remedy.GIVE_UP and claimed.attempts + 1 < TRIES:
            log.warning("message %s was refused and is tried again: %s", claimed.key, refused)
            wait = timedelta(seconds=BACKOFF[min(claimed.attempts, len(BACKOFF) - 1)])
            deliveries.put_off(unit, claimed, until=now + wait, error=str(refused), gave_up=claimed.gave_up)
        else:
            wait = FOR_PEOPLE if what in (Remedy.MOVE, Remedy.ALLOW) else SLOWLY
            advice = DELETED if what in (Remedy.POST_ANEW, Remedy.POST_THREAD_ANEW) else what.value
            self._give_up(unit, claimed, str(refused), advice, now, wait)

    def _moved(self, unit: UnitOfWork, picture: Picture, error: str, now: datetime) -> bool:
        """The thread goes to the next channel that may take it; false when there is none left."""
        message, parent = picture.message, picture.parent
        target = parent if parent is not None else message
        if picture.channel != target.channel:
            # Its thread has moved meanwhile, and this one stayed behind.
            return message.ts is not None and message_places.forget_place(unit, message.id, message.ts, now)
        own = target.moved_from or target.channel
        chain = [own, *(channel for channel in self._fallbacks if channel != own)]
        further = chain[chain.index(target.channel) + 1 :] if target.channel in chain else chain[1:]
        if not further and target.ts is not None and target.channel != own:
            further = [own]  # it may take messages again
        if not further:
            message_places.back_home(unit, target.id)
            return False
        if message_places.move(unit, target.id, channel=target.channel, to=further[0], because=error, at=now):
            said = f"{target.channel} {about_channel(error)}: {target.key} goes to {further[0]}"
            log.error("%s. %s", said, Remedy.MOVE.value)
            timeline.write(unit, target.incident_id, "MessageMoved", said, at=now)
        return True

    def _give_up(
        self, unit: UnitOfWork, claimed: Message, said: str, advice: str, now: datetime, wait: timedelta
    ) -> None:
        log.error("message %s cannot be delivered: %s. %s", claimed.key, said, advice)
        deliveries.put_off(unit, claimed, until=now + wait, error=said, gave_up=True)
        if claimed.gave_up:
            return  # told before
        text = f"Slack does not show {claimed.key}: {said}. {advice}"
        timeline.write(unit, claimed.incident_id, "MessageNotDelivered", text, at=now)
        tell_root(unit, claimed, now)


def tell_root(unit: UnitOfWork, message: Message, now: datetime) -> None:
    """The incident's message says how many of its messages are not shown."""
    root = root_key(message.incident_id)
    if message.key != root:
        messages.refresh(unit, root, at=now)
