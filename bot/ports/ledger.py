"""What the core asks of the desk's own ledger: all of its positions, or an error that says why not."""

from typing import Protocol

from bot.domain.reconciliation import LedgerPosition

__all__ = ["Ledger", "LedgerError", "LedgerPosition", "LedgerTimeout"]


class LedgerError(Exception):
    """The ledger did not give its positions: `ledger: <what happened>`. Never holds a password."""


class LedgerTimeout(LedgerError):
    """The ledger did not answer in time."""


class Ledger(Protocol):
    """The desk's own record of its positions: SQL today; a CSV file or an HTTP address have the same shape."""

    def positions(self, *, within: float | None = None) -> tuple[LedgerPosition, ...]:
        """Every row, in at most `within` seconds (or its limit). Raises `LedgerError` only."""
