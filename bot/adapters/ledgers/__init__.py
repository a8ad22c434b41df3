"""The desk's ledger: a database, a CSV file or an HTTP address, as LEDGER_URL says."""

from bot.adapters.ledgers.csv_file import CsvLedger
from bot.adapters.ledgers.http import HttpLedger
from bot.adapters.ledgers.sql import SqlLedger
from bot.ports.ledger import Ledger

__all__ = ["CsvLedger", "HttpLedger", "SqlLedger", "open_ledger"]


def open_ledger(url: str, query: str, token: str | None = None) -> Ledger:
    """`file:` is a CSV file, `http:` and `https:` answer JSON, everything else is a database. Reads nothing yet."""
    scheme = url.partition(":")[0].lower()
    if scheme == "file":
        return CsvLedger(url)
    if scheme in ("http", "https"):
        return HttpLedger(url, token)
    return SqlLedger(url, query)
