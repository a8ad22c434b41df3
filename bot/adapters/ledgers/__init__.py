"""The desk's ledger: a database, a CSV file or an HTTP address, as LEDGER_URL says; each account has its part of it."""

from collections.abc import Mapping, Sequence

from bot.adapters.ledgers.csv_file import CsvLedger
from bot.adapters.ledgers.http import HttpLedger
from bot.adapters.ledgers.of_account import AccountLedger
from bot.adapters.ledgers.sql import SqlLedger
from bot.ports.ledger import Ledger

__all__ = ["AccountLedger", "CsvLedger", "HttpLedger", "SqlLedger", "open_ledger", "open_ledgers"]


def open_ledger(url: str, query: str, token: str | None = None, *, by_account: bool = False) -> Ledger:
    """`file:` is a CSV file, `http:` and `https:` answer JSON, everything else is a database. Reads nothing yet.

    `by_account`: its rows are of several accounts, and must name theirs.
    """
    scheme = url.partition(":")[0].lower()
    if scheme == "file":
        return CsvLedger(url, by_account=by_account)
    if scheme in ("http", "https"):
        return HttpLedger(url, token, by_account=by_account)
    return SqlLedger(url, query, by_account=by_account)


def open_ledgers(url: str, query: str, token: str | None, accounts: Sequence[str]) -> Mapping[str, Ledger]:
    """The ledger of each account by its name: the part of the one ledger that is its own."""
    whole = open_ledger(url, query, token, by_account=len(accounts) > 1)
    return {name: AccountLedger(whole, name, accounts) for name in accounts}
