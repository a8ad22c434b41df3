"""The desk's ledger on PostgreSQL: exact numbers, aware times, a time limit at the server, and no writing."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import create_engine, text

from bot.adapters.ledgers import SqlLedger
from bot.ports.ledger import LedgerError

pytestmark = pytest.mark.real

QUERY = "SELECT symbol, qty, avg_price, updated_at FROM positions"
MADE = (
    "CREATE TABLE positions (symbol text, qty numeric, avg_price numeric, updated_at timestamptz)",
    "INSERT INTO positions VALUES ('AAPL', 0.123456789, 190.25, '2026-11-20 10:00:00-05')",
)


@pytest.fixture
def books(postgres_url: str) -> str:
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        for statement in MADE:
            connection.execute(text(statement))
    engine.dispose()
    return postgres_url


def test_numbers_are_exact_and_times_aware(books: str) -> None:
    (position,) = SqlLedger(books, QUERY).positions()
    assert position.qty == Decimal("0.123456789")
    assert position.updated_at == datetime(2026, 11, 20, 15, tzinfo=UTC)


def test_casts_and_percent_signs_in_the_query_are_sent_as_written(books: str) -> None:
    query = QUERY.replace("symbol,", "symbol::text AS symbol,") + " WHERE symbol LIKE 'A%'"
    assert len(SqlLedger(books, query).positions()) == 1


def test_a_time_without_a_zone_is_refused(books: str) -> None:
    with pytest.raises(LedgerError, match=r"AAPL.*no time zone"):
        SqlLedger(books, QUERY.replace("updated_at", "updated_at::timestamp AS updated_at")).positions()


def test_the_ledger_is_never_written(books: str) -> None:
    with pytest.raises(LedgerError, match="read-only"):
        SqlLedger(books, "DELETE FROM positions RETURNING *").positions()
    assert len(SqlLedger(books, QUERY).positions()) == 1


def test_a_slow_query_ends_at_the_server_too(books: str) -> None:
    with pytest.raises(LedgerError, match=r"statement timeout|did not answer"):
        SqlLedger(books, QUERY + ", pg_sleep(20)", timeout=0.3).positions()
