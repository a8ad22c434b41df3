"""Alerts come in: each one stored by identity, and what it means for its incident, in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.alerts import AlertChange, AlertGroup, KnownAlert, ReceivedAlert, change_of
from bot.domain.incident import Incident
from bot.domain.severity import Decision
from bot.domain.words import AlertStatus, Phase, Severity
from bot.services import adoption, channel_joining, checklist, lasting, relapse, relating
from bot.services import incidents as service
from bot.services.desk import Desk
from bot.services.intake_ahead import read_ahead
from bot.services.thread import phase_key, reply, show_root
from bot.store import alerts, merges, messages, timeline
from bot.store.alerts import StoredAlert
from bot.store.database import UnitOfWork

NAMED = 20  # alerts that a timeline entry names; the rest are counted


@dataclass(frozen=True)
class Received:
    """What a webhook came to. `stored` counts the alerts of the body by what they changed."""

    incident: Incident | None
    stored: dict[AlertChange, int]


@dataclass(frozen=True)
class _Told:
    alert: ReceivedAlert
    known: StoredAlert | None
    change: AlertChange
    decision: Decision


def receive(desk: Desk, group: AlertGroup) -> Received:
    """Store a webhook. Raises the database's error when it cannot be saved: the sender must be told to retry."""
    with desk.database.begin() as unit:
        return receive_in(unit, desk, group)


def receive_all(desk: Desk, groups: Sequence[AlertGroup]) -> list[Received]:
    """Store several webhooks in one commit, or none: then the error is one's, and each is to be tried alone."""
    with desk.database.begin(gathers=True) as unit:
        unit.foresee(read_ahead(unit, desk, groups))
        # Always in the same order, so that two processes that got the same webhooks do not wait for each other.
        order = sorted(range(len(groups)), key=lambda place: groups[place].group_key)
        found = {place: receive_in(unit, desk, groups[place]) for place in order}
    return [found[place] for place in range(len(groups))]


def receive_in(unit: UnitOfWork, desk: Desk, group: AlertGroup) -> Received:
    now = desk.now()
    adoption.begin(unit, desk, group)
    told = _compare(unit, desk, group, now)
    fired = [one for one in told if one.change in (AlertChange.FIRED, AlertChange.REFIRED)]
    opening = [one for one in fired if not one.decision.ignore]
    if any(one.decision.severity is Severity.SEV1 for one in told):
        relapse.hold_accounts(unit, desk)
    incident = merges.open_of_group(unit, group.group_key) or adoption.incident_of(unit, desk, group)
    fresh = False
    if incident is None and opening:
        worst = _worst(opening)
        incident = channel_joining.adopt(unit, desk, group, _title(group, worst), now)
        if incident is not None:
            # The same alerts, told better: no news, unless they are worse than was thought.
            fresh = not worst.decision.severity.worse_than(incident.severity)
    if incident is None and opening:
        incident, fresh = _incident_for(unit, desk, group, opening, now)
    moved = lasting.homes(unit, desk, told, incident, now)
    told = [
        replace(one, known=replace(one.known, incident_id=moved[one.known.id]))
        if one.known is not None and one.known.id in moved
        else one
        for one in told
    ]
    _store(unit, group, told, incident, now)
    started = {one.alert.fingerprint: one.alert.starts_at for one in fired if one.known is None}
    lasting.begun_anew(unit, list(started.items()), incident, now)
    if incident is not None and opening:
        named = [(one.alert.labels, _since(one, now)) for one in opening]
        relating.note(unit, desk, incident, named, now)
    if incident is not None and any(one.change is not AlertChange.REPEATED for one in told):
        channel_joining.settle(unit, desk, group, incident, now)
    for number in _touched(told, incident):
        _tell(unit, desk, service.find(unit, number), incident, told, fresh=fresh, now=now)
    counted: dict[AlertChange, int] = {}
    for one in told:
        counted[one.change] = counted.get(one.change, 0) + 1
    return Received(incident, counted)


def _since(one: _Told, now: datetime) -> datetime:
    """Since when it fires. One that comes back under its old start fires since now."""
    return now if one.change is AlertChange.REFIRED else one.alert.starts_at


