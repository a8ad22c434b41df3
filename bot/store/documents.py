"""Documents made from the record, kept as versions: the postmortem's drafts."""

from datetime import datetime

from sqlalchemy import desc, insert, select

from bot.store.database import UnitOfWork
from bot.store.tables import documents


def newest(unit: UnitOfWork, incident_id: int, kind: str) -> tuple[int, str] | None:
    """The newest version's number and text."""
    query = (
        select(documents.c.version, documents.c.body)
        .where(documents.c.incident_id == incident_id, documents.c.kind == kind)
        .order_by(desc(documents.c.version))
        .limit(1)
    )
    found = unit.connection.execute(query).first()
    return (found.version, found.body) if found else None


def save(unit: UnitOfWork, incident_id: int, kind: str, body: str, *, at: datetime) -> int:
    """Add a version unless the newest says the same already. Returns the number of the version that holds `body`."""
    last = newest(unit, incident_id, kind)
    if last is not None and last[1] == body:
        return last[0]
    version = last[0] + 1 if last is not None else 1
    unit.connection.execute(
        insert(documents).values(
            incident_id=incident_id, kind=kind, version=version, body=body, created_at=at
        )
    )
    return version
