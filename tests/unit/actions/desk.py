"""A desk in memory for the actions' tests: an account that can misbehave, a clock moved by hand."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.domain.actions import ActionRequest
from bot.domain.reconciliation import LedgerPosition
from bot.domain.words import ActionKind, StepStatus
from bot.ports.broker import (
    AccountReading,
    BrokerError,
    CancelReply,
    Fill,
    MarketClock,
    OpenOrder,
    OrderListing,
    Position,
    Split,
)
from bot.ports.ledger import Ledger
from bot.services.actions.tools import ActionTools

TEN = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


class HandTime:
    """Time that passes only when someone waits; `at` runs something once that many seconds have passed."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.stop = False
        self._planned: list[tuple[float, Callable[[], None]]] = []

    def now(self) -> datetime:
        return TEN + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> bool:
        self.seconds += seconds
        due = [call for when, call in self._planned if when <= self.seconds]
        self._planned = [(when, call) for when, call in self._planned if when > self.seconds]
        for call in due:
            call()
        return self.stop

    def at(self, seconds: float, call: Callable[[], None]) -> None:
        self._planned.append((seconds, call))


class Notebook:
    """The record in memory: every write in order."""

    def __init__(self) -> None:
        self.written: list[tuple[str, StepStatus, str]] = []

    def step(
        self, name: str, status: StepStatus, summary: str, evidence: Mapping[str, Any] | None = None
    ) -> None:
        assert "\n" not in summary
        self.written.append((name, status, summary))

    def last(self, name: str) -> tuple[StepStatus, str]:
        return [(status, summary) for step, status, summary in self.written if step == name][-1]

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys(name for name, _, _ in self.written))


