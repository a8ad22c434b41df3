"""Incidents: opened by alerts or people, acknowledged, escalated, resolved, reopened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.checklist import ChecklistItem, items_for
from bot.domain.incident import Incident, obstacles_to_resolution
from bot.domain.words import AlertStatus, IncidentStatus, Phase, Severity
from bot.services import clearance, postmortem
from bot.services.again import again_if_in_the_way
from bot.services.desk import Desk
from bot.services.thread import channel_for, reply, show_phase, show_root
from bot.services.undone import NOTICE_ITEM, hold_back_notice, hold_back_reminder, unmark
from bot.store import alerts, channel_groups, deadlines, incidents, seen, timeline
from bot.store.database import UnitOfWork

REMINDER = timedelta(minutes=1)  # nobody is reminded of an acknowledgement sooner


class NotFound(LookupError):
    """There is no such incident."""


@dataclass(frozen=True)
class Outcome:
    """What a use case did. `refusal` says why it did nothing, in words for the person who asked."""

    incident: Incident | None
    refusal: str | None = None
    obstacles: tuple[str, ...] = ()


def find(unit: UnitOfWork, number: int) -> Incident:
    incident = incidents.lock(unit, number)
    if incident is None:
        raise NotFound(f"There is no incident INC-{number}.")
    return incident


def open_incident(
    unit: UnitOfWork,
    desk: Desk,
    *,
    title: str,
    severity: Severity,
    reason: str,
    group_key: str | None = None,
    opened_by: str | None = None,
    drill: bool = False,
    text: str | None = None,
    at: datetime | None = None,
) -> Incident | None:
    """Open an incident in triage and show it. None when another transaction has just opened the group's."""
    now = at or desk.now()
    number = incidents.insert(
        unit,
        {
            "title": title,
            "severity": severity,
            "severity_reason": reason,
            "phase": Phase.TRIAGE,
            "group_key": group_key,
            "opened_at": now,
            "opened_by": opened_by,
            "acknowledge_by": desk.policy.acknowledge_by(severity, now),
            "channel": channel_for(desk, drill=drill),
            "drill": drill,
        },
    )
    if number is None:
        return None
    incident = find(unit, number)
    incidents.enter_phase(unit, number, Phase.TRIAGE, now)
    timeline.write(
        unit,
        number,
        "IncidentDeclared" if opened_by else "IncidentOpened",
        text or f"{severity}: {title}",
        at=now,
        actor=opened_by,
        details={"severity": severity, "reason": reason, "group_key": group_key},
    )
    show_root(unit, incident, now, new=True)
    show_phase(unit, incident, Phase.TRIAGE, now)
    _await_acknowledgement(unit, incident, now)
    return incident


def _await_acknowledgement(unit: UnitOfWork, incident: Incident, now: datetime) -> None:
    if incident.acknowledge_by is not None:
        # "Immediately" is due at once; people are reminded when a minute has gone by.
        due = max(incident.acknowledge_by, now + REMINDER)
        key = f"incident:{incident.id}:acknowledge"
        deadlines.schedule(unit, key, "acknowledge", incident.id, due, at=now)


@again_if_in_the_way
def declare(
    desk: Desk,
    *,
    title: str,
    severity: Severity,
    by: str,
    description: str = "",
    drill: bool = False,
    request_key: str | None = None,
) -> Incident | None:
    """A person declares an incident. None when this very request (`request_key`) has declared one already."""
    with desk.database.begin() as unit:
        if request_key and not seen.first_time(unit, f"declare:{request_key}", desk.now()):
            return None
        incident = open_incident(
            unit, desk, title=title, severity=severity, reason="declared by hand", opened_by=by, drill=drill
        )
        assert incident is not None  # without an alert group nothing can stand in its way
        if description:
            reply(unit, incident, "Description", (description,), at=desk.now())
        return incident


def raise_severity(
    unit: UnitOfWork, desk: Desk, incident: Incident, severity: Severity, reason: str
) -> Incident:
    """Make an incident worse. The acknowledgement is asked anew: what was acknowledged was something lesser."""
    now = desk.now()
    incidents.change(
        unit,
        incident.id,
        severity=severity,
        severity_reason=reason,
        acknowledged_at=None,
        acknowledged_by=None,
        acknowledge_by=desk.policy.acknowledge_by(severity, now),
    )
    timeline.write(
        unit, incident.id, "SeverityRaised", f"{incident.severity} to {severity}: {reason}", at=now
    )
    raised = find(unit, incident.id)
    unmark(unit, raised, "triage.acknowledge", now)
    for phase in incidents.visits(unit, incident.id):
        show_phase(unit, raised, phase, now)  # a worse incident has more items
    _await_acknowledgement(unit, raised, now)
    return raised


@again_if_in_the_way
def acknowledge(desk: Desk, number: int, by: str) -> Outcome:
    """Record who takes it. A second acknowledgement changes nothing."""
    with desk.database.begin() as unit:
        incident = find(unit, number)
        return Outcome(acknowledge_in(unit, desk, incident, by))


def acknowledge_in(unit: UnitOfWork, desk: Desk, incident: Incident, by: str) -> Incident:
    if incident.acknowledged_at is not None or not incident.open:
        return incident
    now = desk.now()
    incidents.change(unit, incident.id, acknowledged_at=now, acknowledged_by=by)
    deadlines.withdraw(unit, f"incident:{incident.id}:acknowledge", "acknowledged", at=now)
    hold_back_reminder(unit, incident, "acknowledged", now, by=by)
    timeline.write(unit, incident.id, "IncidentAcknowledged", "Acknowledged", at=now, actor=by)
    item = "triage.acknowledge"
    mark = incidents.marks(unit, incident.id).get(item)
    if mark is None or not mark.done:
        incidents.mark(unit, incident.id, item, done=True, by=by, at=now, note=None)
    incident = find(unit, incident.id)
    show_root(unit, incident, now)
    show_phase(unit, incident, Phase.TRIAGE, now)
    return incident