def _compare(unit: UnitOfWork, desk: Desk, group: AlertGroup, now: datetime) -> list[_Told]:
    # The same identity twice in one body: the last one stands, as it would in two webhooks.
    last = {(alert.fingerprint, alert.starts_at): alert for alert in group.alerts}
    stored = alerts.by_identity(unit, list(last))
    stored |= adoption.known_about(unit, desk, group.group_key, last, stored)
    told = []
    for identity, alert in last.items():
        known = stored.get(identity)
        before = KnownAlert(known.status, known.changed_at) if known else None
        decision = desk.policy.decide(alert.labels, alert.annotations)
        told.append(_Told(alert, known, change_of(before, alert.status, now), decision))
    return told


def _worst(told: Iterable[_Told]) -> _Told:
    return min(told, key=lambda one: (one.decision.severity.rank, one.alert.starts_at))


def _title(group: AlertGroup, worst: _Told) -> str:
    summary = " ".join(worst.alert.summary.split())
    name = group.group_labels.get("alertname") or worst.alert.name
    return f"{name}: {summary}"[:300] if summary else name[:300]


def _incident_for(
    unit: UnitOfWork, desk: Desk, group: AlertGroup, opening: Sequence[_Told], now: datetime
) -> tuple[Incident, bool]:
    """The group's incident: reopened if it was resolved a moment ago, else a new one. The flag says new."""
    worst = _worst(opening)
    since = now - desk.reopen_window
    before = merges.last_resolved_of_group(unit, group.group_key, since)
    if before is not None:
        names = ", ".join(sorted({one.alert.name for one in opening})[:3])
        return service.reopen_in(unit, desk, before, f"{names} fired again", at=now), False
    opened = service.open_incident(
        unit,
        desk,
        title=_title(group, worst),
        severity=worst.decision.severity,
        reason=worst.decision.reason,
        group_key=group.group_key,
        at=now,
    )
    if opened is not None:
        return opened, True
    winner = merges.open_of_group(unit, group.group_key)
    assert winner is not None  # the insert waited for the transaction that opened it
    return winner, False


def _store(
    unit: UnitOfWork, group: AlertGroup, told: Sequence[_Told], incident: Incident | None, now: datetime
) -> None:
    new = [one for one in told if one.known is None]
    alerts.insert(unit, [_values(group, one, incident, now) for one in new])
    for one in told:
        known = one.known
        if known is None or one.change is AlertChange.LATE:
            continue
        if one.change is AlertChange.REPEATED:
            if _same_text(known, one.alert):
                continue
            alerts.change(unit, known.id, **_text_values(one))
            continue
        values: dict[str, object] = {
            "status": one.alert.status,
            "ends_at": one.alert.ends_at,
            "changed_at": now,
        }
        if one.change is AlertChange.REFIRED and incident is not None:
            values["incident_id"] = incident.id
        alerts.change(unit, known.id, **values, **_text_values(one))


def _same_text(known: StoredAlert, alert: ReceivedAlert) -> bool:
    return dict(known.annotations) == dict(alert.annotations) and known.generator_url == alert.generator_url


def _text_values(one: _Told) -> dict[str, object]:
    return {
        "summary": one.alert.summary,
        "annotations": dict(one.alert.annotations),
        "generator_url": one.alert.generator_url,
        "severity": one.decision.severity,
        "severity_reason": one.decision.reason,
    }


def _values(group: AlertGroup, one: _Told, incident: Incident | None, now: datetime) -> dict[str, object]:
    alert = one.alert
    return {
        "incident_id": incident.id if incident is not None and not one.decision.ignore else None,
        "fingerprint": alert.fingerprint,
        "starts_at": alert.starts_at,
        "status": alert.status,
        "ends_at": alert.ends_at,
        "name": alert.name,
        "labels": dict(alert.labels),
        "group_key": group.group_key,
        "ignored": one.decision.ignore,
        "first_seen_at": now,
        "changed_at": now,
        **_text_values(one),
    }


def _touched(told: Sequence[_Told], incident: Incident | None) -> list[int]:
    """The incidents that this webhook says something about: the group's, and those that hold its older alerts."""
    numbers = {_target(one, incident) for one in told}
    return sorted(number for number in numbers if number is not None)


