"""The timeline: what happened, in the past tense, written in the transaction that made it happen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select

from bot.store.database import UnitOfWork
from bot.store.tables import timeline

_WRITE = insert(timeline)
_OF_INCIDENT = (
    select(timeline)
    .where(timeline.c.incident_id == bindparam("incident"))
    .order_by(timeline.c.at, timeline.c.id)
)


@dataclass(frozen=True)
class Entry:
    id: int
    incident_id: int | None
    at: datetime
    kind: str
    actor: str | None
    text: str
    details: Mapping[str, Any]


def write(
    unit: UnitOfWork,
    incident_id: int | None,
    kind: str,
    text: str,
    *,
    at: datetime,
    actor: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """`kind` is a past-tense event such as `IncidentDeclared`; `actor` a Slack user id, or None for Haltdesk itself."""
    unit.put(
        _WRITE,
        {
            "incident_id": incident_id,
            "at": at,
            "kind": kind,
            "actor": actor,
            "text": text,
            "details": dict(details or {}),
        },
    )


def of_incident(unit: UnitOfWork, incident_id: int) -> list[Entry]:
    return [Entry(**found._asdict()) for found in unit.all(_OF_INCIDENT, {"incident": incident_id})]
