"""Alert groups read from Slack messages, and the alerts that stand for them until a webhook tells better."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, and_, bindparam, func, or_, select, text, update

from bot.domain.indexed_text import indexable
from bot.domain.words import AlertStatus, IncidentStatus
from bot.store import merges
from bot.store.alerts import CHUNK, Identity
from bot.store.database import LOCK_ALONE, LOCK_SHARED, UnitOfWork
from bot.store.tables import alerts, channel_groups, incidents

# What comes from a message has this before its fingerprint: it is never taken for an alert of a webhook.
FROM_SLACK = "slack:"
_LOCK = 0x48414C53  # taken shared by a batch of webhooks, alone by a message


class ToldAlert(NamedTuple):
    """An alert that a webhook told, and under which group."""

    fingerprint: str
    labels: Mapping[str, str]
    group_key: str


@dataclass(frozen=True)
class StoredGroup:
    key: str
    layout: str
    title: str
    text: str
    channel: str
    message_ts: str
    told_at: datetime
    received_at: datetime
    firing: int
    group_key: str
    incident_id: int | None
    alerts: tuple[Identity, ...]

    @property
    def joined(self) -> bool:
        """Whether a webhook tells this group."""
        return self.group_key != self.key


def _stored(values: RowMapping) -> StoredGroup:
    found = tuple((str(mark), datetime.fromisoformat(since)) for mark, since in values["alerts"])
    return StoredGroup(**{**values, "alerts": found})


def hold(unit: UnitOfWork, names: Iterable[str]) -> None:
    """Let one transaction at a time open or join incidents of these names. SQLite has one writer anyway."""
    if unit.dialect == "postgresql":
        for name in sorted(set(names)):
            statement = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 4004))")
            unit.connection.execute(statement, {"name": name})


def beside_messages(unit: UnitOfWork) -> None:
    """Webhooks are being stored: no message opens an incident at the same moment. Nothing to do on SQLite."""
    if unit.dialect == "postgresql":
        unit.all(LOCK_SHARED, {"lock": _LOCK})


def alone(unit: UnitOfWork) -> None:
    """A message is being stored: wait for the batches of webhooks that are, and let later ones wait. Take it first."""
    if unit.dialect == "postgresql":
        unit.all(LOCK_ALONE, {"lock": _LOCK})


_ANY_TOLD = (  # made once: each batch of webhooks asks it
    select(channel_groups.c.key)
    .where(or_(channel_groups.c.firing > 0, channel_groups.c.received_at >= bindparam("since")))
    .limit(1)
)


def any_told(unit: UnitOfWork, since: datetime) -> bool:
    """Whether a message tells of alerts that fire, or came after `since`."""
    return unit.first(_ANY_TOLD, {"since": since}) is not None


def get(unit: UnitOfWork, key: str) -> StoredGroup | None:
    query = select(channel_groups).where(channel_groups.c.key == key)
    found = unit.connection.execute(query).mappings().first()
    return _stored(found) if found else None


def of_message(unit: UnitOfWork, channel: str, ts: str) -> list[StoredGroup]:
    query = select(channel_groups).where(
        channel_groups.c.channel == channel, channel_groups.c.message_ts == ts
    )
    return [_stored(found) for found in unit.connection.execute(query).mappings()]


def last_told_at(unit: UnitOfWork) -> datetime | None:
    """When the newest message that was read came to be; None when none ever was."""
    last: datetime | None = unit.connection.execute(select(func.max(channel_groups.c.told_at))).scalar_one()
    return last


def of_text(unit: UnitOfWork, heading: str) -> list[StoredGroup]:
    """Those of this group text that no webhook has told yet."""
    query = select(channel_groups).where(
        channel_groups.c.text == indexable(heading), channel_groups.c.group_key == channel_groups.c.key
    )
    return [_stored(found) for found in unit.connection.execute(query).mappings()]


def of_incident(unit: UnitOfWork, incident_id: int) -> list[StoredGroup]:
    query = (
        select(channel_groups)
        .where(channel_groups.c.incident_id == incident_id)
        .order_by(channel_groups.c.key)
        .with_for_update(key_share=True)
    )
    return [_stored(found) for found in unit.connection.execute(query).mappings()]


def save(unit: UnitOfWork, group: StoredGroup) -> None:
    values = {name: getattr(group, name) for name in StoredGroup.__dataclass_fields__}
    values["text"] = indexable(group.text)
    values["alerts"] = [[mark, since.isoformat()] for mark, since in group.alerts]
    statement = unit.insert(channel_groups).values(**values)
    unit.connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=values))


def join(unit: UnitOfWork, before: str, group_key: str) -> None:
    """What was known under `before` is the webhook's group from now on."""
    statement = update(channel_groups).where(channel_groups.c.group_key == before)
    unit.connection.execute(statement.values(group_key=group_key))


