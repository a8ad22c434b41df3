"""An account's orders and positions, and what happens to them: fills by price, ends, and their families.

Nothing here checks whether an order is allowed (`entry.py`) or how a cancel misbehaves (`cancels.py`).
"""

import uuid
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot.simulator.broker.assets import Asset
from bot.simulator.broker.holdings import Holding
from bot.simulator.broker.market import Market
from bot.simulator.broker.orders import Order
from bot.simulator.broker.wire import stamp, text

HUNDRED = Decimal(100)
PASSES = 50  # one fill can set off another (an entry arms its legs); this many is far beyond any family


class Book:
    """The state of one account. The caller holds the broker's lock."""

    def __init__(self, market: Market, cash: Decimal) -> None:
        self.market = market
        self.cash = cash
        self.lastday_equity = cash
        self.orders: dict[str, Order] = {}
        self.holdings: dict[str, Holding] = {}
        self.activities: list[dict[str, Any]] = []
        self._sequence = 0
        market.watchers.append(lambda asset: self.match([asset]))

    def next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    def add(self, order: Order) -> None:
        """Enter an order and its legs as they are."""
        for entry in (order, *order.legs):
            self.orders[entry.id] = entry

    def open_orders(self) -> list[Order]:
        return [order for order in self.orders.values() if order.open]

    def equity(self) -> Decimal:
        return self.cash + sum((self.value(held) for held in self.holdings.values()), Decimal(0))

    def value(self, held: Holding) -> Decimal:
        return held.value(self.price_of(held))

    def price_of(self, held: Holding) -> Decimal:
        price = self.market.price(held.asset)
        return held.avg_price if price is None else price

    def held_for_orders(self, asset: Asset, side: str) -> Decimal:
        """Units that open orders of this side speak for; a family (bracket, OCO) counts once."""
        price = self.market.price(asset)
        families: dict[str, Decimal] = {}
        for order in self.open_orders():
            if order.asset.key == asset.key and order.side == side and order.armed:
                root = order.root.id
                families[root] = max(families.get(root, Decimal(0)), order.remaining(price))
        return sum(families.values(), Decimal(0))

    def available(self, held: Holding) -> Decimal:
        """Units of a position that no closing order speaks for, signed like the position."""
        side = "sell" if held.qty > 0 else "buy"
        free = max(Decimal(0), abs(held.qty) - self.held_for_orders(held.asset, side))
        return free if held.qty > 0 else -free

    def match(self, assets: Iterable[Asset] | None = None) -> None:
        """Fill every order that the price allows now; with `assets`, only theirs."""
        keys = None if assets is None else {asset.key for asset in assets}
        for _ in range(PASSES):
            struck = [
                (order, price)
                for order in self.open_orders()
                if (keys is None or order.asset.key in keys)
                and (price := self._fill_price(order)) is not None
            ]
            if not struck:
                return
            for order, price in struck:
                if order.open:  # a sibling's fill may have ended it meanwhile
                    self.fill(order, order.remaining(price), price)

    def fill(self, order: Order, qty: Decimal, price: Decimal) -> None:
        """Fill some or all of an order: position, cash and the fill in the activities."""
        now = self.market.clock()
        left = order.remaining(price)
        if not order.open or qty <= 0 or qty > left:
            raise ValueError(f"cannot fill {qty} of order {order.id}: {order.status}, {left} left")
        held = self.holdings.get(order.asset.key)
        if held is None:
            held = self.holdings[order.asset.key] = Holding(order.asset, Decimal(0), price, price)
        held.trade(order.sign * qty, price)
        if held.qty == 0:
            del self.holdings[order.asset.key]
        self.cash -= order.sign * qty * price * order.asset.multiplier
        paid = (order.filled_avg_price or Decimal(0)) * order.filled_qty + price * qty
        order.filled_qty += qty
        order.filled_avg_price = paid / order.filled_qty
        order.updated_at = now
        whole = qty == left
        if whole:
            order.status, order.filled_at = "filled", now
        elif order.status not in ("pending_cancel", "pending_replace"):
            order.status = "partially_filled"
        self.activities.append(_activity(order, qty, price, now, whole))
        if whole:
            self._after_fill(order)

    def end(self, order: Order, status: str) -> None:
        """Bring an order to `canceled`, `expired` or `rejected`; the rest of its family goes with it."""
        for member in (order, *order.relatives):
            if not member.open:
                continue
            self._close(member, status)

    def _close(self, order: Order, status: str) -> None:
        now = self.market.clock()
        order.status, order.updated_at = status, now
        if status == "canceled":
            order.canceled_at = now
        elif status == "expired":
            order.expired_at = now
        elif status == "rejected":
            order.failed_at = now

    def _after_fill(self, order: Order) -> None:
        is_entry = order.parent is None and order.order_class in ("bracket", "oto")
        if not is_entry:
            for sibling in order.relatives:
                if sibling.open:
                    self._close(sibling, "canceled")
            return
        for leg in order.legs:
            if order.order_class == "oto" or leg.type == "limit":
                leg.status = "new"  # the stop of a bracket stays `held` at Alpaca, and executes all the same

    def _fill_price(self, order: Order) -> Decimal | None:
        """The price at which the order executes now; None when it does not."""
        price = self.market.price(order.asset)
        if price is None or not order.armed or not self.market.is_open(order.asset):
            return None
        if order.time_in_force in ("opg", "cls") or order.remaining(price) <= 0:
            return None
        return price if self._executes(order, price) else None

    def _executes(self, order: Order, price: Decimal) -> bool:
        buys = order.side == "buy"
        if order.type == "trailing_stop":
            return self._trails(order, price, buys)
        if order.type in ("stop", "stop_limit") and not order.triggered:
            stop = order.stop_price
            order.triggered = stop is not None and (price >= stop if buys else price <= stop)
            if not order.triggered:
                return False
        if order.type in ("limit", "stop_limit"):
            limit = order.limit_price
            return limit is not None and (price <= limit if buys else price >= limit)
        return True

    def _trails(self, order: Order, price: Decimal, buys: bool) -> bool:
        mark = price if order.high_water is None else order.high_water
        order.high_water = mark = min(mark, price) if buys else max(mark, price)
        distance = order.trail_price
        if distance is None:
            distance = mark * (order.trail_percent or Decimal(0)) / HUNDRED
        order.stop_price = mark + distance if buys else mark - distance
        return price >= order.stop_price if buys else price <= order.stop_price


def _activity(order: Order, qty: Decimal, price: Decimal, now: datetime, whole: bool) -> dict[str, Any]:
    left = Decimal(0) if order.qty is None else order.qty - order.filled_qty
    return {
        "id": f"{now:%Y%m%d%H%M%S}{now.microsecond // 1000:03d}::{uuid.uuid4()}",
        "activity_type": "FILL",
        "transaction_time": stamp(now),
        "type": "fill" if whole else "partial_fill",
        "price": text(price),
        "qty": text(qty),
        "side": order.side,
        "symbol": order.symbol,
        "leaves_qty": text(left),
        "order_id": order.id,
        "cum_qty": text(order.filled_qty),
        "order_status": "filled" if whole else "partially_filled",
    }
