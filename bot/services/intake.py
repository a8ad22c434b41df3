"""Alerts come in: each one stored by identity, and what it means for its incident, in one transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from bot.domain.alerts import AlertChange, AlertGroup, KnownAlert, change_of
from bot.domain.incident import Incident
from bot.domain.words import Severity
from bot.services import adoption, channel_joining, lasting, left_out, relapse, relating
from bot.services import incidents as service
from bot.services.alert_news import FIRING_ANEW, Told, none_fires, same_text, tell, touched, worst_of
from bot.services.desk import Desk
from bot.services.intake_ahead import read_ahead
from bot.store import alerts, merges
from bot.store.database import UNSEEN, DatabaseError, UnitOfWork, of_the_moment
from bot.store.grouping import waited_in_vain

# Another process may store the same alert, or open the group's incident, between this one's look and its commit.
ATTEMPTS = 3


@dataclass(frozen=True)
class Received:
    """What a webhook came to. `stored` counts the alerts of the body by what they changed."""

    incident: Incident | None
    stored: Mapping[AlertChange, int]


def receive(desk: Desk, group: AlertGroup) -> Received:
    """Store a webhook. Raises the database's error when it cannot be saved: the sender must be told to retry.

    What another process has stored meanwhile is found when it is done again: then everything is decided anew.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            with desk.database.begin() as unit:
                return receive_in(unit, desk, group)
        except DatabaseError as failure:
            if not _outrun(failure):
                raise
    with desk.database.begin() as unit:
        return receive_in(unit, desk, group)


def _outrun(failure: DatabaseError) -> bool:
    """Whether another transaction was in the way that is over now."""
    return isinstance(failure, IntegrityError) or (of_the_moment(failure) and not waited_in_vain(failure))


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
    fired = [one for one in told if one.change in FIRING_ANEW]
    opening = [one for one in fired if not one.decision.ignore]
    if any(one.decision.severity is Severity.SEV1 for one in told):
        relapse.hold_accounts(unit, desk)
    incident = merges.open_of_group(unit, group.group_key) or adoption.incident_of(unit, desk, group)
    fresh = False
    if incident is None and opening:
        worst = worst_of(opening)
        incident = channel_joining.adopt(unit, desk, group, _title(group, worst), now)
        if incident is not None:
            # The same alerts, told better: no news, unless they are worse than was thought.
            fresh = not worst.decision.severity.worse_than(incident.severity)
        if incident is None:
            incident, fresh = _incident_for(unit, desk, group, opening, worst, now)
    moved = lasting.homes(unit, desk, told, incident, now)
    if moved:
        told = [
            one._replace(known=replace(one.known, incident_id=moved[one.known.id]))
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
    none_left_out = incident is not None and left_out.note(unit, group, incident, now)
    for number in touched(told, incident):
        tell(unit, desk, service.find(unit, number), incident, told, fresh=fresh, now=now)
    if incident is not None and none_left_out and not any(one.change is AlertChange.CLEARED for one in told):
        # What spoke against it last is gone, without an alert that clears.
        none_fires(unit, desk, service.find(unit, incident.id), now)
    return Received(incident, Counter(one.change for one in told))


def _since(one: Told, now: datetime) -> datetime:
    """Since when it fires. One that comes back under its old start fires since now."""
    return now if one.change is AlertChange.REFIRED else one.alert.starts_at


def _compare(unit: UnitOfWork, desk: Desk, group: AlertGroup, now: datetime) -> list[Told]:
    # The same identity twice in one body: the last one stands, as it would in two webhooks.
    last = {(alert.fingerprint, alert.starts_at): alert for alert in group.alerts}
    stored = alerts.by_identity(unit, list(last))
    stored |= adoption.known_about(unit, desk, group.group_key, last, stored)
    told = []
    for identity, alert in last.items():
        known = stored.get(identity)
        before = KnownAlert(known.status, known.changed_at) if known else None
        decision = unit.foreseen(("decided", id(alert)))
        if decision is UNSEEN:
            decision = desk.policy.decide(alert.labels, alert.annotations)
        told.append(Told(alert, known, change_of(before, alert.status, now), decision))
    return told


def _title(group: AlertGroup, worst: Told) -> str:
    summary = " ".join(worst.alert.summary.split())
    name = group.group_labels.get("alertname") or worst.alert.name
    return f"{name}: {summary}"[:300] if summary else name[:300]


def _incident_for(
    unit: UnitOfWork, desk: Desk, group: AlertGroup, opening: Sequence[Told], worst: Told, now: datetime
) -> tuple[Incident, bool]:
    """The group's incident: reopened if it was resolved a moment ago, else a new one. The flag says new."""
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
    unit: UnitOfWork, group: AlertGroup, told: Sequence[Told], incident: Incident | None, now: datetime
) -> None:
    new = [one for one in told if one.known is None]
    alerts.insert(unit, [_values(group, one, incident, now) for one in new])
    for one in told:
        known = one.known
        if known is None or one.change is AlertChange.LATE:
            continue
        if one.change is AlertChange.REPEATED:
            if same_text(known, one.alert):
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


def _text_values(one: Told) -> dict[str, object]:
    return {
        "summary": one.alert.summary,
        "annotations": one.alert.annotations,
        "generator_url": one.alert.generator_url,
        "severity": one.decision.severity,
        "severity_reason": one.decision.reason,
    }


def _values(group: AlertGroup, one: Told, incident: Incident | None, now: datetime) -> dict[str, object]:
    alert = one.alert
    return {
        "incident_id": incident.id if incident is not None and not one.decision.ignore else None,
        "fingerprint": alert.fingerprint,
        "starts_at": alert.starts_at,
        "status": alert.status,
        "ends_at": alert.ends_at,
        "name": alert.name,
        "labels": alert.labels,
        "group_key": group.group_key,
        "ignored": one.decision.ignore,
        "first_seen_at": now,
        "changed_at": now,
        **_text_values(one),
    }
