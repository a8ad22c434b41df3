"""Rows of a ledger, wherever they come from, as positions: every row is read, or the reading fails and names it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from bot.domain.reconciliation import BadPosition, LedgerPosition
from bot.ports.ledger import LedgerError

COLUMNS = ("symbol", "qty", "avg_price", "updated_at")
ACCOUNT = "account"  # the account's name in haltdesk.toml; only with several accounts must it be there
MOST_ROWS = 100_000


def positions_of(rows: Sequence[Mapping[str, Any]]) -> tuple[LedgerPosition, ...]:
    """Each row has the keys of COLUMNS, and may have ACCOUNT. One that cannot be read is a `LedgerError` naming it."""
    return tuple(_position(place, row) for place, row in enumerate(rows, start=1))


def needed(by_account: bool) -> tuple[str, ...]:
    """The columns that must be there. `by_account`: the rows are of several accounts, and must name theirs."""
    return (*COLUMNS, ACCOUNT) if by_account else COLUMNS


def why_needed(absent: Sequence[str]) -> str:
    """What to add to an error that names `absent` columns."""
    if ACCOUNT not in absent:
        return ""
    return " (there are several accounts: each row must name its own, as haltdesk.toml does)"


def _position(place: int, row: Mapping[str, Any]) -> LedgerPosition:
    symbol = row["symbol"]
    if not isinstance(symbol, str) or not symbol.strip():
        raise LedgerError(f"ledger row {place}: no symbol")
    where = f"ledger row {place} ({symbol.strip()[:40]})"
    qty = _number(where, "qty", row["qty"])
    if qty is None:
        raise LedgerError(f"{where}: qty is empty")
    try:
        return LedgerPosition(
            symbol.strip(),
            qty,
            _number(where, "avg_price", row["avg_price"]),
            _moment(where, row["updated_at"]),
            _account(row.get(ACCOUNT)),
        )
    except BadPosition as error:
        raise LedgerError(f"{where}: {error}") from None


def _account(raw: Any) -> str | None:
    return (str(raw).strip() or None) if raw is not None else None


def _number(where: str, column: str, raw: Any) -> Decimal | None:
    if raw is None:
        return None
    try:
        value = Decimal(str(raw).strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if isinstance(raw, bool) or not value.is_finite():
        raise LedgerError(f"{where}: {column} is {str(raw)[:40]!r}, which is no number")
    return value


def _moment(where: str, raw: Any) -> datetime:
    if isinstance(raw, datetime):
        return raw
    if isinstance(raw, str):
        try:
            return datetime.fromisoformat(raw.strip())
        except ValueError:
            pass
    raise LedgerError(f"{where}: updated_at is {str(raw)[:40]!r}, which is no time")
