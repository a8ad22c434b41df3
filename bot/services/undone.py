"""What was said or is about to be said, and is so no more: items opened again, notices and reminders held back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.domain.incident import Incident
from bot.domain.words import Phase
from bot.services.auditing import HALTDESK
from bot.services.thread import show_phase
from bot.store import incidents, timeline
from bot.store.called_off import call_off
from bot.store.database import UnitOfWork

NOTICE_ITEM = "resolution.notify"
REMINDER, NOTICE = "reminder", "notice"  # the views


def unmark(unit: UnitOfWork, incident: Incident, item: str, now: datetime) -> None:
    """Open a checklist item again because what it said is no longer so."""
    mark = incidents.marks(unit, incident.id).get(item)
    if mark is not None and mark.done:
        incidents.mark(unit, incident.id, item, done=False, by=mark.by, at=now, note=None)
        show_phase(unit, incident, Phase(item.split(".")[0]), now)


def hold_back_notice(unit: UnitOfWork, incident: Incident, reason: str, now: datetime) -> None:
    """It is not over: a notice that stakeholders have not got they do not get, one that they have says so."""
    words = _words(
        f"Not over: {incident.severity} {incident.title}",
        "Reopened",
        now,
        lines=(reason, "Another notice follows when it is resolved."),
        entry=("NoticeWithheld", f"Notice held back: {reason}"),
    )
    if call_off(unit, incident.id, NOTICE, words, at=now, standing=True):
        tell_held_back(unit, incident.id, words, now)
    mark = incidents.marks(unit, incident.id).get(NOTICE_ITEM)
    if mark is not None and mark.by == HALTDESK:
        unmark(unit, incident, NOTICE_ITEM, now)


def hold_back_reminder(
    unit: UnitOfWork, incident: Incident, answer: str, now: datetime, *, by: str | None
) -> None:
    """It is answered (`answer` is a participle): whoever was not reminded yet is not. What was said stands."""
    words = _words(
        f"{incident.severity} was not acknowledged in time",
        answer[0].upper() + answer[1:],
        now,
        by=by,
        entry=("ReminderWithheld", f"Reminder held back: {answer} before it was posted"),
    )
    if call_off(unit, incident.id, REMINDER, words, at=now, standing=False):
        tell_held_back(unit, incident.id, words, now)


def tell_held_back(unit: UnitOfWork, incident_id: int, words: Mapping[str, Any], now: datetime) -> None:
    """A message that was called off is not in Slack, and will not be."""
    kind, text = words["entry"]
    timeline.write(unit, incident_id, kind, text, at=now)


def _words(
    heading: str,
    ended: str,
    at: datetime,
    *,
    entry: tuple[str, str],
    by: str | None = None,
    lines: tuple[str, ...] = (),
) -> dict[str, Any]:
    """What the message shows where it stands, and the timeline `entry` (kind, text) where it does not."""
    return {
        "heading": heading,
        "ended": ended,
        "by": by,
        "at": at.isoformat(),
        "lines": list(lines),
        "entry": list(entry),
    }
