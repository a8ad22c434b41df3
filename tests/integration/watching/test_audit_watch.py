"""The walk along the audit's chain: quiet while it is whole, and loud about whatever somebody did to it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from bot.config.policy import load_policy
from bot.services import audit_watch, auditing
from bot.services.audit_watch import AuditWatch
from bot.services.desk import Channels, Desk
from bot.store import migrate
from bot.store.database import Database
from tests.fixtures.rendering import shared_renderer

NOON = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
TRIGGERS = ("audit_no_update", "audit_no_delete", "audit_next_only")


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    found = Database(sqlite_url)
    migrate.upgrade(found)
    with found.begin() as unit:  # somebody with the database's password
        for trigger in TRIGGERS:
            unit.connection.execute(text(f"DROP TRIGGER {trigger}"))
    yield found
    found.dispose()


@pytest.fixture
def watch(database: Database, monkeypatch: pytest.MonkeyPatch) -> AuditWatch:
    monkeypatch.setattr(audit_watch, "SLICE", 4)
    return AuditWatch(
        Desk(
            database=database,
            policy=load_policy(),
            channels=Channels("C0INCIDENTS", "C0STAKEHOLDERS", "C0DRILLS"),
            accounts=(),
            now=lambda: NOON,
            renderer=shared_renderer(),
        )
    )


def tell(database: Database, number: int) -> None:
    for _ in range(number):
        with database.begin() as unit:
            auditing.record(unit, "ActionProved", "halted", at=NOON, account="main")


def do(database: Database, statement: str) -> None:
    with database.begin() as unit:
        unit.connection.execute(text(statement))


def test_a_whole_chain_is_walked_in_slices_and_walked_again(database: Database, watch: AuditWatch) -> None:
    assert watch.run_once()
    assert watch.walked == 0
    tell(database, 10)
    walked = []
    for _ in range(7):
        assert watch.run_once()
        walked.append(watch.walked)
    assert walked == [4, 8, 10, 10, 10, 10, 10]
    tell(database, 3)
    for _ in range(4):
        assert watch.run_once()
    assert watch.walked == 13


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        ("UPDATE audit SET text = 'nothing' WHERE seq = 2", "entry 2"),
        ("DELETE FROM audit WHERE seq = 3", "entry 3 is missing"),
        ("DELETE FROM audit WHERE seq > 8", "the chain was cut off"),
        ("DELETE FROM audit", "the chain was cut off"),
    ],
)
def test_a_deed_after_the_first_walk_is_found_in_the_next(
    database: Database, watch: AuditWatch, deed: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    tell(database, 10)
    assert all(watch.run_once() for _ in range(3))
    do(database, deed)
    assert not all(watch.run_once() for _ in range(3))
    assert watch.fault is not None
    assert words in watch.fault
    assert not watch.run_once(), "it stays until people have looked"
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]


def test_a_chain_written_anew_is_found(database: Database, watch: AuditWatch) -> None:
    tell(database, 10)
    assert all(watch.run_once() for _ in range(3))
    do(database, "DELETE FROM audit")
    with database.begin() as unit:
        auditing.record(unit, "ActionProved", "another story", at=NOON)
    tell(database, 9)
    assert not watch.run_once()
    assert watch.fault == "entry 10 has another hash than it had: replaced"
