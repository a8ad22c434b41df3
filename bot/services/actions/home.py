"""The incident that an action belongs to: the one it was asked for in, the worst open one, or one declared for it."""

from bot.domain.incident import Incident
from bot.domain.words import ActionKind, IncidentStatus, Severity
from bot.services import incidents as incident_service
from bot.services.desk import Desk
from bot.store import incidents, merges
from bot.store.database import UnitOfWork

# How bad an incident is that an action declares because there is none: a halt is SEV-1 by the procedure's table.
DECLARED = {
    ActionKind.HALT: Severity.SEV1,
    ActionKind.FLATTEN: Severity.SEV1,
    ActionKind.CANCEL: Severity.SEV2,
    ActionKind.RECONCILE: Severity.SEV3,
    ActionKind.HEALTH: Severity.SEV4,
    ActionKind.RESUME: Severity.SEV2,
}


def incident_to_act_in(unit: UnitOfWork) -> Incident | None:
    """The incident an action outside a thread belongs to: the worst of the open ones, of those the newest."""
    found = [one for one in incidents.listed(unit, status=IncidentStatus.OPEN, limit=200) if not one.drill]
    return min(found, key=lambda one: (one.severity.rank, -one.id), default=None)


def incident_for(
    unit: UnitOfWork, desk: Desk, kind: ActionKind, incident_id: int | None, *, reason: str, by: str
) -> Incident:
    """The incident to act in: the one given, else the worst open one, else one that is declared for it."""
    if incident_id is not None:
        found = incident_service.find(unit, incident_id)
        if found.status is not IncidentStatus.MERGED:
            return found
        # A button or modal of an incident that was merged meanwhile acts in the one that goes on.
        return incident_service.find(unit, merges.standing_for(unit, incident_id))
    worst = incident_to_act_in(unit)
    if worst is not None:
        return worst
    title = kind.verb + (f": {reason}" if reason else "")
    opened = incident_service.open_incident(
        unit,
        desk,
        title=title[:300],
        severity=DECLARED[kind],
        reason=f"declared by {kind.verb.lower()} outside an incident",
        opened_by=by,
    )
    assert opened is not None  # without an alert group nothing can stand in its way
    return opened
