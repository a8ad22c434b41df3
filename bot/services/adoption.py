"""A webhook tells of an alert that a comparison found before it: the two are one alert, in one incident."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from bot.domain.alerts import AlertGroup, ReceivedAlert
from bot.domain.backfill import overlap
from bot.domain.incident import Incident
from bot.domain.words import AlertStatus
from bot.services.desk import Desk
from bot.store import checkpoints, incidents, sightings
from bot.store.alerts import Identity, StoredAlert
from bot.store.database import UNSEEN, UnitOfWork

# Found without a webhook, so that Alertmanager's own key of the group was not to be had.
OWN_GROUPS = "haltdesk:found:"
_BESIDE = "comparisons are kept out"
_NONE_FOUND = "no comparison found one of these alerts"


def begin(unit: UnitOfWork, desk: Desk, group: AlertGroup) -> None:
    """Before a webhook is compared with the record: keep comparisons out, and note that the Watchdog came."""
    if _compares(desk) and unit.foreseen(_BESIDE) is UNSEEN:
        sightings.beside_comparison(unit)
    name = desk.policy.alerting.watchdog
    if name and any(alert.name == name and alert.status is AlertStatus.FIRING for alert in group.alerts):
        checkpoints.watchdog_heard(unit, desk.now(), desk.policy.alerting.watchdog_silent_after)


def read_ahead(unit: UnitOfWork, desk: Desk, groups: Sequence[AlertGroup]) -> dict[Hashable, Any]:
    """Keep comparisons out for a batch, and look once whether any of its alerts was found by one."""
    if not _compares(desk):
        return {}
    sightings.beside_comparison(unit)
    marks = {alert.fingerprint for group in groups for alert in group.alerts}
    found = sightings.about(unit, marks) or sightings.incident_with(unit, marks, OWN_GROUPS)
    return {_BESIDE: True, _NONE_FOUND: True} if not found else {_BESIDE: True}


def _compares(desk: Desk) -> bool:
    return desk.asks_alertmanager or desk.asks_prometheus


def known_about(
    unit: UnitOfWork,
    desk: Desk,
    group_key: str,
    told: Mapping[Identity, ReceivedAlert],
    known: Iterable[Identity],
) -> dict[Identity, StoredAlert]:
    """Alerts found in Prometheus whose exact start is told now, under the identity that they are told with."""
    missing = {identity: told[identity] for identity in told.keys() - set(known)}
    if not missing or not _compares(desk) or unit.foreseen(_NONE_FOUND) is True:
        return {}
    found: dict[Identity, StoredAlert] = {}
    for stored in sightings.about(unit, {fingerprint for fingerprint, _ in missing}):
        for identity, alert in missing.items():
            if identity[0] != stored.fingerprint or identity in found:
                continue
            ends_at = stored.ends_at if stored.status is AlertStatus.RESOLVED else None
            if overlap(alert.starts_at, alert.ends_at, stored.starts_at, ends_at):
                sightings.exact(unit, stored.id, alert.starts_at, group_key)
                found[identity] = stored
                break
    return found


def incident_of(unit: UnitOfWork, desk: Desk, group: AlertGroup) -> Incident | None:
    """The open incident of one of these alerts, if it is grouped by a key of Haltdesk's own: it gets the real one."""
    if not _compares(desk) or group.group_key.startswith("haltdesk:"):
        return None
    if unit.foreseen(_NONE_FOUND) is True:
        return None
    number = sightings.incident_with(unit, {alert.fingerprint for alert in group.alerts}, OWN_GROUPS)
    if number is None:
        return None
    incident = incidents.lock(unit, number)
    if incident is None or not incident.open:
        return None
    sightings.regroup(unit, number, group.group_key, OWN_GROUPS)
    return incidents.get(unit, number)
