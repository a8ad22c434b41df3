"""What follows when Slack has taken a message: stakeholders know it then, and not before."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from bot.services.auditing import HALTDESK
from bot.services.desk import Desk
from bot.services.thread import show_phase
from bot.services.undone import NOTICE, NOTICE_ITEM
from bot.store import incidents, messages, timeline
from bot.store.database import UnitOfWork
from bot.store.messages import Message


def follows(desk: Desk) -> Mapping[str, Callable[[UnitOfWork, Message, datetime], None]]:
    """By the views of messages, what is done when one of them has been posted for the first time."""
    return {NOTICE: partial(_notice_posted, desk)}


def _notice_posted(desk: Desk, unit: UnitOfWork, message: Message, now: datetime) -> None:
    incident = incidents.lock(unit, message.incident_id)
    current = messages.get(unit, message.id)
    if incident is None or message.called_off or current.delivered_at is not None:
        return
    if message.moved_from is not None:
        text = "Notice of resolution stands in another channel: the stakeholders' one took nothing, tell them"
        timeline.write(unit, incident.id, "NoticeMoved", text, at=now)
        return
    text = "Notice of resolution went to stakeholders"
    timeline.write(unit, incident.id, "StakeholdersNotified", text, at=now)
    if current.called_off:
        return  # it fired again while the notice was on its way, which is edited now: the item stays open
    item, mark = desk.item(NOTICE_ITEM), incidents.marks(unit, incident.id).get(NOTICE_ITEM)
    if item is not None and not (mark and mark.done):
        incidents.mark(unit, incident.id, NOTICE_ITEM, done=True, by=HALTDESK, at=now, note="notice sent")
        show_phase(unit, incident, item.phase, now)
