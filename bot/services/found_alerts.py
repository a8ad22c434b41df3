"""Takes in what a comparison found: alerts that fire unknown to the record, and some of it that fires no more."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from bot.domain.alert_reading import AlertReading
from bot.domain.alerts import AlertGroup, ReceivedAlert
from bot.domain.backfill import storable
from bot.domain.fingerprint import fingerprint
from bot.domain.incident import Incident
from bot.domain.words import AlertStatus
from bot.ports.comparing import NotifiedGroup
from bot.services import intake
from bot.services.adoption import OWN_GROUPS
from bot.services.alert_sources import LiveAlert
from bot.services.desk import Desk
from bot.services.thread import reply, show_root
from bot.store import alerts, incidents, sightings, timeline
from bot.store.database import UnitOfWork
from bot.store.sightings import Notes, Sighted

NAMED = 5
LONGEST_NAME = 200
LONG_AGO = timedelta(days=30)


def group_keys(
    unit: UnitOfWork, wanted: Mapping[str, str], groups: Sequence[NotifiedGroup]
) -> dict[str, str]:
    """The group key of each fingerprint: its own from before, else its group's in Alertmanager, else one by its name.

    `wanted`: fingerprint -> alert name.
    """
    of_group = {name: group for group in reversed(groups) for name in group.fingerprints & wanted.keys()}
    members = {name for group in of_group.values() for name in group.fingerprints}
    known = sightings.groups_of(unit, wanted.keys() | members)
    found = {}
    for name, alert_name in wanted.items():
        group = of_group.get(name)
        if name in known:
            found[name] = known[name]
        elif group is not None:
            with_it = sorted(other for other in group.fingerprints if other in known)
            found[name] = known[with_it[0]] if with_it else OWN_GROUPS + fingerprint(group.labels)
        else:
            # As if it were grouped by its name, which is what most desks do.
            found[name] = OWN_GROUPS + fingerprint({"alertname": alert_name})
    return found


def take_in_firing(
    unit: UnitOfWork,
    desk: Desk,
    live: Mapping[str, LiveAlert],
    groups: Sequence[NotifiedGroup],
    not_told_of: Collection[str],
    now: datetime,
) -> list[int]:
    """Take in what fires unknown to the record. Returns the incidents that it stands in now.

    What is muted is not taken in: the desk has said that it does not want to be told. Nor is what was muted when
    Alertmanager could last be asked (`not_told_of`). What has only just begun is left to its webhook.
    """
    after = desk.policy.alerting.take_in_after
    known = sightings.of_fingerprints(unit, live.keys(), now - LONG_AGO)
    new: dict[str, ReceivedAlert] = {}
    notes, muted_anew = Notes(), set[int]()
    for name, alert in live.items():
        mine = known.get(name, [])
        if any(one.alert.status is AlertStatus.FIRING for one in mine):
            muted_anew |= _note_firing(notes, alert, mine, now)
            continue
        if alert.muted or name in not_told_of or now - alert.starts_at < after:
            continue
        if desk.policy.decide(alert.labels, alert.annotations).ignore:
            continue
        new[name] = _received(alert, mine)
    notes.write(unit)
    for number in sorted(muted_anew, reverse=True):  # as everybody shows several
        incident = incidents.get(unit, number)
        if incident is not None:
            show_root(unit, incident, now)
    if not new:
        return []
    keys = group_keys(unit, {name: alert.name for name, alert in new.items()}, groups)
    touched = []
    for key in sorted(set(keys.values())):
        members = [alert for name, alert in sorted(new.items()) if keys[name] == key]
        labels = next(
            (storable(group.labels) for group in groups if group.fingerprints & {members[0].fingerprint}), {}
        )
        received = intake.receive_in(unit, desk, AlertGroup(key, tuple(members), labels))
        stored = alerts.by_identity(unit, [(one.fingerprint, one.starts_at) for one in members])
        fresh = [one for one in stored.values() if one.status is AlertStatus.FIRING]
        for one in fresh:
            source = live[one.fingerprint]
            about = source.about and one.starts_at == source.starts_at
            notes.add(one.id, found_in=source.source, starts_about=about, missing_since=None)
        if received.incident is not None and fresh:
            _tell_found(unit, received.incident.id, [live[one.fingerprint] for one in fresh], now)
            touched.append(received.incident.id)
    notes.write(unit)
    return touched


def _note_firing(notes: Notes, alert: LiveAlert, mine: Sequence[Sighted], now: datetime) -> set[int]:
    """It was seen firing, and how. Noted only when that is news. Returns the incident that shows it otherwise now."""
    firing = [one for one in mine if one.alert.status is AlertStatus.FIRING]
    newest, older = firing[0], firing[1:]
    # Of one fingerprint one alert fires at a time: the older ones have ended without a word.
    for one in older:
        if one.sighting is None or one.sighting.missing_since is None:
            notes.add(one.alert.id, missing_since=now)
    seen = newest.sighting
    if seen is None or seen.muted != alert.muted or seen.missing_since is not None:
        notes.add(newest.alert.id, muted=alert.muted, missing_since=None)
        if (seen.muted if seen else None) != alert.muted and newest.alert.incident_id is not None:
            return {newest.alert.incident_id}
    return set()


def _received(alert: LiveAlert, mine: Sequence[Sighted]) -> ReceivedAlert:
    """As a webhook would have told it. One whose start is only about right is the stored one that it overlaps."""
    starts_at = alert.starts_at
    if alert.about:
        for one in mine:
            if (one.alert.ends_at or one.alert.changed_at) > alert.starts_at:
                starts_at = one.alert.starts_at
                break
    return ReceivedAlert(
        fingerprint=alert.fingerprint,
        starts_at=starts_at,
        ends_at=None,
        status=AlertStatus.FIRING,
        labels=storable(alert.labels),
        annotations=storable(alert.annotations),
        generator_url=alert.generator_url,
    )


def _tell_found(unit: UnitOfWork, number: int, found: Sequence[LiveAlert], now: datetime) -> None:
    incident = incidents.get(unit, number)
    assert incident is not None  # it was just written
    sources = " and ".join(sorted({alert.source for alert in found}))
    names = _named(storable(alert.labels).get("alertname", "an alert without a name") for alert in found)
    text = f"Found in {sources}, no webhook had brought it: {names}"
    timeline.write(
        unit,
        number,
        "AlertFound",
        text,
        at=now,
        details={"fingerprints": [alert.fingerprint for alert in found[:20]], "count": len(found)},
    )
    advice = "Look at the road from Alertmanager to Haltdesk: its receiver, its log, ALERTMANAGER_TOKEN."
    reply(unit, incident, text, (advice,), at=now)


def clear_gone(
    unit: UnitOfWork, desk: Desk, reading: AlertReading, shown: Iterable[str], now: datetime
) -> int:
    """Clear what the record has firing and no source has shown for long enough. Returns how many.

    Only alerts that a source has shown before: one that another Alertmanager sent can never be missing from these.
    `shown`: the fingerprints that fire or are pending anywhere.
    """
    if not reading.trusted_to_be_silent(now, desk.policy.alerting.alertmanager_settles):
        return 0
    there = frozenset(shown)
    newest: set[str] = set()
    gone: list[Sighted] = []
    notes = Notes()
    for one in sightings.firing(unit):
        seen, alert = one.sighting, one.alert
        replaced = alert.fingerprint in newest
        newest.add(alert.fingerprint)
        if one.of_drill or seen is None or (alert.fingerprint in there and not replaced):
            continue
        if seen.missing_since is None or seen.missing_since < alert.changed_at:
            notes.add(alert.id, missing_since=now)
            seen_for = timedelta(0)
        else:
            seen_for = now - seen.missing_since
        if seen_for >= desk.policy.alerting.clear_after:
            gone.append(one)
    notes.write(unit)
    for key in sorted({one.alert.group_key for one in gone}):
        _clear(unit, desk, reading, key, [one for one in gone if one.alert.group_key == key], now)
    return len(gone)


def _clear(
    unit: UnitOfWork, desk: Desk, reading: AlertReading, key: str, gone: Sequence[Sighted], now: datetime
) -> None:
    asked = [name for name, source in _sources(reading) if source]
    neither = f"neither {asked[0]} nor {asked[1]} shows" if len(asked) == 2 else f"{asked[0]} does not show"
    by_incident: dict[int, list[Sighted]] = {}
    for one in gone:
        if one.alert.incident_id is not None:
            by_incident.setdefault(one.alert.incident_id, []).append(one)
    for number, mine in sorted(by_incident.items()):
        incident: Incident | None = incidents.lock(unit, number)
        if incident is None:
            continue
        text = f"{neither} it any more, and no resolution came: {_named(one.alert.name for one in mine)}"
        text = text[0].upper() + text[1:]
        timeline.write(unit, number, "AlertMissing", text, at=now, details={"count": len(mine)})
        reply(unit, incident, text, at=now)
    told = tuple(
        ReceivedAlert(
            fingerprint=one.alert.fingerprint,
            starts_at=one.alert.starts_at,
            # When it was first seen missing: it cannot have ended later, and nobody saw the moment.
            ends_at=(one.sighting.missing_since if one.sighting else None) or now,
            status=AlertStatus.RESOLVED,
            labels=one.alert.labels,
            annotations=one.alert.annotations,
            generator_url=one.alert.generator_url,
        )
        for one in gone
    )
    intake.receive_in(unit, desk, AlertGroup(key, told, {}))


def _sources(reading: AlertReading) -> list[tuple[str, bool]]:
    return [
        ("Alertmanager", reading.alertmanager is not None),
        ("Prometheus", reading.prometheus is not None),
    ]


def _named(names: Iterable[str]) -> str:
    ordered = sorted({name[:LONGEST_NAME] for name in names})
    more = len(ordered) - NAMED
    return ", ".join(ordered[:NAMED]) + (f" and {more} more" if more > 0 else "")
