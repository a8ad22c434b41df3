"""The desk's ledger in a CSV file with a header: symbol, qty, avg_price, updated_at, and account with several."""

import csv
import io
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bot.adapters.bounded import StillRunning, bounded
from bot.adapters.ledgers.rows import MOST_ROWS, needed, positions_of, why_needed
from bot.domain.reconciliation import LedgerPosition
from bot.ports.ledger import LedgerError, LedgerTimeout

MOST_BYTES = 50_000_000


class CsvLedger:
    """`url` is like file:///srv/desk/positions.csv; `timeout` in seconds also holds for a share that hangs.

    A header alone is a ledger without positions. No header at all is an export that failed, and an error.
    """

    def __init__(self, url: str, timeout: float = 5.0, *, by_account: bool = False) -> None:
        self._needed = needed(by_account)
        self._path = Path(unquote(urlsplit(url).path))
        self._timeout = timeout

    def positions(self, *, within: float | None = None) -> tuple[LedgerPosition, ...]:
        limit = self._timeout if within is None else min(within, self._timeout)
        try:
            content = bounded(self._read, limit, "ledger")
        except StillRunning:
            raise LedgerTimeout(f"ledger: {self._path.name} could not be read in {limit:g} s") from None
        except OSError as error:
            raise LedgerError(f"ledger: {self._path.name} could not be read: {error.strerror}") from None
        return positions_of(_rows(content, self._path.name, self._needed))

    def _read(self) -> bytes:
        with self._path.open("rb") as file:
            return file.read(MOST_BYTES + 1)


def _rows(content: bytes, name: str, must: tuple[str, ...]) -> list[dict[str, str | None]]:
    if len(content) > MOST_BYTES:
        raise LedgerError(
            f"ledger: {name} is over {MOST_BYTES // 1_000_000} MB; it must hold open positions only"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise LedgerError(f"ledger: {name} is not UTF-8 text") from None
    if text and not text.endswith("\n"):
        # Whoever writes it has not finished, or died while writing: the last row may be half of itself.
        raise LedgerError(f"ledger: {name} does not end with a line end; it may be cut")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    names = {field.strip().lower(): field for field in reader.fieldnames or ()}
    absent = [column for column in must if column not in names]
    if absent:
        raise LedgerError(
            f"ledger: {name} has no column {', '.join(absent)}; its first line must be {','.join(must)}"
            f"{why_needed(absent)}"
        )
    given = [column for column in needed(True) if column in names]
    found: list[dict[str, str | None]] = []
    try:
        for row in reader:
            if None in row or None in row.values():
                raise LedgerError(
                    f"ledger: {name} line {reader.line_num} has not as many fields as the header"
                )
            found.append({column: row[names[column]].strip() or None for column in given})
            if len(found) > MOST_ROWS:
                raise LedgerError(f"ledger: {name} has more than {MOST_ROWS:,} rows")
    except csv.Error as error:
        raise LedgerError(f"ledger: {name} line {reader.line_num}: {error}") from None
    return found