def told_by_webhook(unit: UnitOfWork, incident_id: int, since: datetime) -> list[ToldAlert]:
    """The incident's alerts that a webhook told and that fire, or did after `since`."""
    query = select(alerts.c.fingerprint, alerts.c.labels, alerts.c.group_key).where(
        alerts.c.incident_id == incident_id,
        alerts.c.fingerprint.not_like(f"{FROM_SLACK}%"),
        or_(alerts.c.status == AlertStatus.FIRING, alerts.c.changed_at >= since),
    )
    # An alert that fired twice within the window is one alert.
    found = {row.fingerprint: ToldAlert(*row) for row in unit.connection.execute(query)}
    return list(found.values())


def incidents_with(unit: UnitOfWork, fingerprints: Sequence[str], since: datetime) -> set[int]:
    """The incidents, drills apart, that hold one of these alerts, firing or changed after `since`."""
    numbers: set[int] = set()
    for start in range(0, len(fingerprints), CHUNK):
        query = (
            select(alerts.c.incident_id)
            .distinct()
            .join(incidents, incidents.c.id == alerts.c.incident_id)
            .where(
                alerts.c.fingerprint.in_(fingerprints[start : start + CHUNK]),
                or_(alerts.c.status == AlertStatus.FIRING, alerts.c.changed_at >= since),
                incidents.c.drill.is_(False),
            )
        )
        numbers.update(number for number in unit.connection.execute(query).scalars() if number is not None)
    return numbers


def webhook_incidents(unit: UnitOfWork, since: datetime) -> dict[str, int]:
    """By group that a webhook told: its open incident, else one resolved after `since`; after a merge, the target."""
    newest: dict[str, int] = {}
    resolved = and_(incidents.c.resolved_at >= since, incidents.c.status != IncidentStatus.MERGED)
    # Resolved before open, the last one stands. In two questions: each has its index.
    for such in (resolved, incidents.c.status == IncidentStatus.OPEN):
        query = select(incidents.c.id, incidents.c.group_key).where(such, incidents.c.drill.is_(False))
        # In order of number; asked for that, SQLite would walk them all.
        found = sorted(map(tuple, unit.connection.execute(query)))
        newest |= dict(merges.groups_in(unit, [number for number, _ in found]))
        newest |= {key: number for number, key in found if key is not None}
    return {key: number for key, number in newest.items() if not key.startswith(FROM_SLACK)}


def close(unit: UnitOfWork, identities: Collection[Identity], *, at: datetime, word: str) -> None:
    """Take alerts that were read from Slack out of their incident: a webhook tells them."""
    for mark, since in sorted(identities):
        unit.connection.execute(
            update(alerts)
            .where(alerts.c.fingerprint == mark, alerts.c.starts_at == since)
            .values(
                status=AlertStatus.RESOLVED,
                ends_at=at,
                changed_at=at,
                incident_id=None,
                ignored=True,
                summary=word,
            )
        )


def end_with_incident(unit: UnitOfWork, incident_id: int, at: datetime) -> int:
    """A person resolved the incident: what was read from Slack is over with it, for Slack may never tell its end.

    Returns how many alerts that were.
    """
    of_it: list[Any] = [
        alerts.c.incident_id == incident_id,
        alerts.c.fingerprint.like(f"{FROM_SLACK}%"),
        alerts.c.status == AlertStatus.FIRING,
    ]
    number = unit.connection.execute(select(func.count()).select_from(alerts).where(*of_it)).scalar_one()
    if number:
        ended = {"status": AlertStatus.RESOLVED, "ends_at": at, "changed_at": at}
        unit.connection.execute(update(alerts).where(*of_it).values(**ended))
    return number
