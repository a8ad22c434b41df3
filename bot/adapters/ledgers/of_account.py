"""One account's part of the desk's ledger: rows of other accounts are left out, and none is left out by mistake."""

from collections.abc import Sequence

from bot.domain.reconciliation import LedgerPosition
from bot.ports.ledger import Ledger, LedgerError


class AccountLedger:
    """The rows of `account` in `ledger`, which holds those of all `accounts` (their names in haltdesk.toml).

    A row that names none belongs to the only account there is; with several, nobody knows whose it is, and held against
    the wrong account it would be a break that halts.
    """

    def __init__(self, ledger: Ledger, account: str, accounts: Sequence[str]) -> None:
        self._ledger, self._account, self._accounts = ledger, account, tuple(accounts)

    def positions(self, *, within: float | None = None) -> tuple[LedgerPosition, ...]:
        rows = self._ledger.positions(within=within)
        for place, row in enumerate(rows, start=1):
            self._check(f"ledger row {place} ({row.symbol[:40]})", row)
        return tuple(row for row in rows if row.account in (None, self._account))

    def _check(self, where: str, row: LedgerPosition) -> None:
        known = ", ".join(self._accounts)
        if row.account is None and len(self._accounts) > 1:
            raise LedgerError(
                f"{where}: it names no account, and there are several; its column account must hold one of: {known}"
            )
        if row.account is not None and row.account not in self._accounts:
            raise LedgerError(
                f"{where}: no account is named {row.account[:60]!r}; its column account must hold a name from "
                f"haltdesk.toml: {known}"
            )
