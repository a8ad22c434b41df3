"""What a comparison with Alertmanager and Prometheus has to say about stored alerts, and the alerts that it needs."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Insert, RowMapping, Select, and_, bindparam, or_, select, update

from bot.domain.words import AlertStatus, Severity
from bot.store.alerts import StoredAlert
from bot.store.database import LOCK_ALONE, LOCK_SHARED, UnitOfWork, on_either
from bot.store.tables import alert_sightings, alerts, incidents

CHUNK = 5_000
_LOCK = 0x48414C55  # taken shared by each webhook, alone by a comparison


@dataclass(frozen=True)
class Sighting:
    """`found_in`: the source, when no webhook had brought it. `muted`: "silenced" or "inhibited" when last seen."""

    alert_id: int
    found_in: str | None
    starts_about: bool
    muted: str | None
    missing_since: datetime | None


@dataclass(frozen=True)
class Sighted:
    """An alert with what was seen of it; None when no comparison has seen it yet."""

    alert: StoredAlert
    sighting: Sighting | None
    of_drill: bool = False


def beside_comparison(unit: UnitOfWork) -> None:
    """A webhook is being stored: no comparison takes in the same alert at the same moment. Nothing to do on SQLite."""
    if unit.dialect == "postgresql":
        unit.all(LOCK_SHARED, {"lock": _LOCK})


def alone(unit: UnitOfWork) -> None:
    """A comparison is being stored: wait for the webhooks that are, and let later ones wait. Take it first."""
    if unit.dialect == "postgresql":
        unit.all(LOCK_ALONE, {"lock": _LOCK})


def _select() -> Select[Any]:
    seen = [alert_sightings.c[name].label(f"seen_{name}") for name in Sighting.__dataclass_fields__]
    return (
        select(alerts, *seen, incidents.c.drill.label("of_drill"))
        .outerjoin(alert_sightings, alert_sightings.c.alert_id == alerts.c.id)
        .outerjoin(incidents, incidents.c.id == alerts.c.incident_id)
    )


def _sighted(row: RowMapping) -> Sighted:
    values = {name: row[alerts.c[name]] for name in StoredAlert.__dataclass_fields__}
    stored = StoredAlert(
        **{**values, "status": AlertStatus(values["status"]), "severity": Severity(values["severity"])}
    )
    sighting = None
    if row["seen_alert_id"] is not None:
        sighting = Sighting(**{name: row[f"seen_{name}"] for name in Sighting.__dataclass_fields__})
    return Sighted(stored, sighting, bool(row["of_drill"]))


def _chunks(fingerprints: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(fingerprints)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]


def of_fingerprints(
    unit: UnitOfWork, fingerprints: Collection[str], since: datetime
) -> Mapping[str, list[Sighted]]:
    """Alerts by fingerprint, newest first: those that fire, and those that ended after `since`."""
    found: dict[str, list[Sighted]] = {}
    for chunk in _chunks(fingerprints):
        query = (
            _select()
            .where(
                alerts.c.fingerprint.in_(chunk),
                or_(
                    alerts.c.status == AlertStatus.FIRING,
                    alerts.c.ends_at >= since,
                    # A resolution without an end: then, it was told.
                    and_(alerts.c.ends_at.is_(None), alerts.c.changed_at >= since),
                ),
            )
            .order_by(alerts.c.starts_at.desc())
        )
        for row in unit.connection.execute(query).mappings():
            sighted = _sighted(row)
            found.setdefault(sighted.alert.fingerprint, []).append(sighted)
    return found


def groups_of(unit: UnitOfWork, fingerprints: Collection[str]) -> Mapping[str, str]:
    """The group key that each fingerprint was last told with."""
    found: dict[str, str] = {}
    for chunk in _chunks(fingerprints):
        query = (
            select(alerts.c.fingerprint, alerts.c.group_key)
            .where(alerts.c.fingerprint.in_(chunk))
            .order_by(alerts.c.starts_at, alerts.c.id)
        )
        found.update({row.fingerprint: row.group_key for row in unit.connection.execute(query)})
    return found


def about(unit: UnitOfWork, fingerprints: Collection[str]) -> list[StoredAlert]:
    """The alerts among these whose start is only about right, held until the transaction ends."""
    found = []
    for chunk in _chunks(fingerprints):
        query = (
            select(alerts)
            .join(alert_sightings, alert_sightings.c.alert_id == alerts.c.id)
            .where(alerts.c.fingerprint.in_(chunk), alert_sightings.c.starts_about.is_(True))
            .order_by(alerts.c.starts_at.desc())
            .with_for_update(key_share=True, of=alerts)
        )
        for values in unit.connection.execute(query).mappings():
            found.append(
                StoredAlert(
                    **{
                        **values,
                        "status": AlertStatus(values["status"]),
                        "severity": Severity(values["severity"]),
                    }
                )
            )
    return found


def firing(unit: UnitOfWork) -> list[Sighted]:
    """Every alert that fires by the record, newest first, ignored ones too."""
    query = _select().where(alerts.c.status == AlertStatus.FIRING).order_by(alerts.c.starts_at.desc())
    return [_sighted(row) for row in unit.connection.execute(query).mappings()]


class Notes:
    """What is to be noted of several alerts, written together.

    A comparison notes something of each alert after a storm, and nobody else writes meanwhile: one by one, ten
    thousand would keep a halt waiting for seconds.
    """

    def __init__(self) -> None:
        self._of_alert: dict[int, dict[str, Any]] = {}

    def add(self, alert_id: int, **values: Any) -> None:
        """Set these of an alert's `Sighting`; the others stay, or are those of an alert that a webhook brought."""
        self._of_alert.setdefault(alert_id, {}).update(values)

    def write(self, unit: UnitOfWork) -> None:
        by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for alert_id, values in sorted(self._of_alert.items()):
            row = {"alert_id": alert_id, **_OF_A_WEBHOOK, **values}
            by_columns.setdefault(tuple(sorted(values)), []).append(row)
        self._of_alert.clear()
        for columns, rows in by_columns.items():
            unit.put_all(_noting(columns)[unit.dialect], rows)


