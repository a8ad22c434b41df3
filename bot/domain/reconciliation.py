"""Compare the desk's own positions with the broker's: breaks, their money, the severity, and whether to halt.

Source: `design.md` (Reconcile) and MiFID II RTS 6, Art. 17. Pure: both sides are given, and so is the time.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from bot.domain.brokerage import Position as BrokerPosition
from bot.domain.brokerage import plain
from bot.domain.symbols import canonical, collisions
from bot.domain.words import Severity

__all__ = [
    "BadPosition",
    "Break",
    "BreakKind",
    "BrokerPosition",
    "Comparison",
    "LedgerPosition",
    "Thresholds",
    "compare",
    "judged",
]

OPTION = re.compile(r"[A-Z]{1,6}\d{6}[CP]\d{8}")
OPTION_MULTIPLIER = Decimal(100)  # shares a standard contract stands for
CENT = Decimal("0.01")


class BadPosition(ValueError):
    """A position that cannot be compared: it fails the comparison, it is never left out."""


class BreakKind(StrEnum):
    MISSING_AT_BROKER = "missing at broker"
    MISSING_IN_LEDGER = "missing in ledger"
    QUANTITY = "quantity mismatch"
    PRICE = "price mismatch"
    STALE = "stale position"
    SPLIT = "split not in the ledger"  # made by bot.domain.splits from a quantity break


@dataclass(frozen=True)
class LedgerPosition:
    """A row of the desk's ledger. `qty` is signed; `avg_price` None means that the ledger gives none.

    `account`: the name of the account that it belongs to; None when the ledger does not say.
    """

    symbol: str
    qty: Decimal
    avg_price: Decimal | None
    updated_at: datetime
    account: str | None = None

    def __post_init__(self) -> None:
        if not self.symbol.strip():
            raise BadPosition("a ledger row has no symbol")
        if not self.qty.is_finite():
            raise BadPosition(f"ledger row {self.symbol}: the quantity {self.qty} is no number")
        if self.avg_price is not None and not self.avg_price.is_finite():
            raise BadPosition(f"ledger row {self.symbol}: the average price {self.avg_price} is no number")
        if self.updated_at.tzinfo is None:
            raise BadPosition(
                f"ledger row {self.symbol}: updated_at {self.updated_at} has no time zone; "
                "give it with its offset, e.g. 2026-11-22T10:04:00+00:00"
            )


@dataclass(frozen=True)
class Thresholds:
    """The desk's limits. A difference at a tolerance is none; severity and halt begin above the limits."""

    stale_after: timedelta = timedelta(hours=24)
    price_tolerance: Decimal = Decimal("0.01")  # a share of the broker's price
    qty_tolerance: Decimal = Decimal("0.000001")  # in units
    impact_limit: Decimal = Decimal(1000)  # money, over all breaks
    missing_limit: int = 3  # positions missing on either side
    qty_percent: Decimal = Decimal(10)  # of the broker's quantity


@dataclass(frozen=True)
class Break:
    """One difference. `impact` is money, never negative; None when no price was known on either side."""

    kind: BreakKind
    symbol: str
    ledger_qty: Decimal | None
    broker_qty: Decimal | None
    impact: Decimal | None
    text: str


@dataclass(frozen=True)
class Counts:
    """Positions compared: those that are not zero, one a symbol."""

    ledger: int
    broker: int
    matched: int


@dataclass(frozen=True)
class Comparison:
    """`reasons` say why it is SEV-1; `halt` is true exactly when there is one. Clean: no break at all."""

    breaks: tuple[Break, ...]
    counts: Counts
    impact: Decimal
    severity: Severity | None
    halt: bool
    reasons: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not self.breaks


