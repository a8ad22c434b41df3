"""Whether the alerts of an incident have cleared, by what Alertmanager and Prometheus showed when last asked."""

from bot.domain.alert_reading import all_clear, from_json
from bot.domain.all_clear import ALWAYS_FIRING, AllClear
from bot.domain.incident import Incident
from bot.services import left_out
from bot.services.desk import Desk
from bot.store import checkpoints, sightings
from bot.store.database import UnitOfWork

OWN_RECORD = "Only Haltdesk's own record was asked: PROMETHEUS_URL and ALERTMANAGER_URL are not set."
NEVER_ASKED = "What fires is not known: Alertmanager and Prometheus have not been asked yet."


def of_incident(unit: UnitOfWork, desk: Desk, incident: Incident) -> AllClear:
    """The full definition, but for alerts that stand in other incidents or are ignored. No network: the row is read.

    The alerts that the incident itself has firing on record are not looked at here. What Alertmanager left out of its
    webhooks only Alertmanager itself can say to be over.
    """
    if incident.left_out and not incident.drill and not desk.asks_alertmanager:
        unknown = f"{left_out.unknown(incident)}."
        return AllClear(None, (unknown,), (unknown,))
    if incident.drill or not (desk.asks_alertmanager or desk.asks_prometheus):
        return AllClear(True, (OWN_RECORD,))
    checkpoint = checkpoints.current(unit)
    if checkpoint is None or checkpoint.reading is None:
        return AllClear(None, (NEVER_ASKED,), (NEVER_ASKED,))
    reading = from_json(checkpoint.reading)
    policy = desk.policy.alerting
    elsewhere = {
        one.alert.fingerprint
        for one in sightings.firing(unit)
        if one.alert.ignored or (one.alert.incident_id not in (None, incident.id))
    }
    watched = policy.watchdog if policy.watchdog and checkpoint.watchdog_armed else None
    return all_clear(
        reading,
        elsewhere,
        desk.now(),
        policy.alertmanager_settles,
        watched if desk.asks_alertmanager else None,
        ALWAYS_FIRING | {policy.watchdog},
    )


def obstacles(unit: UnitOfWork, desk: Desk, incident: Incident) -> tuple[str, ...]:
    """What the sources have against calling the incident resolved, as sentences."""
    return of_incident(unit, desk, incident).against


def note(unit: UnitOfWork, desk: Desk, incident: Incident) -> str:
    """On whose word the alerts of an incident without a firing one have cleared, or why that is not known."""
    verdict = of_incident(unit, desk, incident)
    if verdict.clear is not True:
        return "none firing on record, but: " + " ".join(verdict.against)
    return "none firing on record. " + " ".join(verdict.reasons[-2:])