def _target(one: _Told, incident: Incident | None) -> int | None:
    """The incident that this telling belongs to: a new or refired alert to the group's, others to their own."""
    new = one.known is None or one.change is AlertChange.REFIRED or one.known.incident_id is None
    if new:
        return incident.id if incident is not None else None
    return one.known.incident_id if one.known is not None else None


def _tell(
    unit: UnitOfWork,
    desk: Desk,
    incident: Incident,
    group_incident: Incident | None,
    told: Sequence[_Told],
    *,
    fresh: bool,
    now: datetime,
) -> None:
    """Write what changed into the incident's timeline, and show it."""
    mine = [one for one in told if _target(one, group_incident) == incident.id]
    fired = [one for one in mine if one.change in (AlertChange.FIRED, AlertChange.REFIRED)]
    fired = [one for one in fired if not one.decision.ignore]
    gone = [one for one in mine if one.change is AlertChange.CLEARED]
    changed = [
        one
        for one in mine
        if one.change is AlertChange.REPEATED
        and not one.decision.ignore
        and one.known is not None
        and not _same_text(one.known, one.alert)
    ]
    if not (fired or gone or changed):
        return
    if fired:
        _write(unit, incident, "AlertFired", fired, now)
    if gone:
        _write(unit, incident, "AlertCleared", gone, now)
    if incident.open and (fired or changed):
        incident = _escalate(unit, desk, incident, fired, changed, fresh=fresh, now=now)
    if gone and incident.open and not alerts.counts(unit, incident.id)[AlertStatus.FIRING]:
        timeline.write(
            unit, incident.id, "AllAlertsCleared", "All alerts of this incident have cleared", at=now
        )
        reply(
            unit,
            incident,
            "All alerts of this incident have cleared.",
            at=now,
            key=f"incident:{incident.id}:cleared",
        )
        incident = checklist.cleared(unit, desk, incident)
    # A changed text alone is no news: only an alert that fires, or that has become SEV-1.
    risen = [one for one in changed if one.known is not None and one.known.severity is not Severity.SEV1]
    severe = [one.alert.name for one in (*fired, *risen) if one.decision.severity is Severity.SEV1]
    relapse.halt_again(unit, desk, incident, severe)
    if (fired or gone) and not fresh:  # that checklist says how many alerts fire
        messages.refresh_if_there(unit, phase_key(incident.id, Phase.RESOLUTION), now)
    show_root(unit, incident, now)


def _write(unit: UnitOfWork, incident: Incident, kind: str, told: Sequence[_Told], now: datetime) -> None:
    names = sorted({one.alert.name for one in told})
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    verb = "fired" if kind == "AlertFired" else "cleared"
    details = [
        {
            "fingerprint": one.alert.fingerprint,
            "starts_at": one.alert.starts_at.isoformat(),
            "name": one.alert.name,
        }
        for one in told[:NAMED]
    ]
    text = f"{len(told)} alert{'s' if len(told) != 1 else ''} {verb}: {shown}"
    timeline.write(unit, incident.id, kind, text, at=now, details={"alerts": details, "count": len(told)})


def _escalate(
    unit: UnitOfWork,
    desk: Desk,
    incident: Incident,
    fired: Sequence[_Told],
    changed: Sequence[_Told],
    *,
    fresh: bool,
    now: datetime,
) -> Incident:
    """A worse alert makes the incident worse; a new one in an acknowledged incident is loud."""
    worst = _worst([*fired, *changed])
    worse = worst.decision.severity.worse_than(incident.severity)
    acknowledged = incident.acknowledged_at is not None
    if worse:
        incident = service.raise_severity(
            unit, desk, incident, worst.decision.severity, worst.decision.reason
        )
    if fresh or not (worse or fired):
        return incident
    if worse or acknowledged:
        heading = (
            f"Now {incident.severity}: {worst.decision.reason}"
            if worse
            else f"{len(fired)} new alert{'s' if len(fired) != 1 else ''} in an acknowledged incident"
        )
        lines = tuple(f"{one.alert.name}: {one.alert.summary}" for one in (fired or [worst])[:5])
        reply(unit, incident, heading, lines, at=now, loud=True)
    return incident
