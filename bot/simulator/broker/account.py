"""One account at the stand-in broker, with the controls that tests and scenarios hold it by.

Controls act at once and need no HTTP; everything a client can do goes over HTTP (`routes.py`).
"""

import secrets
import threading
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.simulator.broker.book import Book
from bot.simulator.broker.cancels import Cancels
from bot.simulator.broker.configuration import DEFAULTS, checked
from bot.simulator.broker.holdings import Holding
from bot.simulator.broker.market import Market
from bot.simulator.broker.orders import STATUSES, Order

Figure = Decimal | int | str


class Account:
    """Cash, orders, positions and configuration behind one key pair. Figures may be Decimal, int or text."""

    def __init__(
        self, name: str, number: str, market: Market, changed: threading.Condition, cash: Decimal
    ) -> None:
        self.name = name
        self.number = number
        self.id = str(uuid.uuid4())
        self.key_id = "PK" + secrets.token_hex(9).upper()
        self.secret = secrets.token_urlsafe(30)
        self.created_at = market.clock()
        self.revoked = False  # true: the key pair is refused, as after it was revoked at the broker
        self.trading_blocked = False
        self.shown_suspended: bool | None = (
            None  # what GET /v2/account says instead of the configuration, if set
        )
        self.book = Book(market, cash)
        self.cancels = Cancels(self.book)
        self._settings: dict[str, Any] = dict(DEFAULTS)
        self._market = market
        self._changed = changed

    def __repr__(self) -> str:
        return f"Account({self.name!r}, {self.number!r})"

    @property
    def orders(self) -> tuple[Order, ...]:
        """All orders ever, oldest first."""
        with self._changed:
            self.settle()
            return tuple(self.book.orders.values())

    @property
    def open_orders(self) -> tuple[Order, ...]:
        return tuple(order for order in self.orders if order.open)

    @property
    def positions(self) -> Mapping[str, Holding]:
        """By symbol as it was traded, e.g. `BTC/USD`."""
        with self._changed:
            self.settle()
            return {held.asset.symbol: held for held in self.book.holdings.values()}

    @property
    def configuration(self) -> Mapping[str, Any]:
        """As the broker holds it; change it with `configure`."""
        with self._changed:
            return dict(self._settings)

    @property
    def suspended(self) -> bool:
        return bool(self._settings["suspend_trade"])

    @property
    def equity(self) -> Decimal:
        with self._changed:
            return self.book.equity()

    @property
    def cancel_latency(self) -> timedelta:
        """How long an order stays `pending_cancel`, by the broker's clock."""
        return self.cancels.latency

    @cancel_latency.setter
    def cancel_latency(self, latency: timedelta) -> None:
        with self._changed:
            self.cancels.latency = latency

    def order(self, order_id: str) -> Order:
        """Raises KeyError for an unknown id."""
        with self._changed:
            self.settle()
            return self.book.orders[order_id]

    def configure(self, **changes: Any) -> None:
        """Change the configuration as at the broker's own page. Raises `Refusal` for wrong values."""
        with self._changed:
            self._settings.update(checked(changes))
            self._changed.notify_all()

    def add_position(
        self, symbol: str, qty: Figure, avg_price: Figure, price: Figure | None = None
    ) -> Holding:
        """Hold this position, instead of any there was; `price` is the market's, else the average."""
        with self._changed:
            average = Decimal(avg_price)
            market_price = average if price is None else Decimal(price)
            asset = self._market.list_asset(symbol, market_price)
            if Decimal(qty) == 0:
                raise ValueError(f"a position of 0 {symbol} is none; use remove_position")
            held = Holding(asset, Decimal(qty), average, market_price)
            self.book.holdings[asset.key] = held
            self.book.lastday_equity = self.book.equity()
            self._changed.notify_all()
            return held

    def remove_position(self, symbol: str) -> None:
        """Take a position away without a trade. Raises KeyError when there is none."""
        with self._changed:
            del self.book.holdings[self._market.list_asset(symbol).key]
            self.book.lastday_equity = self.book.equity()
            self._changed.notify_all()

    def add_order(
        self,
        symbol: str,
        side: str,
        qty: Figure,
        type: str = "limit",
        *,
        limit_price: Figure | None = None,
        stop_price: Figure | None = None,
        trail_percent: Figure | None = None,
        time_in_force: str = "gtc",
        status: str = "new",
        filled_qty: Figure = 0,
        client_order_id: str | None = None,
        submitted_at: datetime | None = None,
    ) -> Order:
        """Enter an order just as given: nothing is checked and nothing executes until the price moves."""
        if status not in STATUSES:
            raise ValueError(f"{status!r} is no order status of Alpaca's")
        with self._changed:
            asset = self._market.list_asset(symbol)
            hint = limit_price if limit_price is not None else stop_price
            if self._market.price(asset) is None and hint is not None:
                self._market.list_asset(symbol, Decimal(hint))
            order = Order(
                id=str(uuid.uuid4()),
                client_order_id=client_order_id or str(uuid.uuid4()),
                asset=asset,
                side=side,
                type=type,
                qty=Decimal(qty),
                submitted_at=submitted_at or self._market.clock(),
                sequence=self.book.next_sequence(),
                time_in_force=time_in_force,
                status=status,
                limit_price=_figure(limit_price),
                stop_price=_figure(stop_price),
                trail_percent=_figure(trail_percent),
                filled_qty=Decimal(filled_qty),
            )
            self.book.add(order)
            self._changed.notify_all()
            return order

    def set_price(self, symbol: str, price: Figure) -> None:
        """Move the market's price, which all accounts share; every order that it reaches executes."""
        with self._changed:
            self._market.move(symbol, Decimal(price))
            self._changed.notify_all()

    def fill(self, order_id: str, qty: Figure | None = None, price: Figure | None = None) -> None:
        """Fill an order, wholly or by `qty`, at `price` or the market's. Raises ValueError if it cannot."""
        with self._changed:
            order = self.book.orders[order_id]
            at = _figure(price) or self._market.price(order.asset) or order.limit_price or order.stop_price
            if at is None:
                raise ValueError(f"no price is known for {order.symbol}; give one")
            self.book.fill(order, order.remaining(at) if qty is None else Decimal(qty), at)
            self._changed.notify_all()

    def reject(self, order_id: str) -> None:
        """The venue rejects an order that had been taken."""
        with self._changed:
            self.book.end(self.book.orders[order_id], "rejected")
            self._changed.notify_all()

    def withdraw(self, order_id: str) -> None:
        """Cancel an order on the spot, past every misbehaviour."""
        with self._changed:
            self.book.end(self.book.orders[order_id], "canceled")
            self._changed.notify_all()

    def stick(self, order_id: str) -> None:
        """Cancels of this order are taken and never come to an end, until `release`."""
        with self._changed:
            self.cancels.stick(self.book.orders[order_id])

    def release(self, order_id: str) -> None:
        with self._changed:
            self.cancels.release(self.book.orders[order_id])
            self._changed.notify_all()

    def refuse(
        self, order_id: str, status: int = 500, message: str | None = None, times: int | None = None
    ) -> None:
        """Cancels of this order are answered with `status` (500 or 422), always or `times` times."""
        words = message or ("internal server error" if status >= 500 else "order is not cancelable")
        with self._changed:
            self.cancels.refuse(self.book.orders[order_id], status, words, times)

    def accept(self, order_id: str) -> None:
        """End a `refuse`."""
        with self._changed:
            self.cancels.accept(self.book.orders[order_id])

    def fill_on_cancel(self, order_id: str) -> None:
        """The next cancel of this order is accepted, but the order fills first."""
        with self._changed:
            self.cancels.fill_instead(self.book.orders[order_id])

    def settle(self) -> None:
        """Let passed time take effect: cancels come to an end, a market that opened fills what waited."""
        self.cancels.settle()
        waiting = [order.asset for order in self.book.open_orders() if order.status == "accepted"]
        if waiting:
            self.book.match(waiting)


def _figure(value: Figure | None) -> Decimal | None:
    return None if value is None else Decimal(value)
