"""What a webhook tells of an incident's alerts, and what of it is news: in its timeline, its thread and its channel."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from bot.domain.alerts import AlertChange, ReceivedAlert
from bot.domain.incident import Incident
from bot.domain.severity import Decision
from bot.domain.words import AlertStatus, Phase, Severity
from bot.services import checklist, ended_alerts, left_out, relapse
from bot.services import incidents as service
from bot.services.desk import Desk
from bot.services.thread import phase_key, reply, show_root
from bot.store import alerts, messages, timeline
from bot.store.alerts import StoredAlert
from bot.store.database import UnitOfWork

FIRING_ANEW = frozenset({AlertChange.FIRED, AlertChange.REFIRED})
SHOWN = 5  # alerts that a line names
NAMED = 20  # alerts that a timeline entry names; the rest are counted


class Told(NamedTuple):
    """One alert of a webhook, held against the record."""

    alert: ReceivedAlert
    known: StoredAlert | None
    change: AlertChange
    decision: Decision


def worst_of(told: Sequence[Told]) -> Told:
    """Of several as bad as each other, the one that began first."""
    severity = min({one.decision.severity for one in told}, key=lambda one: one.rank)
    return min((one for one in told if one.decision.severity is severity), key=attrgetter("alert.starts_at"))


def same_text(known: StoredAlert, alert: ReceivedAlert) -> bool:
    return dict(known.annotations) == dict(alert.annotations) and known.generator_url == alert.generator_url


def touched(told: Sequence[Told], incident: Incident | None) -> list[int]:
    """The incidents that this webhook says something about: the group's, and those that hold its older alerts."""
    numbers = {target_of(one, incident) for one in told}
    return sorted(number for number in numbers if number is not None)


def target_of(one: Told, incident: Incident | None) -> int | None:
    """The incident that this telling belongs to: a new or refired alert to the group's, others to their own."""
    new = one.known is None or one.change is AlertChange.REFIRED or one.known.incident_id is None
    if new:
        return incident.id if incident is not None else None
    return one.known.incident_id if one.known is not None else None


def tell(
    unit: UnitOfWork,
    desk: Desk,
    incident: Incident,
    group_incident: Incident | None,
    told: Sequence[Told],
    *,
    fresh: bool,
    now: datetime,
) -> None:
    """Write what changed into the incident's timeline, and show it."""
    mine = [one for one in told if target_of(one, group_incident) == incident.id]
    fired = [one for one in mine if one.change in FIRING_ANEW and not one.decision.ignore]
    gone = [one for one in mine if one.change is AlertChange.CLEARED]
    unheard = [one for one in mine if one.change is AlertChange.LONE_RESOLUTION and not one.decision.ignore]
    changed = [
        one
        for one in mine
        if one.change is AlertChange.REPEATED
        and not one.decision.ignore
        and one.known is not None
        and not same_text(one.known, one.alert)
    ]
    if not (fired or gone or changed or unheard):
        return
    if fired:
        _write(unit, incident, "AlertFired", fired, now)
    if gone:
        _write(unit, incident, "AlertCleared", gone, now)
    before = incident.severity
    if incident.open and (fired or changed or unheard):
        incident = _escalate(unit, desk, incident, fired, changed, unheard, fresh=fresh, now=now)
    if unheard:
        loud = not (fresh or fired) and incident.acknowledged_at is not None
        _tell_unheard(unit, desk, incident, unheard, loud=loud, now=now)
    if gone:
        incident = none_fires(unit, desk, incident, now)
    # A changed text alone is no news: only an alert that fires, or that has become SEV-1.
    risen = [one for one in changed if one.known is not None and one.known.severity is not Severity.SEV1]
    severe = [one.alert.name for one in (*fired, *risen) if one.decision.severity is Severity.SEV1]
    if not relapse.halt_again(unit, desk, incident, severe):
        ended_alerts.halt_again(unit, desk, incident, [(one.alert, one.decision) for one in unheard])
    if (fired or gone) and not fresh:  # that checklist says how many alerts fire
        messages.refresh_if_there(unit, phase_key(incident.id, Phase.RESOLUTION), now)
    show_root(unit, incident, now, news=not fresh and incident.severity is before)


def none_fires(unit: UnitOfWork, desk: Desk, incident: Incident, now: datetime) -> Incident:
    """Say so if none of an open incident's alerts fires any more, and go on with what waited for it."""
    if not incident.open or alerts.counts(unit, incident.id)[AlertStatus.FIRING]:
        return incident
    said = "All alerts of this incident have cleared"
    if incident.left_out:
        said = f"All alerts that are known here have cleared, but {left_out.unknown(incident)}"
    else:
        timeline.write(unit, incident.id, "AllAlertsCleared", said, at=now)
    reply(unit, incident, f"{said}.", at=now, key=f"incident:{incident.id}:cleared")
    return checklist.cleared(unit, desk, incident)


def _write(unit: UnitOfWork, incident: Incident, kind: str, told: Sequence[Told], now: datetime) -> None:
    names = sorted({one.alert.name for one in told})
    shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    verb = "fired" if kind == "AlertFired" else "cleared"
    text = f"{_counted(told)} {verb}: {shown}"
    timeline.write(unit, incident.id, kind, text, at=now, details=_details(told))


def _counted(told: Sequence[Told]) -> str:
    return f"{len(told)} alert{'s' if len(told) != 1 else ''}"


def _details(told: Sequence[Told]) -> dict[str, object]:
    named = [
        {
            "fingerprint": one.alert.fingerprint,
            "starts_at": one.alert.starts_at.isoformat(),
            "name": one.alert.name,
        }
        for one in told[:NAMED]
    ]
    return {"alerts": named, "count": len(told)}


def _tell_unheard(
    unit: UnitOfWork, desk: Desk, incident: Incident, told: Sequence[Told], *, loud: bool, now: datetime
) -> None:
    """They fired, and nobody heard it: Haltdesk was away, or Alertmanager waited with its group."""
    lines = [f"{ended_alerts.when(desk, one.alert)}; only its resolution came" for one in told[:SHOWN]]
    if len(told) > SHOWN:
        lines.append(f"and {len(told) - SHOWN} more")
    text = lines[0] if len(told) == 1 else f"{_counted(told)} fired and cleared unheard. {'. '.join(lines)}"
    timeline.write(unit, incident.id, "AlertClearedUnheard", text, at=now, details=_details(told))
    reply(unit, incident, f"{_counted(told)} fired and cleared unheard", tuple(lines), at=now, loud=loud)


def _escalate(
    unit: UnitOfWork,
    desk: Desk,
    incident: Incident,
    fired: Sequence[Told],
    changed: Sequence[Told],
    unheard: Sequence[Told],
    *,
    fresh: bool,
    now: datetime,
) -> Incident:
    """A worse alert makes the incident worse, over or not; a new one in an acknowledged incident is loud."""
    worst = worst_of([*fired, *changed, *unheard])
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