_OF_A_WEBHOOK: Mapping[str, Any] = {
    "found_in": None,
    "starts_about": False,
    "muted": None,
    "missing_since": None,
}


@cache
def _noting(columns: tuple[str, ...]) -> Mapping[str, Insert]:
    """Made once for each set of columns that somebody notes, of which there are a handful."""
    return on_either(
        lambda statement: statement.on_conflict_do_update(
            index_elements=["alert_id"], set_={name: statement.excluded[name] for name in columns}
        ),
        alert_sightings,
    )


def exact(unit: UnitOfWork, alert_id: int, starts_at: datetime, group_key: str) -> None:
    """A webhook has told the exact start, and the group."""
    values = {"starts_at": starts_at, "group_key": group_key}
    unit.connection.execute(update(alerts).where(alerts.c.id == alert_id).values(**values))
    notes = Notes()
    notes.add(alert_id, starts_about=False)
    notes.write(unit)


_OF_ALERTS = select(alert_sightings).where(
    alert_sightings.c.alert_id.in_(bindparam("alerts", expanding=True))
)


def of_alerts(unit: UnitOfWork, alert_ids: Sequence[int]) -> Mapping[int, Sighting]:
    found = unit.all(_OF_ALERTS, {"alerts": alert_ids})
    return {row.alert_id: Sighting(**row._asdict()) for row in found}


def incident_with(unit: UnitOfWork, fingerprints: Collection[str], group_prefix: str) -> int | None:
    """The open incident that holds one of these alerts and whose group key begins with the prefix."""
    for chunk in _chunks(fingerprints):
        query = (
            select(incidents.c.id)
            .join(alerts, alerts.c.incident_id == incidents.c.id)
            .where(
                alerts.c.fingerprint.in_(chunk),
                incidents.c.open_group_key.startswith(group_prefix, autoescape=True),
            )
            .order_by(incidents.c.id)
            .limit(1)
        )
        number: int | None = unit.connection.execute(query).scalar_one_or_none()
        if number is not None:
            return number
    return None


def regroup(unit: UnitOfWork, incident_id: int, group_key: str, prefix: str) -> None:
    """The incident's group has a real key: it, and its alerts whose key begins with the prefix, get it."""
    unit.connection.execute(
        update(alerts)
        .where(alerts.c.incident_id == incident_id, alerts.c.group_key.startswith(prefix, autoescape=True))
        .values(group_key=group_key)
    )
    unit.connection.execute(
        update(incidents)
        .where(incidents.c.id == incident_id)
        .values(group_key=group_key, open_group_key=group_key)
    )
