"""What comes due: the notice to stakeholders, and the acknowledgement that nobody gave."""

from collections.abc import Callable
from functools import partial
from uuid import uuid4

from bot.domain.words import AlertStatus
from bot.services.desk import Desk
from bot.services.incidents import find
from bot.services.thread import reply, show_root
from bot.services.undone import NOTICE, REMINDER
from bot.store import alerts, deadlines, incidents, messages, timeline
from bot.store.database import UnitOfWork
from bot.store.deadlines import Deadline
from bot.store.messages import Urgency

# (the deadline's kind, the seconds by which it was kept late)
Kept = Callable[[str, float], None]


def keep(desk: Desk, kept: Kept = lambda kind, late: None) -> int:
    """Act on everything that is due, in the transaction that takes it. Returns how many deadlines were kept."""
    with desk.database.begin() as unit:
        now = desk.now()
        waiting = deadlines.due(unit, now)
        for number in waiting:
            incidents.lock(unit, number)
        due = deadlines.take_due(unit, waiting, now) if waiting else []
        for deadline in due:
            _KINDS[deadline.kind](unit, desk, deadline)
            unit.then(partial(kept, deadline.kind, (desk.now() - deadline.due_at).total_seconds()))
        return len(due)


def _notice(unit: UnitOfWork, desk: Desk, deadline: Deadline) -> None:
    incident = find(unit, deadline.incident_id)
    now = desk.now()
    firing = alerts.counts(unit, incident.id)[AlertStatus.FIRING]
    if incident.open or incident.resolved_at is None:
        timeline.write(unit, incident.id, "NoticeWithheld", "Notice held back: the incident is open", at=now)
        return
    if firing and not incident.resolution_note:
        # Resolved without a word about firing alerts, and they fire: stakeholders are not told that it is over.
        text = f"Notice held back: {firing} alerts fire"
        timeline.write(unit, incident.id, "NoticeWithheld", text, at=now)
        again = now + desk.policy.resolution_delay
        deadlines.schedule(unit, deadline.key, "notice", incident.id, again, at=now)
        return
    channel = desk.channels.drills if incident.drill else desk.channels.stakeholders
    # That stakeholders were notified is written when Slack has it (`told`). A key of its own: within one second an
    # incident may be resolved, reopened and resolved once more.
    key = f"incident:{incident.id}:notice:{uuid4().hex}"
    messages.want(
        unit, key, NOTICE, incident.id, channel=channel, at=now, urgency=Urgency.NOTICE, ref="resolution"
    )
    show_root(unit, incident, now)


def _acknowledge(unit: UnitOfWork, desk: Desk, deadline: Deadline) -> None:
    incident = find(unit, deadline.incident_id)
    if not incident.open or incident.acknowledged_at is not None:
        return
    now = desk.now()
    text = f"{incident.severity} is not acknowledged"
    timeline.write(unit, incident.id, "AcknowledgementOverdue", text, at=now)
    lines = ("Press Acknowledge in the incident's message.",)
    reply(unit, incident, text, lines, at=now, loud=True, view=REMINDER)
    show_root(unit, incident, now)


_KINDS = {"notice": _notice, "acknowledge": _acknowledge}
