"""Alerts by identity: fingerprint and startsAt. Nothing else joins or parts them."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import eq, lt
from typing import Any

from sqlalchemy import (
    ARRAY,
    DateTime,
    Integer,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    func,
    literal_column,
    select,
    text,
    true,
    update,
)
from sqlalchemy import insert as sqlalchemy_insert

from bot.domain.words import AlertStatus, Severity
from bot.store.columns import as_json_text, as_sqlite_text
from bot.store.database import UNSEEN, UnitOfWork, on_either
from bot.store.tables import alerts, incidents

Identity = tuple[str, datetime]
CHUNK = 500  # identities in one question; SQLite takes no more than so many parameters

_INSERT = sqlalchemy_insert(alerts)
_INSERT_UNKNOWN = on_either(
    lambda statement: statement.on_conflict_do_nothing(index_elements=["fingerprint", "starts_at"]), alerts
)


# Literally, so that PostgreSQL and SQLite see at once that the index of what fires serves.
_FIRES = text("alerts.status = 'firing'")


def _on_sqlite(starts: Callable[[Any, Any], Any]) -> Select[Any]:
    told = func.json_each(bindparam("told", type_=Text)).table_valued("value", name="told")
    return select(alerts).join(
        told,
        and_(
            alerts.c.fingerprint == told.c.value.op("->>")(literal_column("0")),
            starts(alerts.c.starts_at, told.c.value.op("->>")(literal_column("1"))),
        ),
    )


def _on_postgres(starts: Callable[[Any, Any], Any], *where: Any) -> Select[Any]:
    """Each identity looked up by itself. As a plain join, PostgreSQL may read the whole table for a few of them, and
    holds to that plan while the table grows."""
    told = (
        func.unnest(
            bindparam("fingerprints", type_=ARRAY(Text)),
            bindparam("starts", type_=ARRAY(DateTime(timezone=True))),
        )
        .table_valued("fingerprint", "starts_at")
        .render_derived(name="told")
    )
    found = (
        select(alerts.c.id)
        .where(
            alerts.c.fingerprint == told.c.fingerprint, starts(alerts.c.starts_at, told.c.starts_at), *where
        )
        .correlate(told)
        .offset(literal_column("0"))  # keeps it from being made a plain join
        .lateral("found")
    )
    return select(found.c.id).select_from(told.join(found, true()))


# One statement for one identity or 20,000: nothing is compiled anew for their number.
_KNOWN: Mapping[str, Select[Any]] = {"sqlite": _on_sqlite(eq), "postgresql": _on_postgres(eq)}
_EARLIER = {"sqlite": _on_sqlite(lt).where(_FIRES), "postgresql": _on_postgres(lt, _FIRES)}
_HOLD = (
    select(alerts)
    .where(alerts.c.id == any_(bindparam("numbers", type_=ARRAY(Integer))))
    .order_by(alerts.c.id)  # everybody holds alerts in this order
    .with_for_update(key_share=True)
)
_CHANGE = update(alerts).where(alerts.c.id == bindparam("number"))
# What every picture of an incident asks is made once, too.
_OF_INCIDENT = (
    select(alerts)
    .where(alerts.c.incident_id == bindparam("incident"))
    .order_by(alerts.c.status, alerts.c.severity, alerts.c.starts_at.desc(), alerts.c.id)
)
_FIRST_OF_INCIDENT = _OF_INCIDENT.limit(bindparam("most", type_=Integer))
_COUNTS = (
    select(alerts.c.status, func.count())
    .where(alerts.c.incident_id == bindparam("incident"))
    .group_by(alerts.c.status)
)
_TOLD: Mapping[str, Callable[[Sequence[Identity]], Mapping[str, Any]]] = {
    "sqlite": lambda told: {"told": as_json_text([(name, as_sqlite_text(at)) for name, at in told])},
    "postgresql": lambda told: {"fingerprints": [one[0] for one in told], "starts": [one[1] for one in told]},
}


@dataclass(frozen=True)
class StoredAlert:
    id: int
    incident_id: int | None
    fingerprint: str
    starts_at: datetime
    status: AlertStatus
    ends_at: datetime | None
    name: str
    severity: Severity
    severity_reason: str
    summary: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    generator_url: str | None
    group_key: str
    ignored: bool
    first_seen_at: datetime
    changed_at: datetime


def _stored(found: Any) -> StoredAlert:
    values = found._asdict()
    return StoredAlert(
        **{**values, "status": AlertStatus(values["status"]), "severity": Severity(values["severity"])}
    )


def by_identity(unit: UnitOfWork, identities: Sequence[Identity]) -> dict[Identity, StoredAlert]:
    """The stored ones among `identities`, held until the transaction ends."""
    ahead = {identity: unit.foreseen(("alert", identity), once=True) for identity in identities}
    if all(known is not UNSEEN for known in ahead.values()):
        return {identity: known for identity, known in ahead.items() if known is not None}
    return _by_identity(_held(unit, _KNOWN, _TOLD[unit.dialect](identities)))


def _by_identity(found: Iterable[StoredAlert]) -> dict[Identity, StoredAlert]:
    return {(one.fingerprint, one.starts_at): one for one in found}


def _held(unit: UnitOfWork, which: Mapping[str, Select[Any]], given: Mapping[str, Any]) -> list[StoredAlert]:
    rows = unit.all(which[unit.dialect], given)
    if unit.dialect == "postgresql":
        if not rows:
            return []
        rows = unit.all(_HOLD, {"numbers": [row.id for row in rows]})
    return [_stored(row) for row in rows]


def read_ahead(unit: UnitOfWork, identities: Sequence[Identity]) -> tuple[dict[Hashable, Any], bool]:
    """What each webhook of a batch will ask `by_identity` for, read at once: for `UnitOfWork.foresee`.

    Beside it, whether one of them fires on record under an older start.
    """
    given = _TOLD[unit.dialect](identities)
    found = _by_identity(_held(unit, _KNOWN, given))
    earlier = bool(_held(unit, _EARLIER, given))
    return {("alert", identity): found.get(identity) for identity in identities}, earlier


def firing_earlier(unit: UnitOfWork, started: Sequence[Identity]) -> list[tuple[StoredAlert, datetime]]:
    """What fires on record under an older start than in `started`, each with the new start; held as above."""
    starts = dict(started)
    found = _held(unit, _EARLIER, _TOLD[unit.dialect](list(starts.items())))
    return [(alert, starts[alert.fingerprint]) for alert in found]


def insert(unit: UnitOfWork, values: Sequence[Mapping[str, Any]]) -> None:
    """Insert new alerts.

    One that another transaction has inserted since this one looked is an `IntegrityError`, at the end where the
    transaction gathers: all that was decided about it took it for unknown, and has to be decided anew.
    """
    unit.put_all(_INSERT, values)


def insert_unknown(unit: UnitOfWork, values: Sequence[Mapping[str, Any]]) -> None:
    """Insert those that are not on record; the others stay as they are. For who keeps webhooks out meanwhile."""
    unit.put_all(_INSERT_UNKNOWN[unit.dialect], values)


def change(unit: UnitOfWork, number: int, **values: Any) -> None:
    unit.run(_CHANGE, {"number": number, **values})


def of_incident(unit: UnitOfWork, incident_id: int, *, limit: int | None = None) -> list[StoredAlert]:
    """Firing ones first, then the worst, then the newest."""
    query, given = (_OF_INCIDENT, {}) if limit is None else (_FIRST_OF_INCIDENT, {"most": limit})
    return [_stored(found) for found in unit.all(query, {"incident": incident_id, **given})]


def counts(unit: UnitOfWork, incident_id: int) -> dict[AlertStatus, int]:
    rows = unit.all(_COUNTS, {"incident": incident_id})
    found = {AlertStatus(status): number for status, number in rows}
    return {status: found.get(status, 0) for status in AlertStatus}


def firing(unit: UnitOfWork) -> list[tuple[StoredAlert, bool]]:
    """Every alert that fires and is not ignored, the worst first; with each, whether its incident is a drill."""
    query = (
        select(alerts, incidents.c.drill.label("of_drill"))
        .outerjoin(incidents, incidents.c.id == alerts.c.incident_id)
        .where(alerts.c.status == AlertStatus.FIRING, alerts.c.ignored.is_(False))
        .order_by(alerts.c.severity, alerts.c.id)
    )
    found = []
    for row in unit.connection.execute(query).mappings():
        values = {name: row[alerts.c[name]] for name in StoredAlert.__dataclass_fields__}
        stored = StoredAlert(
            **{**values, "status": AlertStatus(values["status"]), "severity": Severity(values["severity"])}
        )
        found.append((stored, bool(row["of_drill"])))
    return found
