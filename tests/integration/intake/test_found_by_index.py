"""A webhook's alerts are looked up by index, however many there are on record and however many it brings."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from bot.store import alerts, migrate
from bot.store.database import Database, UnitOfWork
from bot.store.tables import alerts as table

AT = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
ON_RECORD = 3_000
TOLD = [(f"{number:016x}", AT) for number in range(0, ON_RECORD, 20)]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """All of them fire, and nobody has counted them for the planner: a desk in its first storm."""
    opened = Database(database_url)
    migrate.upgrade(opened)
    rows = [
        {
            "fingerprint": f"{number:016x}",
            "starts_at": AT,
            "status": "firing",
            "name": "HighLatency",
            "severity": "SEV-3",
            "severity_reason": "of the test",
            "summary": "",
            "labels": {"instance": f"host-{number}:9100"},
            "annotations": {},
            "group_key": f"group-{number // 100}",
            "first_seen_at": AT,
            "changed_at": AT,
        }
        for number in range(ON_RECORD)
    ]
    with opened.begin() as unit:
        unit.connection.execute(insert(table), rows)
    yield opened
    opened.dispose()


def _plan(unit: UnitOfWork, which: str) -> str:
    """How the database answers the question, in its own words."""
    question = getattr(alerts, which)[unit.dialect].compile(dialect=unit.connection.dialect)
    given = {**question.params, **alerts._TOLD[unit.dialect](TOLD)}
    if unit.dialect == "postgresql":
        unit.connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
        rows = unit.connection.exec_driver_sql(f"EXPLAIN {question}", given)
        return "\n".join(str(row[0]) for row in rows)
    in_order = tuple(given[name] for name in question.positiontup or ())
    rows = unit.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question}", in_order)
    return "\n".join(str(row[3]) for row in rows)


@pytest.mark.parametrize("which", ["_KNOWN", "_EARLIER"])
def test_no_alert_is_read_that_was_not_told(database: Database, which: str) -> None:
    with database.read() as unit:
        plan = _plan(unit, which)
    assert "Seq Scan on alerts" not in plan, plan  # PostgreSQL
    assert "SCAN alerts" not in plan, plan  # SQLite
    assert "ndex" in plan or "INDEX" in plan, plan


def test_what_is_on_record_is_found(database: Database) -> None:
    later = [(fingerprint, start + timedelta(minutes=5)) for fingerprint, start in TOLD]
    with database.begin() as unit:
        known = alerts.by_identity(unit, [*TOLD, ("f" * 16, AT)])
        earlier = alerts.firing_earlier(unit, later)
        none = alerts.firing_earlier(unit, TOLD)
    assert set(known) == set(TOLD)
    assert {(found.fingerprint, start) for found, start in earlier} == set(later)
    assert none == []
