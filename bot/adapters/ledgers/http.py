"""The desk's ledger behind an HTTP address that answers JSON: a list of positions, or {"positions": [...]}."""

import json
from decimal import Decimal
from typing import Any

import requests

from bot.adapters.bounded import StillRunning, bounded
from bot.adapters.ledgers.rows import MOST_ROWS, needed, positions_of, why_needed
from bot.domain.reconciliation import LedgerPosition
from bot.ports.ledger import LedgerError, LedgerTimeout

MOST_BYTES = 50_000_000
CHUNK = 65_536


class HttpLedger:
    """Each position has symbol, qty, avg_price and updated_at, and may have account (`by_account`: must).

    `token` goes as bearer. Redirects are refused.
    """

    def __init__(
        self, url: str, token: str | None = None, timeout: float = 5.0, *, by_account: bool = False
    ) -> None:
        self._url, self._timeout, self._needed = url, timeout, needed(by_account)
        self._headers = {"Accept": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

    def positions(self, *, within: float | None = None) -> tuple[LedgerPosition, ...]:
        limit = self._timeout if within is None else min(within, self._timeout)
        try:
            content = bounded(lambda: self._ask(limit), limit, "ledger")
        except StillRunning:
            raise LedgerTimeout(f"ledger did not answer in {limit:g} s") from None
        return positions_of(_rows(content, self._needed))

    def _ask(self, limit: float) -> bytes:
        try:
            with requests.get(
                self._url, headers=self._headers, timeout=limit, allow_redirects=False, stream=True
            ) as answer:
                if answer.status_code != 200:
                    raise LedgerError(f"ledger: it answered {answer.status_code} where 200 was asked for")
                content = b""
                for chunk in answer.iter_content(CHUNK):
                    content += chunk
                    if len(content) > MOST_BYTES:
                        raise LedgerError(f"ledger: the answer is over {MOST_BYTES // 1_000_000} MB")
                return content
        except requests.Timeout:
            raise LedgerTimeout(f"ledger did not answer in {limit:g} s") from None
        except requests.RequestException as error:
            # The error's own text holds the address, and an address may hold a password.
            raise LedgerError(f"ledger could not be asked: {type(error).__name__}") from None


def _rows(content: bytes, must: tuple[str, ...]) -> list[dict[str, Any]]:
    try:
        body = json.loads(content, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise LedgerError("ledger: the answer is not JSON") from None
    rows = body.get("positions") if isinstance(body, dict) else body
    if not isinstance(rows, list):
        raise LedgerError('ledger: the answer must be a list of positions, or {"positions": [...]}')
    if len(rows) > MOST_ROWS:
        raise LedgerError(f"ledger: more than {MOST_ROWS:,} rows")
    for place, row in enumerate(rows, start=1):
        absent = [column for column in must if not isinstance(row, dict) or column not in row]
        if absent:
            raise LedgerError(f"ledger row {place}: no {', '.join(absent)}{why_needed(absent)}")
    return rows
