"""Alerts that last: what a repeat means after a person has resolved the incident, and an alert told under a new start.

Alertmanager repeats an alert for as long as it fires, for days. A repeat never opens an incident. When a person has
resolved the incident although the alert fires, that stands; once the desk could believe it over (the reopen window has
passed) the old thread is told that it is not. An alert that has become worse than the incident was reopens it: what
was resolved was something lesser.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from bot.domain.alerts import AlertChange, ReceivedAlert
from bot.domain.incident import Incident
from bot.domain.severity import Decision
from bot.domain.words import AlertStatus, IncidentStatus, Severity
from bot.services import incidents as service
from bot.services.desk import Desk
from bot.services.thread import reply, show_root
from bot.store import alerts, incidents, merges, messages, timeline
from bot.store.alerts import Identity, StoredAlert
from bot.store.database import UnitOfWork

_NONE_EARLIER = "nothing fires under an older start"


class Telling(Protocol):
    """One alert of a webhook, held against the record."""

    @property
    def alert(self) -> ReceivedAlert: ...

    @property
    def known(self) -> StoredAlert | None: ...

    @property
    def change(self) -> AlertChange: ...

    @property
    def decision(self) -> Decision: ...


def read_ahead(unit: UnitOfWork, identities: Sequence[Identity], *, any_known: bool) -> dict[Hashable, Any]:
    """What is on record of a batch's alerts; and whether it could tell of any that fires there under an older start.

    Unless `any_known`, nothing is on record of them, and nothing is asked.
    """
    answers: dict[Hashable, Any] = {("alert", identity): None for identity in identities}
    earlier = False
    if any_known:
        answers, earlier = alerts.read_ahead(unit, identities)
    # Two starts of one alert in a batch: the second must find what the first has written.
    once = len({fingerprint for fingerprint, _ in identities}) == len(identities)
    return answers | {_NONE_EARLIER: True} if once and not earlier else answers


def begun_anew(
    unit: UnitOfWork, started: Sequence[Identity], incident: Incident | None, now: datetime
) -> None:
    """Alerts that are told for the first time under this start: what fired under an older one does so no more.

    Alertmanager knows one alert of a fingerprint at a time. When it cleared and fired again between two webhooks, or
    Prometheus lost its start in a restart, no resolution of the older one ever comes: it would fire here for ever.
    """
    if not started or unit.foreseen(_NONE_EARLIER) is True:
        return
    older = alerts.firing_earlier(unit, started)
    for old, start in older:
        alerts.change(unit, old.id, status="resolved", ends_at=start, changed_at=now)
    elsewhere = {old.incident_id: old.name for old, _ in older if old.incident_id is not None}
    for number in sorted(elsewhere, reverse=True):
        if incident is not None and number == incident.id:
            continue  # told there as firing, with the root shown anew
        text = f"{elsewhere[number]} began anew" + (f", see {incident.key}" if incident is not None else "")
        held = service.find(unit, number)
        timeline.write(unit, number, "AlertCleared", text, at=now, details={"name": elsewhere[number]})
        show_root(unit, held, now)


def homes(
    unit: UnitOfWork,
    desk: Desk,
    told: Iterable[Telling],
    incident: Incident | None,
    now: datetime,
) -> dict[int, int]:
    """Where repeats of firing alerts belong, by alert: those in resolved incidents that move to the open one.

    `incident` is the group's open one. An incident that was resolved is reopened for an alert that has become worse
    when no other is open.
    """
    outlasting: dict[int, list[tuple[StoredAlert, Severity]]] = {}
    for known, severity in _repeats(told):
        if known.incident_id is not None and (incident is None or incident.id != known.incident_id):
            outlasting.setdefault(known.incident_id, []).append((known, severity))
    moved: dict[int, int] = {}
    for number in sorted(outlasting):
        own = incidents.get(unit, number)
        if own is None or own.status is not IncidentStatus.RESOLVED:
            continue
        worse = [
            (known, severity)
            for known, severity in outlasting[number]
            if severity.worse_than(known.severity) and severity.worse_than(own.severity)
        ]
        if not worse:
            _still_firing(unit, desk, number, [known.name for known, _ in outlasting[number]], now)
            continue
        goes_on = incident
        if goes_on is None and own.group_key is not None:
            goes_on = merges.open_of_group(unit, own.group_key)
        if goes_on is None:
            known, severity = min(worse, key=lambda one: (one[1].rank, one[0].id))
            service.reopen_in(
                unit, desk, service.find(unit, number), f"{known.name} is now {severity}", at=now
            )
            continue
        for known, _ in worse:
            alerts.change(unit, known.id, incident_id=goes_on.id)
            moved[known.id] = goes_on.id
        show_root(unit, own, now)
    return moved


def _repeats(told: Iterable[Telling]) -> Iterator[tuple[StoredAlert, Severity]]:
    """Firing alerts that are told again, each with its severity as told now."""
    for one in told:
        again = one.change is AlertChange.REPEATED and one.alert.status is AlertStatus.FIRING
        if one.known is None or not again or one.decision.ignore:
            continue
        # The same words again are no worse, even when the desk has changed its rules meanwhile.
        same = dict(one.known.annotations) == dict(one.alert.annotations)
        yield one.known, one.known.severity if same else one.decision.severity


def _still_firing(unit: UnitOfWork, desk: Desk, number: int, names: Sequence[str], now: datetime) -> None:
    """Say once, in the old thread, that what a person resolved still fires; later repeats edit that line."""
    resolved = service.find(unit, number)
    if resolved.resolved_at is None or now - resolved.resolved_at < desk.reopen_window:
        return
    key = f"incident:{number}:still-firing:{int(resolved.resolved_at.timestamp())}"
    minutes = int((now - resolved.resolved_at).total_seconds() // 60)
    since = f"{minutes // 60} h" if minutes >= 60 else f"{minutes} min"
    shown = sorted(set(names))
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    text = f"Still firing {since} after {resolved.key} was resolved: {', '.join(shown[:3])}{more}"
    if messages.by_key(unit, key) is None:
        timeline.write(unit, number, "StillFiring", text, at=now, details={"names": shown[:20]})
    lines = (
        "Alertmanager repeats it. If that is not expected, declare an incident with /incident declare. "
        "A new alert of the group opens one by itself, and one that gets worse reopens this one.",
    )
    reply(unit, resolved, text, lines, at=now, loud=True, key=key)
