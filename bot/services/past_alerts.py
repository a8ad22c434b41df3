"""Takes in alerts that fired and cleared without a word: stored, in an incident's timeline, and told."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.alerts import ReceivedAlert
from bot.domain.backfill import Firing, overlap, storable
from bot.domain.incident import Incident
from bot.domain.severity import Decision
from bot.domain.words import AlertStatus, Severity
from bot.services import incidents as service
from bot.services import relapse
from bot.services.alert_sources import PROMETHEUS, of_the_desk
from bot.services.desk import Desk
from bot.services.found_alerts import group_keys
from bot.services.thread import reply, show_root
from bot.store import accounts, alerts, incidents, sightings, timeline
from bot.store.database import UnitOfWork
from bot.store.sightings import Sighted

SHOWN = 8

Past = tuple[ReceivedAlert, Decision]


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

    `muted`: fingerprints that were seen silenced or inhibited, with the first and the last time. `active_before`:
    since when those were active that fired when the history begins. `shown`: what fires now. `away`: whether Haltdesk
    was, in between.
    """
    firings = [_whole(firing, active_before) for firing in firings if of_the_desk(desk.policy, firing.labels)]
    names = {firing.fingerprint for firing in firings}
    since = min((firing.starts_at for firing in firings), default=now)
    known = sightings.of_fingerprints(unit, names, since - timedelta(minutes=1))
    lost = []
    for firing in firings:
        one = _known(firing, known.get(firing.fingerprint, ()))
        if one is None:
            if not _was_muted(firing, muted.get(firing.fingerprint, ())):
                lost.append(firing)
        elif firing.fingerprint not in shown:
            _note_end(unit, one, firing)
    past = [(_received(firing, known.get(firing.fingerprint, ())), firing) for firing in lost]
    decided: list[Past] = [(alert, desk.policy.decide(alert.labels, alert.annotations)) for alert, _ in past]
    decided = [(alert, decision) for alert, decision in decided if not decision.ignore]
    if not decided:
        return []
    keys = group_keys(unit, {alert.fingerprint: alert.name for alert, _ in decided}, ())
    touched = []
    for key in sorted(set(keys.values())):
        mine = [(alert, decision) for alert, decision in decided if keys[alert.fingerprint] == key]
        touched.append(_take_in(unit, desk, key, mine, away, now))
    return touched


def _whole(firing: Firing, active_before: Mapping[str, datetime]) -> Firing:
    """One that was under way when the history begins, from when it became active."""
    active = active_before.get(firing.fingerprint) if firing.cut else None
    return replace(firing, starts_at=min(active, firing.starts_at)) if active is not None else firing


def _note_end(unit: UnitOfWork, one: Sighted, firing: Firing) -> None:
    """Its end was seen in the history; the resolution may still come by itself, and is waited for."""
    missing = one.sighting is not None and one.sighting.missing_since is not None
    if one.alert.status is AlertStatus.FIRING and not missing:
        sightings.note(unit, one.alert.id, missing_since=max(firing.ends_at, one.alert.changed_at))


def _known(firing: Firing, known: Sequence[Sighted]) -> Sighted | None:
    """The stored alert that this firing is, if there is one."""
    for one in known:
        alert = one.alert
        ends_at = None if alert.status is AlertStatus.FIRING else (alert.ends_at or alert.changed_at)
        if overlap(firing.starts_at, firing.ends_at, alert.starts_at, ends_at):
            return one
    return None


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


def _take_in(
    unit: UnitOfWork,
    desk: Desk,
    key: str,
    past: Sequence[Past],
    away: Callable[[datetime, datetime], bool],
    now: datetime,
) -> int:
    worst, decision = min(past, key=lambda one: (one[1].severity.rank, one[0].starts_at))
    incident = incidents.open_of_group(unit, key)
    fresh = incident is None
    if incident is None:
        incident = _incident(unit, desk, key, worst, decision, now)
    alerts.insert_unknown(unit, [_values(incident, key, alert, judged, now) for alert, judged in past])
    stored = alerts.by_identity(unit, [(alert.fingerprint, alert.starts_at) for alert, _ in past])
    for one in stored.values():
        sightings.note(unit, one.id, found_in=PROMETHEUS, starts_about=True)
    if not fresh and incident.open and decision.severity.worse_than(incident.severity):
        incident = service.raise_severity(unit, desk, incident, decision.severity, decision.reason)
    lines = []
    for alert, judged in past:
        text = _sentence(desk, alert, away)
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
    _halt_again(unit, desk, incident, past)
    show_root(unit, incident, now)
    return incident.id


def _incident(
    unit: UnitOfWork, desk: Desk, key: str, worst: ReceivedAlert, decision: Decision, now: datetime
) -> Incident:
    """A new one, or the group's that was resolved a moment ago, which is not opened again for what is over."""
    before = incidents.last_resolved_of_group(unit, key, now - desk.reopen_window)
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
        opened = incidents.open_of_group(unit, key)
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


def _sentence(desk: Desk, alert: ReceivedAlert, away: Callable[[datetime, datetime], bool]) -> str:
    assert alert.ends_at is not None  # it is over
    zone = desk.policy.timezone
    fired, cleared = alert.starts_at.astimezone(zone), alert.ends_at.astimezone(zone)
    day = "" if fired.date() == desk.now().astimezone(zone).date() else f"{fired:%Y-%m-%d} "
    why = "while Haltdesk was away" if away(alert.starts_at, alert.ends_at) else "and no webhook told of it"
    return (
        f"{alert.name[:200]}: fired {day}{fired:%H:%M}, cleared {cleared:%H:%M} {cleared:%Z} {why}; "
        f"found in {PROMETHEUS}"
    )


def _halt_again(unit: UnitOfWork, desk: Desk, incident: Incident, past: Sequence[Past]) -> None:
    """SEV-1 that fired after trading was partly resumed halts again, seen late or not."""
    severe = [alert for alert, decision in past if decision.severity is Severity.SEV1]
    partly = [record.since for record in accounts.all_of_them(unit) if record.state in relapse.PARTLY]
    late = [alert.name for alert in severe if partly and alert.starts_at >= min(partly)]
    relapse.halt_again(unit, desk, incident, late)