def open_items(
    unit: UnitOfWork, desk: Desk, incident: Incident, phases: Sequence[Phase]
) -> list[ChecklistItem]:
    """The items of `phases` that apply at this severity and are not done."""
    marks = incidents.marks(unit, incident.id)
    return [
        item
        for phase in phases
        for item in items_for(desk.policy.phase(phase), incident.severity)
        if not (item.key in marks and marks[item.key].done)
    ]


# What must be behind the desk before an incident is called resolved. The notice to stakeholders is left out:
# it is sent because the incident is resolved.
TO_RESOLUTION = (Phase.TRIAGE, Phase.DIAGNOSIS, Phase.MITIGATION, Phase.RESOLUTION)


def obstacles(unit: UnitOfWork, desk: Desk, incident: Incident) -> tuple[str, ...]:
    visits = incidents.visits(unit, incident.id)
    # A phase that was left with open items was left with a reason; it is not asked about again.
    asked = [phase for phase in TO_RESOLUTION if phase not in visits or visits[phase].left_at is None]
    items = [item for item in open_items(unit, desk, incident, asked) if item.key != NOTICE_ITEM]
    found = obstacles_to_resolution(
        firing=alerts.counts(unit, incident.id)[AlertStatus.FIRING],
        open_items=[item.text for item in items],
    )
    return (*found, *clearance.obstacles(unit, desk, incident))


@again_if_in_the_way
def resolve(desk: Desk, number: int, by: str, note: str | None = None) -> Outcome:
    """Resolve the incident. With obstacles a `note` must say why; without one the outcome names the obstacles."""
    with desk.database.begin() as unit:
        incident = find(unit, number)
        if not incident.open:
            return Outcome(incident, f"{incident.key} was {incident.status} before.")
        against = obstacles(unit, desk, incident)
        if against and not note:
            return Outcome(incident, obstacles=against)
        return Outcome(resolve_in(unit, desk, incident, by, note=note, against=against))


def resolve_in(
    unit: UnitOfWork,
    desk: Desk,
    incident: Incident,
    by: str,
    *,
    note: str | None = None,
    against: tuple[str, ...] = (),
) -> Incident:
    """Close it, schedule the notice to stakeholders, draft the postmortem and open the last phase."""
    now = desk.now()
    incidents.change(
        unit,
        incident.id,
        status=IncidentStatus.RESOLVED,
        open_group_key=None,
        resolved_at=now,
        resolved_by=by,
        resolution_note=note,
        phase=Phase.POST_INCIDENT,
    )
    timeline.write(
        unit,
        incident.id,
        "IncidentResolved",
        f"Resolved: {note}" if note else "Resolved",
        at=now,
        actor=by,
        details={"obstacles": list(against)},
    )
    channel_groups.end_with_incident(unit, incident.id, now)
    if incident.phase is not Phase.POST_INCIDENT:
        incidents.leave_phase(unit, incident.id, incident.phase, at=now, by=by, reason=note)
        incidents.enter_phase(unit, incident.id, Phase.POST_INCIDENT, now)
    deadlines.withdraw(unit, f"incident:{incident.id}:acknowledge", "resolved", at=now)
    hold_back_reminder(unit, incident, "resolved", now, by=by)
    due = now + desk.policy.resolution_delay
    deadlines.schedule(unit, notice_key(incident.id), "notice", incident.id, due, at=now)
    resolved = find(unit, incident.id)
    show_root(unit, resolved, now)
    for phase in incidents.visits(unit, incident.id):
        show_phase(unit, resolved, phase, now)
    postmortem.draft_in(unit, desk, resolved)
    return resolved


def notice_key(incident_id: int) -> str:
    return f"incident:{incident_id}:notice"


def reopen_in(unit: UnitOfWork, desk: Desk, incident: Incident, reason: str, *, at: datetime) -> Incident:
    """An alert of a resolved incident fires again: the same thread goes on, and the notice is held back."""
    now = at
    incidents.change(
        unit,
        incident.id,
        status=IncidentStatus.OPEN,
        open_group_key=incident.group_key,
        resolved_at=None,
        resolved_by=None,
        resolution_note=None,
        phase=Phase.DIAGNOSIS,
        acknowledged_at=None,
        acknowledged_by=None,
        acknowledge_by=desk.policy.acknowledge_by(incident.severity, now),
    )
    incidents.leave_phase(unit, incident.id, Phase.POST_INCIDENT, at=now, by=None, reason=reason)
    incidents.enter_phase(unit, incident.id, Phase.DIAGNOSIS, now)
    timeline.write(unit, incident.id, "IncidentReopened", reason, at=now)
    if deadlines.withdraw(unit, notice_key(incident.id), reason, at=now):
        timeline.write(unit, incident.id, "NoticeWithheld", f"Notice held back: {reason}", at=now)
    hold_back_notice(unit, incident, reason, now)
    reopened = find(unit, incident.id)
    _await_acknowledgement(unit, reopened, now)
    show_root(unit, reopened, now)
    for phase in incidents.visits(unit, incident.id):
        show_phase(unit, reopened, phase, now)
    reply(unit, reopened, f"Reopened: {reason}", at=now, loud=True)
    return reopened
