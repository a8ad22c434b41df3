"""The desk's ledger in an SQL database: one read-only query, a time limit, and every row accounted for."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from bot.adapters.bounded import StillRunning, bounded
from bot.adapters.ledgers.rows import MOST_ROWS, needed, positions_of, why_needed
from bot.domain.reconciliation import LedgerPosition
from bot.ports.ledger import LedgerError, LedgerTimeout

PLACEHOLDER = re.compile(r"(?<![:\w\\]):(?=\w)")  # a colon that SQLAlchemy would take for a parameter


class SqlLedger:
    """`query` gives the columns symbol, qty, avg_price, updated_at, and may give account (`by_account`: must);
    `timeout` is in seconds for all of it.

    A connection is made for each reading: a comparison is rare, and a pooled connection may be dead when it
    matters.
    """

    def __init__(self, url: str, query: str, timeout: float = 5.0, *, by_account: bool = False) -> None:
        self._query, self._needed = query, needed(by_account)
        self._timeout = timeout
        try:
            self._url = make_url(url)
            self._engine = create_engine(self._url, poolclass=NullPool, hide_parameters=True)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise LedgerError(
                f"ledger: LEDGER_URL is not a database address that can be used ({type(error).__name__}); "
                "write it like postgresql+psycopg://user:password@host/name"
            ) from None

    def positions(self, *, within: float | None = None) -> tuple[LedgerPosition, ...]:
        """Every row as a position. A row that cannot be read fails the reading and is named."""
        limit = self._timeout if within is None else min(within, self._timeout)
        try:
            rows = bounded(self._rows, limit, "ledger")
        except StillRunning:
            raise LedgerTimeout(f"ledger did not answer in {limit:g} s") from None
        return positions_of(rows)

    def _rows(self) -> Sequence[Mapping[str, Any]]:
        try:
            with self._engine.connect() as connection:
                if self._url.get_backend_name() == "postgresql":
                    connection.execute(text("SET TRANSACTION READ ONLY"))
                    connection.execute(text(f"SET LOCAL statement_timeout = {int(self._timeout * 1000)}"))
                elif self._url.get_backend_name() == "sqlite":
                    connection.execute(text("PRAGMA query_only = ON"))
                result = connection.execute(text(PLACEHOLDER.sub(r"\:", self._query)))
                if not result.returns_rows:
                    raise LedgerError("ledger: LEDGER_QUERY gives no rows; it must be a SELECT")
                names = {name.lower(): name for name in result.keys()}  # noqa: SIM118
                absent = [column for column in self._needed if column not in names]
                if absent:
                    raise LedgerError(
                        f"ledger: LEDGER_QUERY gives no column {', '.join(absent)}; "
                        f"it must give {', '.join(self._needed)}{why_needed(absent)}"
                    )
                rows = result.mappings().fetchmany(MOST_ROWS + 1)
                connection.rollback()
        except SQLAlchemyError as error:
            raise LedgerError(f"ledger could not be read: {_reason(error)}") from None
        if len(rows) > MOST_ROWS:
            raise LedgerError(
                f"ledger: more than {MOST_ROWS:,} rows; LEDGER_QUERY must give open positions only"
            )
        given = [column for column in needed(True) if column in names]
        return [{column: row[names[column]] for column in given} for row in rows]


def _reason(error: SQLAlchemyError) -> str:
    """The driver's first line, without the statement or the address."""
    cause = getattr(error, "orig", None)
    lines = str(cause).strip().splitlines() if cause is not None else []
    return f"{type(error).__name__}{': ' + lines[0][:160] if lines else ''}"