def compare(
    ledger: Iterable[LedgerPosition],
    broker: Iterable[BrokerPosition],
    thresholds: Thresholds,
    now: datetime,
) -> Comparison:
    """Compare symbol by symbol. Raises `BadPosition` for what cannot be compared.

    Ledger rows of one symbol (say one a strategy) are one position: quantities summed, price weighted by
    quantity while all have the same sign and a price (else not compared), as old as the oldest row. Zero is
    no position.
    """
    ours, theirs = _ledger_by_symbol(ledger), _broker_by_symbol(broker)
    breaks: list[Break] = []
    matched = 0
    for key in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(key), theirs.get(key)
        if mine is None and other is not None:
            breaks.append(_missing_in_ledger(other))
        elif mine is not None and other is None:
            breaks.append(_missing_at_broker(mine))
        elif mine is not None and other is not None:
            found = [*_quantity(mine, other, thresholds), *_price(mine, other, thresholds)]
            matched += not found
            breaks.extend(found)
        if mine is not None:
            breaks.extend(_stale(mine, other, thresholds, now))
    return judged(breaks, Counts(len(ours), len(theirs), matched), thresholds)


def judged(breaks: list[Break], counts: Counts, thresholds: Thresholds) -> Comparison:
    """What the desk's thresholds make of these breaks."""
    impact = sum((item.impact for item in breaks if item.impact is not None), Decimal(0)).quantize(CENT)
    reasons = _reasons(breaks, impact, thresholds)
    return Comparison(
        breaks=tuple(breaks),
        counts=counts,
        impact=impact,
        severity=_severity(breaks, reasons),
        halt=bool(reasons),
        reasons=reasons,
    )


def _ledger_by_symbol(rows: Iterable[LedgerPosition]) -> dict[str, LedgerPosition]:
    groups: dict[str, list[LedgerPosition]] = {}
    for row in rows:
        groups.setdefault(canonical(row.symbol), []).append(row)
    merged = {key: _merged([row for row in group if row.qty] or group) for key, group in groups.items()}
    return {key: row for key, row in merged.items() if row.qty}


def _merged(rows: list[LedgerPosition]) -> LedgerPosition:
    if len(rows) == 1:
        return rows[0]
    qty = sum((row.qty for row in rows), Decimal(0))
    one_way = len({row.qty > 0 for row in rows}) == 1
    price: Decimal | None = None
    if one_way and qty and all(row.avg_price is not None for row in rows):
        price = sum((row.qty * row.avg_price for row in rows if row.avg_price is not None), Decimal(0)) / qty
    return LedgerPosition(rows[0].symbol, qty, price, min(row.updated_at for row in rows))


def _broker_by_symbol(positions: Iterable[BrokerPosition]) -> dict[str, BrokerPosition]:
    held = [position for position in positions if position.qty]
    for names in collisions(position.symbol for position in held).values():
        raise BadPosition(f"the broker's symbols {' and '.join(names)} cannot be told apart")
    by_symbol: dict[str, BrokerPosition] = {}
    for position in held:
        key = canonical(position.symbol)
        if key in by_symbol:
            raise BadPosition(f"the broker listed {position.symbol} twice")
        by_symbol[key] = position
    return by_symbol


def _worth(symbol: str, qty: Decimal, price: Decimal | None) -> Decimal | None:
    """Money of so many units: a quantity of an option is in contracts."""
    if price is None:
        return None
    multiplier = OPTION_MULTIPLIER if OPTION.fullmatch(canonical(symbol)) else Decimal(1)
    return (abs(qty) * abs(price) * multiplier).quantize(CENT)


def _missing_at_broker(mine: LedgerPosition) -> Break:
    impact = _worth(mine.symbol, mine.qty, mine.avg_price)
    text = f"{mine.symbol}: the ledger has {plain(mine.qty)}, the broker has none ({_money(impact)})."
    return Break(BreakKind.MISSING_AT_BROKER, mine.symbol, mine.qty, None, impact, text)


def _missing_in_ledger(other: BrokerPosition) -> Break:
    if other.market_value is not None:
        impact: Decimal | None = abs(other.market_value).quantize(CENT)
    else:
        impact = _worth(other.symbol, other.qty, _broker_price(other))
    text = f"{other.symbol}: the broker has {plain(other.qty)}, the ledger has none ({_money(impact)})."
    return Break(BreakKind.MISSING_IN_LEDGER, other.symbol, None, other.qty, impact, text)


