"""Takes in alerts that fired and cleared without a word: stored, in an incident's timeline, and told."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.alerts import ReceivedAlert
from bot.domain.backfill import Firing, overlap, storable
from bot.domain.incident import Incident
from bot.domain.severity import Decision
from bot.domain.words import AlertStatus
from bot.services import incidents as service
from bot.services.alert_sources import PROMETHEUS, of_the_desk
from bot.services.desk import Desk
from bot.services.ended_alerts import Past, halt_again, when
from bot.services.found_alerts import group_keys
from bot.services.thread import reply, show_root
from bot.store import alerts, merges, sightings, timeline
from bot.store.alerts import Identity, StoredAlert
from bot.store.database import UnitOfWork
from bot.store.sightings import Notes, Sighted

SHOWN = 8


def take_in_past(
    unit: UnitOfWork,
    desk: Desk,
    firings: Sequence[Firing],
    *,
    muted: Mapping[str, Sequence[datetime]],
    active_before: Mapping[str, datetime],
    shown: Collection[str],
    away: Callable[[datetime, datetime], bool],
    now: datetime,
) -> list[int]:
    """Take in the firings that the record does not know, each already cleared. Returns the incidents they stand in.

    One of which only the resolution came, when its group had no incident, is on record and known to nobody: it too.
    `muted`: fingerprints that were seen silenced or inhibited, with the first and the last time. `active_before`:
    since when those were active that fired when the history begins. `shown`: what fires now. `away`: whether Haltdesk
    was, in between.
    """
    firings = [_whole(firing, active_before) for firing in firings if of_the_desk(desk.policy, firing.labels)]
    names = {firing.fingerprint for firing in firings}
    since = min((firing.starts_at for firing in firings), default=now)
    known = sightings.of_fingerprints(unit, names, since - timedelta(minutes=1))
    notes = Notes()
    lost: dict[Identity, ReceivedAlert] = {}
    homeless: dict[Identity, int] = {}
    for firing in firings:
        of_it = known.get(firing.fingerprint, ())
        one = _known(firing, of_it)
        if one is None or _homeless(one.alert):
            if not _was_muted(firing, muted.get(firing.fingerprint, ())):
                alert = _received(firing, of_it) if one is None else _resolved(firing, one.alert)
                lost.setdefault(alert.identity, alert)
                if one is not None:
                    homeless[alert.identity] = one.alert.id
        elif firing.fingerprint not in shown:
            _note_end(notes, one, firing)
    notes.write(unit)
    decided: list[Past] = [
        (alert, desk.policy.decide(alert.labels, alert.annotations)) for alert in lost.values()
    ]
    decided = [(alert, decision) for alert, decision in decided if not decision.ignore]
    if not decided:
        return []
    keys = group_keys(unit, {alert.fingerprint: alert.name for alert, _ in decided}, ())
    touched = []
    for key in sorted(set(keys.values())):
        mine = [(alert, decision) for alert, decision in decided if keys[alert.fingerprint] == key]
        touched.append(_take_in(unit, desk, key, mine, homeless, away, now))
    return touched


def _whole(firing: Firing, active_before: Mapping[str, datetime]) -> Firing:
    """One that was under way when the history begins, from when it became active."""
    active = active_before.get(firing.fingerprint) if firing.cut else None
    return replace(firing, starts_at=min(active, firing.starts_at)) if active is not None else firing


def _note_end(notes: Notes, one: Sighted, firing: Firing) -> None:
    """Its end was seen in the history; the resolution may still come by itself, and is waited for."""
    missing = one.sighting is not None and one.sighting.missing_since is not None
    if one.alert.status is AlertStatus.FIRING and not missing:
        notes.add(one.alert.id, missing_since=max(firing.ends_at, one.alert.changed_at))


def _known(firing: Firing, known: Sequence[Sighted]) -> Sighted | None:
    """The stored alert that this firing is, if there is one."""
    for one in known:
        alert = one.alert
        ends_at = None if alert.status is AlertStatus.FIRING else (alert.ends_at or alert.changed_at)
        if overlap(firing.starts_at, firing.ends_at, alert.starts_at, ends_at):
            return one
    return None


def _homeless(alert: StoredAlert) -> bool:
    """Whether only its resolution came, and its group had no incident then."""
    return alert.status is AlertStatus.RESOLVED and alert.incident_id is None and not alert.ignored


def _was_muted(firing: Firing, seen: Sequence[datetime]) -> bool:
    return bool(seen) and seen[0] <= firing.ends_at and firing.starts_at <= seen[-1]


def _received(firing: Firing, known: Sequence[Sighted]) -> ReceivedAlert:
    """As a webhook would have told it. The history has no annotations: those of the last time are taken."""
    before = known[0].alert if known else None
    return ReceivedAlert(
        fingerprint=firing.fingerprint,
        starts_at=firing.starts_at,
        ends_at=firing.ends_at,
        status=AlertStatus.RESOLVED,
        labels=storable(firing.labels),
        annotations=dict(before.annotations) if before else {},
        generator_url=before.generator_url if before else None,
    )


def _resolved(firing: Firing, stored: StoredAlert) -> ReceivedAlert:
    """As its resolution told it."""
    return ReceivedAlert(
        fingerprint=stored.fingerprint,
        starts_at=stored.starts_at,
        ends_at=stored.ends_at or firing.ends_at,
        status=AlertStatus.RESOLVED,
        labels=stored.labels,
        annotations=stored.annotations,
        generator_url=stored.generator_url,
    )


def _take_in(
    unit: UnitOfWork,
    desk: Desk,
    key: str,
    past: Sequence[Past],
    homeless: Mapping[Identity, int],
    away: Callable[[datetime, datetime], bool],
    now: datetime,
) -> int:
    worst, decision = min(past, key=lambda one: (one[1].severity.rank, one[0].starts_at))
    incident = merges.open_of_group(unit, key)
    fresh = incident is None
    if incident is None:
        incident = _incident(unit, desk, key, worst, decision, now)
    new = [one for one in past if one[0].identity not in homeless]
    alerts.insert_unknown(unit, [_values(incident, key, alert, judged, now) for alert, judged in new])
    stored = alerts.by_identity(unit, [alert.identity for alert, _ in new])
    notes = Notes()
    for one in stored.values():
        notes.add(one.id, found_in=PROMETHEUS, starts_about=True)
    notes.write(unit)
    for alert, _ in past:
        if alert.identity in homeless:
            alerts.change(unit, homeless[alert.identity], incident_id=incident.id)
    if not fresh and incident.open and decision.severity.worse_than(incident.severity):
        incident = service.raise_severity(unit, desk, incident, decision.severity, decision.reason)
    lines = []
    for alert, judged in past:
        text = _sentence(desk, alert, away, alert.identity in homeless)
        lines.append(text)
        timeline.write(
            unit,
            incident.id,
            "AlertBackfilled",
            text,
            at=now,
            details={
                "fingerprint": alert.fingerprint,
                "name": alert.name,
                "started_about": alert.starts_at.isoformat(),
                "ended_about": alert.ends_at.isoformat() if alert.ends_at else None,
                "severity": judged.severity,
                "found_in": PROMETHEUS,
            },
        )
    count = f"{len(past)} alert{'s' if len(past) != 1 else ''} fired and cleared without a word"
    more = (f"and {len(lines) - SHOWN} more, in the timeline",) if len(lines) > SHOWN else ()
    loud = not fresh and incident.acknowledged_at is not None
    reply(unit, incident, count, (*lines[:SHOWN], *more), at=now, loud=loud)
    halt_again(unit, desk, incident, past)
    show_root(unit, incident, now)
    return incident.id


def _incident(
    unit: UnitOfWork, desk: Desk, key: str, worst: ReceivedAlert, decision: Decision, now: datetime
) -> Incident:
    """A new one, or the group's that was resolved a moment ago, which is not opened again for what is over."""
    before = merges.last_resolved_of_group(unit, key, now - desk.reopen_window)
    if before is not None:
        return before
    summary = " ".join(worst.summary.split())
    opened = service.open_incident(
        unit,
        desk,
        title=(f"{worst.name}: {summary}" if summary else worst.name)[:300],
        severity=decision.severity,
        reason=decision.reason,
        group_key=key,
        at=now,
    )
    if opened is None:
        opened = merges.open_of_group(unit, key)
    assert opened is not None  # either it was opened here, or by the transaction that this one waited for
    return opened


def _values(
    incident: Incident, key: str, alert: ReceivedAlert, decision: Decision, now: datetime
) -> dict[str, object]:
    return {
        "incident_id": incident.id,
        "fingerprint": alert.fingerprint,
        "starts_at": alert.starts_at,
        "status": AlertStatus.RESOLVED,
        "ends_at": alert.ends_at,
        "name": alert.name,
        "severity": decision.severity,
        "severity_reason": decision.reason,
        "summary": alert.summary,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "generator_url": alert.generator_url,
        "group_key": key,
        "ignored": False,
        "first_seen_at": now,
        "changed_at": now,
    }


def _sentence(
    desk: Desk, alert: ReceivedAlert, away: Callable[[datetime, datetime], bool], resolution: bool
) -> str:
    assert alert.ends_at is not None  # it is over
    if resolution:
        why = "and only its resolution came"
    elif away(alert.starts_at, alert.ends_at):
        why = "while Haltdesk was away"
    else:
        why = "and no webhook told of it"
    return f"{when(desk, alert)} {why}; found in {PROMETHEUS}"
