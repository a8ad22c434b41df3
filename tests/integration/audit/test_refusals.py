"""Refused presses are in the audit: who pressed what, once a minute, and never so many that they drown the rest."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.audit import AuditEntry
from bot.services import auditing
from bot.services.auditing import MOST_REFUSALS, refused
from bot.store import audit, migrate
from bot.store.database import Database

TEN = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
WHY = "Only operators may do this."


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    migrate.upgrade(found)
    yield found
    found.dispose()


def entries(database: Database) -> list[AuditEntry]:
    with database.read() as unit:
        return list(audit.entries(unit))


def test_pressing_again_and_again_is_one_entry_a_minute(database: Database) -> None:
    for second in range(0, 120, 2):
        refused(database, "Resolve", WHY, by="U0OBSERVER", at=TEN + timedelta(seconds=second), incident_id=1)
    refused(database, "Acknowledge", WHY, by="U0OBSERVER", at=TEN, incident_id=1)
    refused(database, "Resolve", WHY, by="U0OTHER", at=TEN, incident_id=1)
    found = [(entry.kind, entry.actor, entry.text) for entry in entries(database)]
    assert found == [
        ("ActionRefused", "U0OBSERVER", f"Resolve refused: {WHY}"),
        ("ActionRefused", "U0OBSERVER", f"Resolve refused: {WHY}"),
        ("ActionRefused", "U0OBSERVER", f"Acknowledge refused: {WHY}"),
        ("ActionRefused", "U0OTHER", f"Resolve refused: {WHY}"),
    ]
    assert auditing.verify(database).intact


def test_a_crowd_does_not_flood_it_and_strangers_do_not_crowd_out_ones_own(database: Database) -> None:
    for number in range(MOST_REFUSALS + 20):
        refused(database, "A request", "foreign", by=f"U{number}", at=TEN, kind="ForeignRequestRefused")
    assert len(entries(database)) == MOST_REFUSALS
    assert refused(database, "Resolve", WHY, by="U0OBSERVER", at=TEN)
    assert refused(database, "A request", "foreign", by="U1", at=TEN + timedelta(minutes=1))
