"""The audit in the database: append-only by the database's own refusal, serial, and checked entry by entry."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot.domain.audit import BEGINNING
from bot.services import auditing
from bot.store import accounts, audit, migrate
from bot.store.database import Database

TEN = datetime(2026, 3, 2, 15, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    migrate.upgrade(found)
    yield found
    found.dispose()


def tell(database: Database, *texts: str) -> None:
    for one in texts:
        with database.begin() as unit:
            auditing.record(
                unit,
                "ActionProved",
                one,
                at=TEN,
                incident_id=7,
                actor="U0OPERATOR",
                account="paper",
                before={"suspended": False, "open_orders": 3},
                after={"suspended": True, "open_orders": 0},
            )


def raw(database: Database, *statements: str) -> None:
    """What somebody with the database's password can do."""
    with database.begin() as unit:
        for statement in statements:
            unit.connection.execute(text(statement))


def without_triggers(database: Database) -> None:
    if database.sqlite:
        raw(database, *(f"DROP TRIGGER audit_{name}" for name in ("no_update", "no_delete", "next_only")))
    else:
        raw(database, "DROP TRIGGER audit_no_change ON audit")


def test_what_was_recorded_is_read_back_whole(database: Database) -> None:
    tell(database, 'Halted "paper" — 0 live orders')
    with database.read() as unit:
        entry = next(auditing.export(unit))
    assert entry["seq"] == 1
    assert entry["at"] == "2026-03-02T15:00:00.123456+00:00"
    assert (entry["incident"], entry["actor"], entry["account"]) == ("INC-7", "U0OPERATOR", "paper")
    assert entry["text"] == 'Halted "paper" — 0 live orders'
    assert entry["details"]["before"] == {"suspended": False, "open_orders": 3}
    assert entry["details"]["after"] == {"suspended": True, "open_orders": 0}
    assert entry["previous_hash"] == BEGINNING
    assert auditing.verify(database).last_hash == entry["hash"]


def test_nothing_is_kept_of_a_transaction_that_failed(database: Database) -> None:
    def failing() -> None:
        with database.begin() as unit:
            auditing.record(unit, "ActionConfirmed", "Halt", at=TEN)
            raise RuntimeError("the desk's own row could not be written")

    with pytest.raises(RuntimeError):
        failing()
    tell(database, "one")
    assert auditing.verify(database).entries == 1


def test_several_entries_of_one_transaction_stand_in_their_order(database: Database) -> None:
    with database.begin() as unit:
        for word in ("first", "second", "third"):
            auditing.record(unit, "ActionConfirmed", word, at=TEN)
    with database.read() as unit:
        assert [entry.text for entry in audit.entries(unit)] == ["first", "second", "third"]
    assert auditing.verify(database).intact


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET text = 'nothing happened' WHERE seq = 1",
        "DELETE FROM audit WHERE seq = 2",
        "DELETE FROM audit",
    ],
)
def test_the_database_refuses_to_change_or_delete_an_entry(database: Database, statement: str) -> None:
    tell(database, "one", "two")
    with pytest.raises(DBAPIError, match="append-only"):
        raw(database, statement)
    assert auditing.verify(database).entries == 2


def test_postgresql_refuses_to_truncate(postgres_url: str) -> None:
    database = Database(postgres_url)
    migrate.upgrade(database)
    tell(database, "one")
    with pytest.raises(DBAPIError, match="append-only"):
        raw(database, "TRUNCATE audit")
    assert auditing.verify(database).entries == 1
    database.dispose()


def test_sqlite_refuses_to_replace_an_entry(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    migrate.upgrade(database)
    tell(database, "one", "two")
    statement = (
        "INSERT OR REPLACE INTO audit SELECT seq, at, kind, actor, incident_id, account, 'forged', details, "
        "previous_hash, hash FROM audit WHERE seq = 1"
    )
    with pytest.raises(DBAPIError, match="append-only"):
        raw(database, statement)
    assert auditing.verify(database).intact
    database.dispose()


@pytest.mark.parametrize(
    ("tampering", "at", "word"),
    [
        (["UPDATE audit SET text = 'nothing happened' WHERE seq = 2"], 2, "was changed"),
        (["UPDATE audit SET details = '{}' WHERE seq = 3"], 3, "was changed"),
        (["DELETE FROM audit WHERE seq = 2"], 2, "entry 2 is missing"),
        (["DELETE FROM audit WHERE seq = 1"], 1, "entry 1 is missing"),
        (
            [
                "UPDATE audit SET seq = 99 WHERE seq = 2",
                "UPDATE audit SET seq = 2 WHERE seq = 3",
                "UPDATE audit SET seq = 3 WHERE seq = 99",
            ],
            2,
            "reordered",
        ),
        (
            ["DELETE FROM audit WHERE seq = 2", "UPDATE audit SET seq = seq - 1 WHERE seq = 3"],
            2,
            "one is missing",
        ),
    ],
    ids=["text", "details", "deleted", "first deleted", "swapped", "deleted and renumbered"],
)
def test_tampering_is_found_and_named(database: Database, tampering: list[str], at: int, word: str) -> None:
    tell(database, "one", "two", "three", "four")
    without_triggers(database)
    raw(database, *tampering)
    verdict = auditing.verify(database)
    assert verdict.at_seq == at
    assert word in str(verdict.fault)


def test_a_cut_tail_is_found_with_a_hash_noted_before(database: Database) -> None:
    tell(database, "one", "two", "three")
    noted = auditing.verify(database).last_hash
    without_triggers(database)
    raw(database, "DELETE FROM audit WHERE seq = 3")
    assert auditing.verify(database).intact
    verdict = auditing.verify(database, expect_last=noted)
    assert (verdict.intact, verdict.at_seq) == (False, 3)


def test_many_at_once_make_one_chain(database: Database) -> None:
    """Some lock the account before they record, some after: nobody stands in the other's way, nothing is skipped."""
    failures: list[BaseException] = []
    with database.begin() as unit:
        accounts.ensure(unit, "paper", TEN)

    def desk(number: int) -> None:
        try:
            for turn in range(5):
                with database.begin() as unit:
                    if number % 2:
                        accounts.lock(unit, "paper")
                    auditing.record(unit, "ActionConfirmed", f"desk {number}, turn {turn}", at=TEN)
                    if not number % 2:
                        accounts.lock(unit, "paper")
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=desk, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    verdict = auditing.verify(database)
    assert (verdict.intact, verdict.entries) == (True, 30)


def test_the_chain_is_read_in_pages_without_losing_an_entry(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "PAGE", 2)
    tell(database, "one", "two", "three", "four")
    verdict = auditing.verify(database)
    assert (verdict.intact, verdict.entries) == (True, 4)
    with database.read() as unit:
        assert [json.dumps(entry["seq"]) for entry in auditing.export(unit)] == ["1", "2", "3", "4"]