def _quantity(mine: LedgerPosition, other: BrokerPosition, thresholds: Thresholds) -> list[Break]:
    difference = mine.qty - other.qty
    if abs(difference) <= thresholds.qty_tolerance:
        return []
    price = _broker_price(other)
    impact = _worth(mine.symbol, difference, price if price is not None else mine.avg_price)
    text = (
        f"{mine.symbol}: the ledger has {plain(mine.qty)}, the broker {plain(other.qty)}, "
        f"off by {plain(abs(difference))} ({_money(impact)})."
    )
    return [Break(BreakKind.QUANTITY, mine.symbol, mine.qty, other.qty, impact, text)]


def _price(mine: LedgerPosition, other: BrokerPosition, thresholds: Thresholds) -> list[Break]:
    if mine.avg_price is None or other.avg_price is None:
        return []
    difference = abs(mine.avg_price - other.avg_price)
    if difference <= abs(other.avg_price) * thresholds.price_tolerance:
        return []
    impact = _worth(mine.symbol, min(abs(mine.qty), abs(other.qty)), difference)
    text = (
        f"{mine.symbol}: average price {plain(mine.avg_price)} in the ledger, {plain(other.avg_price)} "
        f"at the broker ({_money(impact)})."
    )
    return [Break(BreakKind.PRICE, mine.symbol, mine.qty, other.qty, impact, text)]


def _stale(
    mine: LedgerPosition, other: BrokerPosition | None, thresholds: Thresholds, now: datetime
) -> list[Break]:
    age = now - mine.updated_at
    if age <= thresholds.stale_after:
        return []
    limit = plain(Decimal(str(thresholds.stale_after.total_seconds() / 3600)))
    text = f"{mine.symbol}: the ledger's row was last updated {age // timedelta(hours=1)} h ago (limit {limit} h)."
    qty = other.qty if other is not None else None
    return [Break(BreakKind.STALE, mine.symbol, mine.qty, qty, Decimal(0), text)]


def _reasons(breaks: list[Break], impact: Decimal, thresholds: Thresholds) -> tuple[str, ...]:
    at_broker = [item.symbol for item in breaks if item.kind is BreakKind.MISSING_AT_BROKER]
    missing = len(at_broker) + sum(item.kind is BreakKind.MISSING_IN_LEDGER for item in breaks)
    reasons: list[str] = []
    if at_broker:
        reasons.append(f"{_few(at_broker)} missing at the broker")
    if missing >= thresholds.missing_limit:
        reasons.append(f"{missing} positions missing on one side (limit {thresholds.missing_limit})")
    if off := [one.symbol for one in breaks if one.kind is BreakKind.QUANTITY and _far_off(one, thresholds)]:
        reasons.append(f"quantity off by more than {plain(thresholds.qty_percent)} %: {_few(off)}")
    if impact > thresholds.impact_limit:
        reasons.append(f"impact {_money(impact)} over {_money(thresholds.impact_limit)}")
    if unvalued := [item.symbol for item in breaks if item.impact is None]:
        reasons.append(f"impact not known, no price on either side: {_few(unvalued)}")
    return tuple(reasons)


def _far_off(item: Break, thresholds: Thresholds) -> bool:
    if item.ledger_qty is None or item.broker_qty is None:
        return False
    return abs(item.ledger_qty - item.broker_qty) * 100 > abs(item.broker_qty) * thresholds.qty_percent


def _severity(breaks: list[Break], reasons: tuple[str, ...]) -> Severity | None:
    """SEV-1 with a reason; stale rows and splits to be entered alone are SEV-3; any other break is SEV-2."""
    if reasons:
        return Severity.SEV1
    if not breaks:
        return None
    small = all(item.kind in (BreakKind.STALE, BreakKind.SPLIT) for item in breaks)
    return Severity.SEV3 if small else Severity.SEV2


def _broker_price(other: BrokerPosition) -> Decimal | None:
    return other.market_price if other.market_price is not None else other.avg_price


def _money(amount: Decimal | None) -> str:
    return "value not known" if amount is None else f"${amount:,.2f}"


def _few(symbols: list[str]) -> str:
    return ", ".join(symbols[:5]) + (f" and {len(symbols) - 5} more" if len(symbols) > 5 else "")
