"""What a broker reports, as values: account, orders, positions, replies. Unknown words are kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

Configuration = Mapping[str, Any]
"""The account configuration as the broker gave it, unknown fields included."""


@dataclass(frozen=True)
class AccountReading:
    """The account as the broker described it. None: the answer did not hold that field in a readable form."""

    number: str | None = None
    status: str | None = None
    equity: Decimal | None = None
    suspended_by_user: bool | None = None  # `trade_suspended_by_user`
    trading_blocked: bool | None = None


@dataclass(frozen=True)
class OpenOrder:
    """An order that the broker lists as open. `status`, `side` and `type` are the broker's words."""

    id: str
    symbol: str
    side: str
    qty: Decimal | None
    status: str
    type: str = ""
    filled_qty: Decimal = Decimal(0)
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    order_class: str = ""
    submitted_at: datetime | None = None
    updated_at: datetime | None = None
    filled_at: datetime | None = None

    @property
    def moved_at(self) -> datetime | None:
        """When anything happened to it last, by the broker's clock; None when it does not say."""
        return max((at for at in (self.submitted_at, self.updated_at, self.filled_at) if at), default=None)

    @property
    def quantity_text(self) -> str:
        """How much, for people: the quantity, or the money amount of an order that was placed by amount."""
        if self.qty is not None:
            return plain(self.qty)
        if self.notional is not None:
            return f"${plain(self.notional)}"
        return "unknown"

    @property
    def text(self) -> str:
        """One line: `MSFT sell stop 5 @ 380`."""
        words = [self.symbol, self.side, self.type.replace("_", " "), self.quantity_text]
        price = self.stop_price if self.stop_price is not None else self.limit_price
        if price is not None:
            words.append(f"@ {plain(price)}")
        elif self.trail_percent is not None:
            words.append(f"trailing {plain(self.trail_percent)} %")
        elif self.trail_price is not None:
            words.append(f"trailing {plain(self.trail_price)}")
        return " ".join(word for word in words if word)


@dataclass(frozen=True)
class Fill:
    """One execution, whole or partial. `at` by the broker's clock."""

    symbol: str
    side: str
    at: datetime


@dataclass(frozen=True)
class OrderListing:
    """Open orders. `complete` is false when these may not be all; `note` then says why."""

    orders: tuple[OpenOrder, ...]
    complete: bool
    note: str = ""

    @property
    def empty(self) -> bool:
        """True only when the broker has shown that nothing is open."""
        return self.complete and not self.orders


@dataclass(frozen=True)
class Position:
    """A position at the broker. `qty` is signed (short is negative) and may be fractional."""

    symbol: str
    qty: Decimal
    avg_price: Decimal | None = None
    market_price: Decimal | None = None
    market_value: Decimal | None = None
    asset_class: str = ""


@dataclass(frozen=True)
class CancelReply:
    """The broker's answer to one cancel. Accepted never means that the order is gone."""

    order_id: str
    status: int | None
    message: str = ""

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def last_word(self) -> str:
        if self.accepted:
            return "cancel accepted"
        if self.status is None:
            return "no readable answer to the cancel"
        detail = f": {self.message}" if self.message else ""
        if self.status >= 500:
            return f"broker error {self.status}{detail}"
        return f"refused ({self.status}){detail}"


@dataclass(frozen=True)
class MarketClock:
    """The exchange's clock as the broker gives it."""

    is_open: bool
    at: datetime | None = None
    next_open: datetime | None = None
    next_close: datetime | None = None


def plain(number: Decimal) -> str:
    """A Decimal as people write it: no exponent, no trailing zeros (`380`, `0.25`, `-3`)."""
    if not number.is_finite():
        return str(number)
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
