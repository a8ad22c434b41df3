"""What there is beside an incident, asked in one question: of most there is nothing, and nobody need look for it."""

from dataclasses import dataclass

from sqlalchemy import bindparam, exists, func, or_, select, text

from bot.store.database import UnitOfWork
from bot.store.tables import (
    actions,
    alert_sightings,
    alerts,
    incident_merges,
    incident_relations,
    messages,
)


@dataclass(frozen=True)
class Surroundings:
    """`running`: actions that have not ended. `sighted`: alerts of which more is known than a webhook tells.
    `others`: incidents that it is related to, or merged with. `undelivered`: its messages that Slack refuses."""

    running: bool
    sighted: bool
    others: bool
    undelivered: int


_INCIDENT = bindparam("incident", type_=messages.c.incident_id.type)
_RUNNING = exists().where(actions.c.incident_id == _INCIDENT, actions.c.finished_at.is_(None))
_SIGHTED = (
    exists()
    .select_from(alerts.join(alert_sightings, alert_sightings.c.alert_id == alerts.c.id))
    .where(alerts.c.incident_id == _INCIDENT)
)
_OTHERS = or_(
    exists().where(incident_merges.c.source_id == _INCIDENT),
    exists().where(incident_merges.c.target_id == _INCIDENT),
    exists().where(incident_relations.c.first_id == _INCIDENT),
    exists().where(incident_relations.c.second_id == _INCIDENT),
)
_UNDELIVERED = (
    select(func.count())
    .select_from(messages)
    .where(text("gave_up"), messages.c.incident_id == _INCIDENT)
    .scalar_subquery()
)
_ASKED = select(
    _RUNNING.label("running"),
    _SIGHTED.label("sighted"),
    _OTHERS.label("others"),
    _UNDELIVERED.label("undelivered"),
)


def of(unit: UnitOfWork, incident_id: int) -> Surroundings:
    return Surroundings(*unit.first(_ASKED, {"incident": incident_id}))
