"""Statements given straight to the driver: the same answers, and the same errors, as SQLAlchemy's own `execute`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Integer, bindparam, event, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from bot.domain.words import IncidentStatus, Phase, Severity
from bot.store import incidents as incident_rows
from bot.store import timeline as entries
from bot.store.database import Database, UnitOfWork
from bot.store.tables import incidents, timeline

NOW = datetime(2026, 3, 2, 17, 0, 0, 250_000, tzinfo=UTC)
HOSTILE = {"text": 'it\'s "50 %s" :number ? %(number)s', "list": [1, None, {"a": "é"}]}

OF_GROUPS = (
    select(incidents)
    .where(
        incidents.c.group_key.in_(bindparam("keys", expanding=True)),
        incidents.c.status == IncidentStatus.OPEN,
    )
    .order_by(incidents.c.id)
    .limit(bindparam("most"))
)
COUNT = select(func.count()).select_from(incidents)
ENTRIES = select(timeline).where(timeline.c.at >= bindparam("since")).order_by(timeline.c.id)
ACKNOWLEDGE = (
    update(incidents)
    .where(incidents.c.id == bindparam("number"))
    .values(acknowledged_at=bindparam("at"), acknowledge_by=None)
)
INSERT = insert(incidents).returning(incidents.c.id, incidents.c.opened_at)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.dispose()


def opened(unit: UnitOfWork, group: str) -> int:
    number = incident_rows.insert(unit, values(group))
    assert number is not None
    return number


def values(group: str) -> dict[str, Any]:
    return {
        "title": HOSTILE["text"],
        "severity": Severity.SEV2,
        "severity_reason": "said so",
        "phase": Phase.DETECTION,
        "group_key": group,
        "opened_at": NOW,
        "acknowledge_by": NOW + timedelta(minutes=5),
        "channel": "C0INCIDENTS",
    }


def test_it_answers_as_execute_does(database: Database) -> None:
    with database.begin() as unit:
        for group in ("one", "two", "three"):
            number = opened(unit, group)
            entries.write(unit, number, "IncidentDeclared", "50 % of %s", at=NOW, details=HOSTILE)
        entries.write(unit, None, "Started", "no incident", at=NOW - timedelta(days=1))
    with database.read() as unit:
        for keys in ([], ["one"], ["one", "nothing", "three"], ["three"]):
            for most in (1, 10):
                given = {"keys": keys, "most": most}
                found = unit.all(OF_GROUPS, given)
                assert [tuple(one) for one in found] == list(unit.connection.execute(OF_GROUPS, given))
        since = {"since": NOW}
        assert [one._asdict() for one in unit.all(ENTRIES, since)] == [
            dict(one) for one in unit.connection.execute(ENTRIES, since).mappings()
        ]
        first = unit.first(ENTRIES, since)
        assert first.details == HOSTILE
        assert first.at == NOW
        assert first.at.tzinfo is UTC
        assert unit.value(COUNT) == 3
        assert unit.first(OF_GROUPS, {"keys": ["nothing"], "most": 1}) is None


def test_it_writes_what_execute_would(database: Database) -> None:
    with database.begin() as unit:
        row = {**values("one"), "status": IncidentStatus.OPEN}
        made = unit.first(INSERT, row)
        assert made.opened_at == NOW
        assert unit.run(ACKNOWLEDGE, {"number": made.id, "at": NOW}) == 1
        assert unit.run(ACKNOWLEDGE, {"number": made.id + 1, "at": NOW}) == 0
    with database.read() as unit:
        found = unit.connection.execute(select(incidents)).one()
    assert (found.title, found.acknowledged_at, found.acknowledge_by) == (HOSTILE["text"], NOW, None)
    assert found.drill is False  # as the table says, where nothing is given


def test_a_value_that_is_missing_is_named(database: Database) -> None:
    with database.begin() as unit, pytest.raises(TypeError, match="number"):
        unit.run(ACKNOWLEDGE, {"at": NOW})


def test_what_the_database_refuses_is_raised_as_by_execute_and_seen_by_who_listens(
    database: Database,
) -> None:
    failures: list[Any] = []
    event.listen(database.engine, "handle_error", failures.append)
    untitled = {**values("two"), "status": IncidentStatus.OPEN, "title": None}
    with pytest.raises(IntegrityError), database.begin() as unit:
        unit.first(INSERT, untitled)
    assert len(failures) == 1
    with database.read() as unit:
        assert unit.value(COUNT) == 0


ONESELF = select(func.pg_backend_pid())
CUT = select(func.pg_terminate_backend(bindparam("number", type_=Integer)))


def cut_off(database: Database) -> None:
    """A transaction whose connection is cut in its middle."""
    with database.begin() as unit:
        number = unit.value(ONESELF)
        with database.begin() as other:
            assert other.value(CUT, {"number": number})
        unit.value(ONESELF)


@pytest.mark.real
def test_a_connection_that_was_cut_is_given_up(empty_postgres_url: str) -> None:
    database = Database(empty_postgres_url)
    with pytest.raises(DBAPIError) as raised:
        cut_off(database)
    assert raised.value.connection_invalidated
    with database.begin() as unit:
        assert unit.value(ONESELF)
    database.dispose()
