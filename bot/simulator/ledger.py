"""A stand-in for the desk's own position ledger: one table in a SQLite file, read by Haltdesk through SQL."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

Figure = Decimal | int | str

# Quantities are kept as text: SQLite would turn a decimal into a float.
SCHEMA = """CREATE TABLE IF NOT EXISTS positions (
    symbol TEXT PRIMARY KEY, qty TEXT NOT NULL, avg_price TEXT, updated_at TEXT NOT NULL
)"""
BUSY_SECONDS = 5.0


@dataclass(frozen=True)
class LedgerRow:
    """`qty` is signed, negative when short; `avg_price` in dollars a unit."""

    symbol: str
    qty: Decimal
    avg_price: Decimal | None
    updated_at: datetime


class LedgerSimulator:
    """The ledger in the file `path`, made when it is not there. Usable from any thread."""

    def __init__(self, path: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = path
        self._clock = clock
        with self._opened() as database:
            database.execute(SCHEMA)

    @property
    def url(self) -> str:
        """For `LEDGER_URL`."""
        return f"sqlite:///{self._path}"

    @property
    def query(self) -> str:
        """For `LEDGER_QUERY`."""
        return "SELECT symbol, qty, avg_price, updated_at FROM positions"

    def set(
        self,
        symbol: str,
        qty: Figure,
        avg_price: Figure | None = None,
        updated_at: datetime | None = None,
    ) -> None:
        """Write a position, instead of any there was of this symbol."""
        price = None if avg_price is None else f"{Decimal(avg_price):f}"
        stamp = (updated_at or self._clock()).astimezone(UTC).isoformat()
        with self._opened() as database:
            database.execute(
                "INSERT INTO positions VALUES (?, ?, ?, ?) ON CONFLICT (symbol) DO UPDATE SET "
                "qty = excluded.qty, avg_price = excluded.avg_price, updated_at = excluded.updated_at",
                (symbol, f"{Decimal(qty):f}", price, stamp),
            )

    def remove(self, symbol: str) -> None:
        """Raises KeyError when the ledger has no such position."""
        with self._opened() as database:
            if database.execute("DELETE FROM positions WHERE symbol = ?", (symbol,)).rowcount == 0:
                raise KeyError(symbol)

    def clear(self) -> None:
        with self._opened() as database:
            database.execute("DELETE FROM positions")

    def rows(self) -> tuple[LedgerRow, ...]:
        """All positions, by symbol."""
        with self._opened() as database:
            found = database.execute(self.query + " ORDER BY symbol").fetchall()
        return tuple(
            LedgerRow(
                symbol, Decimal(qty), None if price is None else Decimal(price), datetime.fromisoformat(at)
            )
            for symbol, qty, price, at in found
        )

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """One transaction; a connection of its own, since threads share the ledger."""
        database = sqlite3.connect(self._path, timeout=BUSY_SECONDS)
        try:
            with database:
                yield database
        finally:
            database.close()
