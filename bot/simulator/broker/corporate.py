"""Corporate actions at the stand-in broker: splits, what they do to positions and prices, and how they are asked for.

`GET /v1/corporate-actions` as Alpaca's market data API answers it: grouped by type, in pages, by processing date.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from bot.simulator.broker.assets import key_of
from bot.simulator.broker.listing import page_size
from bot.simulator.broker.market import Market
from bot.simulator.broker.wire import invalid, moment

LARGEST_PAGE = 1000


@dataclass(frozen=True)
class SplitRecord:
    """`old_rate` shares became `new_rate` on `ex_date`, which is the day of processing too."""

    symbol: str
    old_rate: Decimal
    new_rate: Decimal
    ex_date: date

    @property
    def factor(self) -> Decimal:
        return self.new_rate / self.old_rate

    @property
    def type(self) -> str:
        return "forward_split" if self.factor > 1 else "reverse_split"

    def to_json(self) -> dict[str, Any]:
        cusips = {"cusip": "000000000"}
        if self.type == "reverse_split":
            cusips = {"old_cusip": "000000000", "new_cusip": "000000001"}
        return {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.symbol}/{self.ex_date}")),
            "symbol": self.symbol,
            **cusips,
            "old_rate": _rate(self.old_rate),
            "new_rate": _rate(self.new_rate),
            "process_date": self.ex_date.isoformat(),
            "ex_date": self.ex_date.isoformat(),
            "record_date": self.ex_date.isoformat(),
            "payable_date": self.ex_date.isoformat(),
        }


def _rate(rate: Decimal) -> int | float:
    return int(rate) if rate == rate.to_integral_value() else float(rate)


def listed(market: Market, query: Mapping[str, str]) -> dict[str, Any]:
    """One page of the splits asked for. Raises `Refusal` (422) for a query that makes no sense."""
    symbols = {key_of(symbol) for symbol in (query.get("symbols") or "").split(",") if symbol}
    types = {word for word in (query.get("types") or "").split(",") if word}
    today = market.clock().date()
    first, last = _day("start", query, today), _day("end", query, today)
    if first > last:
        raise invalid("end should not be before start")
    found = [
        split
        for split in sorted(market.splits, key=lambda one: (one.ex_date, one.symbol))
        if (not symbols or key_of(split.symbol) in symbols)
        and (not types or split.type in types)
        and first <= split.ex_date <= last
    ]
    size = page_size("limit", query.get("limit"), 100, LARGEST_PAGE)
    token = query.get("page_token") or "0"
    if not token.isdecimal():
        raise invalid("invalid page_token")
    begins = int(token)
    groups: dict[str, list[dict[str, Any]]] = {}
    for split in found[begins : begins + size]:
        groups.setdefault(f"{split.type}s", []).append(split.to_json())
    more = begins + size < len(found)
    return {"corporate_actions": groups, "next_page_token": str(begins + size) if more else None}


def _day(name: str, query: Mapping[str, str], usual: date) -> date:
    value = moment(name, query.get(name))
    return usual if value is None else value.date()
