"""A batch of webhooks asks once whether the record knows anything of it, by index, and is told right."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from bot.store import incidents, known, merges, migrate
from bot.store.database import Database
from bot.store.tables import incidents as table
from tests.fixtures.plans import plan, statements

AT = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
SINCE = AT - timedelta(minutes=30)
ON_RECORD = 3_000
MARK = "00000000000000aa"
WALKS = ("SCAN incidents", "SCAN alerts", "SCAN merged_groups")


def group(number: int) -> str:
    return f'{{}}:{{alertname="Group{number}"}}'


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Every second incident is resolved; nobody has counted them for the planner: a desk in its first storm."""
    opened = Database(database_url)
    migrate.upgrade(opened)
    rows = [
        {
            "title": "HighLatency",
            "severity": "SEV-3",
            "severity_reason": "of the test",
            "status": "resolved" if number % 2 else "open",
            "phase": "triage",
            "group_key": group(number),
            "open_group_key": None if number % 2 else group(number),
            "opened_at": AT,
            "resolved_at": AT if number % 2 else None,
            "channel": "C0INCIDENTS",
        }
        for number in range(ON_RECORD)
    ]
    with opened.begin() as unit:
        unit.connection.execute(insert(table), rows)
    yield opened
    opened.dispose()


def test_no_incident_is_read_that_was_not_asked_for(database: Database) -> None:
    keys = [group(number) for number in range(8)]
    with database.begin() as unit, statements(database) as seen:
        known.known(unit, [MARK], keys, SINCE)
        incidents.open_of_groups(unit, keys)
        incidents.last_resolved_of_groups(unit, keys, SINCE)
    asked = [(words, given) for words, given in seen if "FROM " in words]
    assert len(asked) == 3
    for words, given in asked:
        steps = plan(database, words, given, kept=True)
        assert not [step for step in steps if step.startswith(WALKS) or "Seq Scan on incidents" in step], (
            steps
        )


def test_what_is_known_is_told(database: Database) -> None:
    with database.begin() as unit:
        assert known.known(unit, [MARK], [group(ON_RECORD)], SINCE) == frozenset()
        assert known.known(unit, [], [], SINCE) == frozenset()
        assert known.known(unit, [], [group(ON_RECORD), group(4)], SINCE) == {known.GROUPS}
        assert known.known(unit, [], [group(5)], SINCE) == {known.GROUPS}
        assert known.known(unit, [], [group(5)], AT + timedelta(seconds=1)) == frozenset()
        merges.record(unit, merges.Merge(source_id=1, target_id=3, at=AT, by="U0OPERATOR"))
        source = incidents.get(unit, 2)
        assert source is not None
        merges.own_groups(unit, source, 3)
    with database.read() as unit:
        assert known.known(unit, [], [group(1)], AT + timedelta(seconds=1)) == {known.GROUPS}


def test_open_and_resolved_incidents_are_found_by_their_groups(database: Database) -> None:
    keys = [group(number) for number in (2, 3, 4, 5, ON_RECORD)]
    with database.begin() as unit:
        assert set(incidents.open_of_groups(unit, keys)) == {group(2), group(4)}
        assert set(incidents.last_resolved_of_groups(unit, keys, SINCE)) == {group(3), group(5)}
        assert incidents.last_resolved_of_groups(unit, keys, AT + timedelta(seconds=1)) == {}
        assert incidents.open_of_groups(unit, []) == {}
