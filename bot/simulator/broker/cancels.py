"""How cancels behave, and misbehave when told to: stuck, refused, overtaken by a fill."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bot.simulator.broker.book import Book
from bot.simulator.broker.orders import ENDED, PENDING, Order
from bot.simulator.broker.wire import Refusal


@dataclass
class Refused:
    """A broker that refuses to cancel one order. `times` None: always."""

    status: int
    message: str
    times: int | None


class Cancels:
    """A cancel is a request: `pending_cancel` first, `canceled` after `latency` of the broker's clock."""

    def __init__(self, book: Book) -> None:
        self.latency = timedelta(0)
        self._book = book
        self._stuck: set[str] = set()
        self._refused: dict[str, Refused] = {}
        self._overtaken: set[str] = set()

    def stick(self, order: Order) -> None:
        self._stuck.add(order.id)

    def release(self, order: Order) -> None:
        """Let a stuck order go: canceled at once if that was asked, else an ordinary order again."""
        self._stuck.discard(order.id)
        if order.status == "pending_cancel":
            self._book.end(order, "canceled")

    def refuse(self, order: Order, status: int, message: str, times: int | None) -> None:
        self._refused[order.id] = Refused(status, message, times)

    def accept(self, order: Order) -> None:
        self._refused.pop(order.id, None)

    def fill_instead(self, order: Order) -> None:
        self._overtaken.add(order.id)

    def ask(self, order: Order) -> None:
        """One cancel request. Raises `Refusal` when the broker does not take it."""
        if order.status in ENDED or order.status in PENDING:
            raise Refusal(422, 42210000, f'order is already in "{order.status}" state')
        self._refuse_if_told(order)
        if order.id in self._overtaken:
            self._overtaken.discard(order.id)
            price = (
                self._book.market.price(order.asset) or order.limit_price or order.stop_price or Decimal(1)
            )
            self._book.fill(order, order.remaining(price), price)
            return
        order.status = "pending_cancel"
        order.cancel_asked_at = order.updated_at = self._book.market.clock()
        self._settle(order, order.updated_at)

    def settle(self) -> None:
        """End the orders whose time has come."""
        now = self._book.market.clock()
        for order in self._book.open_orders():
            self._settle(order, now)

    def _settle(self, order: Order, now: datetime) -> None:
        asked = order.cancel_asked_at
        if order.status != "pending_cancel" or asked is None or order.id in self._stuck:
            return
        if now - asked >= self.latency:
            self._book.end(order, "canceled")

    def _refuse_if_told(self, order: Order) -> None:
        refused = self._refused.get(order.id)
        if refused is None:
            return
        if refused.times is not None:
            refused.times -= 1
            if refused.times <= 0:
                del self._refused[order.id]
        raise Refusal(refused.status, refused.status * 100000 + 10000, refused.message)
