"""The desk's ledger in SQL: every row read or the reading fails and says which."""

import sqlite3
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bot.adapters.ledgers import SqlLedger
from bot.ports.ledger import LedgerError

QUERY = "SELECT symbol, qty, avg_price, updated_at FROM positions"
GOOD = ("AAPL", "10.5", "190.25", "2026-11-20T15:00:00+00:00")


def ledger(folder: Path, *rows: tuple[object, ...], query: str = QUERY) -> SqlLedger:
    path = folder / "ledger.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE positions (symbol, qty, avg_price, updated_at)")
        connection.executemany("INSERT INTO positions VALUES (?, ?, ?, ?)", rows)
    connection.close()
    return SqlLedger(f"sqlite:///{path}", query)


def test_rows_become_positions(tmp_path: Path) -> None:
    positions = ledger(tmp_path, GOOD, ("MSFT", -2, None, "2026-11-20T10:00:00-05:00")).positions()
    assert [(p.symbol, p.qty, p.avg_price) for p in positions] == [
        ("AAPL", Decimal("10.5"), Decimal("190.25")),
        ("MSFT", Decimal(-2), None),
    ]
    assert positions[1].updated_at == datetime(2026, 11, 20, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (("MSFT", None, "1", GOOD[3]), r"row 2 \(MSFT\): qty is empty"),
        (("MSFT", "NaN", "1", GOOD[3]), r"row 2 \(MSFT\): qty is 'NaN'"),
        (("MSFT", "ten", "1", GOOD[3]), r"row 2 \(MSFT\): qty is 'ten'"),
        (("MSFT", "1", "inf", GOOD[3]), r"row 2 \(MSFT\): avg_price is 'inf'"),
        (("MSFT", "1", "1", "2026-11-20 15:00:00"), r"row 2 \(MSFT\).*no time zone"),
        (("MSFT", "1", "1", None), r"row 2 \(MSFT\): updated_at"),
        ((None, "1", "1", GOOD[3]), "row 2: no symbol"),
    ],
)
def test_a_bad_row_fails_the_reading_and_is_named(tmp_path: Path, row: tuple[object, ...], word: str) -> None:
    with pytest.raises(LedgerError, match=word):
        ledger(tmp_path, GOOD, row).positions()


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="gives no column avg_price, updated_at"):
        ledger(tmp_path, GOOD, query="SELECT symbol, qty FROM positions").positions()


def test_a_query_that_writes_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    books = ledger(tmp_path, GOOD, query="DELETE FROM positions RETURNING symbol, qty, avg_price, updated_at")
    with pytest.raises(LedgerError, match="could not be read"):
        books.positions()
    assert len(SqlLedger(f"sqlite:///{tmp_path / 'ledger.db'}", QUERY).positions()) == 1


def test_a_database_that_is_not_there_is_an_error_and_no_empty_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="could not be read"):
        SqlLedger(f"sqlite:///{tmp_path / 'nowhere' / 'ledger.db'}", QUERY).positions()


def test_a_query_that_takes_too_long_is_given_up_on(tmp_path: Path) -> None:
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) "
        "SELECT 'A' AS symbol, count(*) AS qty, 1 AS avg_price, '2026-11-20T15:00:00Z' AS updated_at FROM n"
    )
    with pytest.raises(LedgerError, match=r"ledger did not answer in 0\.05 s"):
        ledger(tmp_path, query=endless).positions(within=0.05)


def test_an_address_that_is_none_says_what_to_write_and_keeps_the_password() -> None:
    with pytest.raises(LedgerError, match="LEDGER_URL") as caught:
        SqlLedger("nodatabase://desk:hunter2@host/x", QUERY)
    assert "hunter2" not in str(caught.value)


def test_a_query_with_colons_is_sent_as_it_was_written(tmp_path: Path) -> None:
    query = QUERY + " WHERE symbol <> ' :none' AND '10:30' = '10:30'"
    assert len(ledger(tmp_path, GOOD, query=query).positions()) == 1
