"""Stock splits between a ledger's row and now: which ones count, and whether they explain a quantity break.

A split that the ledger has not entered yet makes 10 @ 500 and 20 @ 250 look like lost positions. It is told as what
it is and halts nothing; but the ledger is wrong, so the comparison is not clean.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from bot.domain.brokerage import plain
from bot.domain.reconciliation import (
    Break,
    BreakKind,
    BrokerPosition,
    Comparison,
    LedgerPosition,
    Thresholds,
    compare,
    judged,
)
from bot.domain.sessions import CLOSES, EXCHANGE, OPENS, session_on
from bot.domain.symbols import canonical


@dataclass(frozen=True)
class Split:
    """`old_rate` units became `new_rate` units before the session of `ex_date` (New York). Rates are above zero."""

    symbol: str
    old_rate: Decimal
    new_rate: Decimal
    ex_date: date

    @property
    def ratio(self) -> str:
        """As people say it: `2:1`, `1:10`, `3:2`."""
        return f"{plain(self.new_rate)}:{plain(self.old_rate)}"

    @property
    def text(self) -> str:
        return f"{self.ratio} on {self.ex_date.isoformat()}"

    def between(self, updated_at: datetime, now: datetime) -> bool:
        """Whether it came after a row was written and has taken effect.

        A row that was written before the session of the day of the split may be from before it; a row that was
        written later has no such excuse.
        """
        opens = session_on(self.ex_date, OPENS, CLOSES).opens
        return updated_at < opens and self.ex_date <= now.astimezone(EXCHANGE).date()


def to_look_up(
    comparison: Comparison, ledger: Sequence[LedgerPosition], broker: Sequence[BrokerPosition]
) -> tuple[tuple[str, ...], date | None]:
    """The broker's symbols of shares whose quantities differ, and the day of the oldest ledger row among them."""
    off = {canonical(item.symbol) for item in comparison.breaks if item.kind is BreakKind.QUANTITY}
    shares = ("", "us_equity")
    symbols = sorted(
        item.symbol for item in broker if canonical(item.symbol) in off and item.asset_class in shares
    )
    asked = {canonical(symbol) for symbol in symbols}
    days = [row.updated_at.astimezone(EXCHANGE).date() for row in ledger if canonical(row.symbol) in asked]
    return tuple(symbols), min(days, default=None)


def explain(
    comparison: Comparison,
    ledger: Sequence[LedgerPosition],
    broker: Sequence[BrokerPosition],
    splits: Iterable[Split],
    thresholds: Thresholds,
    now: datetime,
) -> Comparison:
    """The comparison with each break that splits explain, in quantity and in price, told as such.

    Every row is restated by the splits since it was written, and both sides are compared again. A symbol whose
    price one side does not give is not explained: a quantity alone may fit by chance.
    """
    by_symbol: dict[str, list[Split]] = {}
    for split in splits:
        by_symbol.setdefault(canonical(split.symbol), []).append(split)
    used: dict[str, list[Split]] = {}
    restated = []
    for row in ledger:
        since = [one for one in by_symbol.get(canonical(row.symbol), []) if one.between(row.updated_at, now)]
        if since and row.qty:
            used[canonical(row.symbol)] = sorted(
                {*used.get(canonical(row.symbol), []), *since}, key=lambda one: one.ex_date
            )
        restated.append(_restated(row, since))
    if not used:
        return comparison
    after = {
        canonical(item.symbol)
        for item in compare(restated, broker, thresholds, now).breaks
        if item.kind in (BreakKind.QUANTITY, BreakKind.PRICE)
    }
    prices = {canonical(item.symbol): item.avg_price for item in broker if item.qty}
    unpriced = {canonical(row.symbol) for row in ledger if row.qty and row.avg_price is None}
    explained = {
        canonical(item.symbol)
        for item in comparison.breaks
        if item.kind is BreakKind.QUANTITY
        and canonical(item.symbol) in used
        and canonical(item.symbol) not in after | unpriced
        and prices.get(canonical(item.symbol)) is not None
    }
    breaks: list[Break] = []
    for item in comparison.breaks:
        key = canonical(item.symbol)
        if key not in explained or item.kind is BreakKind.STALE:
            breaks.append(item)
        elif item.kind is BreakKind.QUANTITY:
            breaks.append(_not_entered(item, used[key]))
    return judged(breaks, comparison.counts, thresholds)


def _restated(row: LedgerPosition, splits: Sequence[Split]) -> LedgerPosition:
    qty, price = row.qty, row.avg_price
    for split in splits:
        qty = qty * split.new_rate / split.old_rate
        price = None if price is None else price * split.old_rate / split.new_rate
    return replace(row, qty=qty, avg_price=price)


def _not_entered(item: Break, splits: Sequence[Split]) -> Break:
    told = " and ".join(split.text for split in splits)
    noun = "split" if len(splits) == 1 else "splits"
    ours, theirs = (plain(qty) if qty is not None else "none" for qty in (item.ledger_qty, item.broker_qty))
    text = f"{item.symbol}: {noun} {told} not yet in the ledger (it has {ours}, the broker {theirs})."
    return replace(item, kind=BreakKind.SPLIT, impact=Decimal(0), text=text)