class Account:
    """An account that keeps the broker's rules in memory. `fail(call, error, times)` breaks a call."""

    account = "paper"
    paper = True
    how_to_revoke = "sign in at the broker's dashboard and delete the key"

    def __init__(self) -> None:
        self.orders: dict[str, OpenOrder] = {}
        self.ended: dict[str, OpenOrder] = {}
        self.held: dict[str, Position] = {}
        self.configuration: dict[str, Any] = {"suspend_trade": False, "no_shorting": False}
        self.flag_follows = True  # whether the account's own flag follows the setting
        self.stuck: set[str] = set()  # accepted, then pending_cancel for ever
        self.refusing: dict[str, int] = {}  # order id -> status
        self.partial = False  # the listing says that it may not be complete
        self.on_cancel_all: list[Callable[[], None]] = []  # what happens right after a cancel-all, once each
        self.splits: list[Split] = []
        self.calls: list[str] = []
        self._faults: dict[str, list[BrokerError]] = {}
        self._lock = threading.RLock()

    # The story

    def open(self, count: int = 1, symbol: str = "AAPL", **fields: Any) -> list[str]:
        ids = []
        for _ in range(count):
            order_id = f"order-{len(self.orders) + len(self.ended) + 1}"
            defaults: dict[str, Any] = {"side": "buy", "qty": Decimal(10), "status": "new", "type": "limit"}
            self.orders[order_id] = OpenOrder(order_id, symbol, **{**defaults, **fields})
            ids.append(order_id)
        return ids

    def hold(self, symbol: str, qty: str, price: str = "100", **fields: Any) -> None:
        self.held[symbol] = Position(symbol, Decimal(qty), Decimal(price), Decimal(price), **fields)

    def fail(self, call: str, error: BrokerError, times: int = 1000) -> None:
        self._faults.setdefault(call, []).extend([error] * times)

    def mend(self) -> None:
        self._faults.clear()

    def let_go(self, *order_ids: str) -> None:
        for order_id in order_ids:
            self.stuck.discard(order_id)
            self.refusing.pop(order_id, None)
            self.ended[order_id] = self.orders.pop(order_id)

    # The port

    def read_account(self, *, within: float | None = None) -> AccountReading:
        self._called("read_account")
        shown = self.configuration["suspend_trade"] if self.flag_follows else False
        return AccountReading("PA3FHALT0001", "ACTIVE", Decimal(50000), shown, False)

    def read_configuration(self, *, within: float | None = None) -> Mapping[str, Any]:
        self._called("read_configuration")
        return dict(self.configuration)

    def change_configuration(
        self, changes: Mapping[str, Any], *, within: float | None = None
    ) -> Mapping[str, Any]:
        self._called("change_configuration")
        self.configuration.update(changes)
        return dict(self.configuration)

    def cancel_all(self, *, within: float | None = None) -> tuple[CancelReply, ...]:
        self._called("cancel_all")
        with self._lock:
            replies = tuple(self._cancel(order_id) for order_id in list(self.orders))
            while self.on_cancel_all:
                self.on_cancel_all.pop()()
        return replies

    def cancel(self, order_id: str, *, within: float | None = None) -> CancelReply:
        self._called("cancel")
        with self._lock:
            return (
                self._cancel(order_id) if order_id in self.orders else CancelReply(order_id, 404, "not found")
            )

    def list_open_orders(self, *, within: float | None = None) -> OrderListing:
        self._called("list_open_orders")
        return OrderListing(
            tuple(self.orders.values()), not self.partial, "cut short" if self.partial else ""
        )

    def list_latest_orders(self, *, within: float | None = None) -> tuple[OpenOrder, ...]:
        self._called("list_latest_orders")
        return (*self.orders.values(), *self.ended.values())

    def list_latest_fills(self, *, within: float | None = None) -> tuple[Fill, ...]:
        self._called("list_latest_fills")
        filled = [order for order in self.ended.values() if order.filled_at is not None]
        return tuple(Fill(order.symbol, order.side, order.filled_at) for order in filled if order.filled_at)

    def list_positions(self, *, within: float | None = None) -> tuple[Position, ...]:
        self._called("list_positions")
        return tuple(self.held.values())

    def read_clock(self, *, within: float | None = None) -> MarketClock:
        self._called("read_clock")
        return MarketClock(is_open=True)

    def read_splits(
        self, symbols: Sequence[str], first: date, last: date, *, within: float | None = None
    ) -> tuple[Split, ...]:
        self._called("read_splits")
        return tuple(one for one in self.splits if one.symbol in symbols and first <= one.ex_date <= last)

    def _called(self, name: str) -> None:
        with self._lock:
            self.calls.append(name)
            if self._faults.get(name):
                raise self._faults[name].pop()

    def _cancel(self, order_id: str) -> CancelReply:
        order = self.orders[order_id]
        if order_id in self.refusing:
            return CancelReply(order_id, self.refusing[order_id], "internal error")
        if order_id in self.stuck:
            self.orders[order_id] = OpenOrder(**{**vars(order), "status": "pending_cancel"})
        else:
            self.ended[order_id] = self.orders.pop(order_id)
        return CancelReply(order_id, 200)


class Books:
    """The desk's ledger in memory."""

    def __init__(self, rows: Iterable[LedgerPosition] = (), error: Exception | None = None) -> None:
        self.rows, self.error = tuple(rows), error

    def positions(self, *, within: float | None = None) -> tuple[LedgerPosition, ...]:
        if self.error is not None:
            raise self.error
        return self.rows


def row(symbol: str, qty: str, price: str | None = "100", age_hours: float = 0.1) -> LedgerPosition:
    return LedgerPosition(
        symbol, Decimal(qty), None if price is None else Decimal(price), TEN - timedelta(hours=age_hours)
    )


def asked(kind: ActionKind, resumed: bool = False, **params: Any) -> ActionRequest:
    return ActionRequest(
        7, kind, "paper", "breaks over the limit", "U0OPERATOR", TEN, params=params, resumed=resumed
    )


def tools_for(broker: Account, ledger: Ledger | None = None) -> ActionTools:
    return ActionTools(broker, ledger, Notebook(), HandTime())
