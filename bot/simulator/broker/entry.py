"""Takes new orders: reads the request, checks it as Alpaca does, and builds the order with its legs."""

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bot.simulator.broker.assets import CRYPTO, EQUITY, OPTION
from bot.simulator.broker.book import Book
from bot.simulator.broker.funds import check_allowed
from bot.simulator.broker.orders import Order
from bot.simulator.broker.wire import forbidden, invalid, number

TYPES = ("market", "limit", "stop", "stop_limit", "trailing_stop")
CLASSES = ("simple", "bracket", "oco", "oto")
IN_FORCE = {
    EQUITY: ("day", "gtc", "opg", "cls", "ioc", "fok"),
    CRYPTO: ("gtc", "ioc"),
    OPTION: ("day", "gtc"),
}
OPTION_TYPES = ("market", "limit", "stop", "stop_limit")
CRYPTO_TYPES = ("market", "limit", "stop_limit")
SUSPENDED = "new orders are rejected by user request"


def place(book: Book, configuration: Mapping[str, Any], request: Mapping[str, Any]) -> Order:
    """Enter the order and let it execute if the price allows. Raises `Refusal`; then nothing was entered."""
    if configuration["suspend_trade"]:
        raise forbidden(SUSPENDED)
    order = read(book, request)
    check_allowed(book, configuration, order)
    book.add(order)
    if order.type == "market" and not book.market.is_open(order.asset):
        order.status = "accepted"
    book.match([order.asset])
    if order.time_in_force in ("ioc", "fok") and order.open:
        book.end(order, "canceled")
    return order


def read(book: Book, request: Mapping[str, Any]) -> Order:
    """The order that a request describes, with its legs, not entered yet. Raises `Refusal`."""
    if request.get("order_class") == "mleg":
        raise invalid("the stand-in broker takes no multi-leg orders; send one order for each option")
    symbol = request.get("symbol")
    if not isinstance(symbol, str) or not symbol:
        raise invalid("symbol is required")
    order_class = _choice("order_class", request.get("order_class") or "simple", CLASSES)
    order = Order(
        id=str(uuid.uuid4()),
        client_order_id=client_id(book, request.get("client_order_id")),
        asset=book.market.asset(symbol),
        side=_choice("side", request.get("side"), ("buy", "sell")),
        type=_choice("type", request.get("type"), TYPES),
        qty=number("qty", request.get("qty")),
        notional=number("notional", request.get("notional")),
        submitted_at=book.market.clock(),
        sequence=book.next_sequence(),
        time_in_force=str(request.get("time_in_force") or "day"),
        limit_price=number("limit_price", request.get("limit_price")),
        stop_price=number("stop_price", request.get("stop_price")),
        trail_price=number("trail_price", request.get("trail_price")),
        trail_percent=number("trail_percent", request.get("trail_percent")),
        extended_hours=bool(request.get("extended_hours")),
        order_class=order_class,
        position_intent=request.get("position_intent"),
    )
    if order_class == "oco":  # Alpaca lets the exit's limit stand in take_profit alone
        target = request.get("take_profit") or {}
        order.type = "limit"
        order.limit_price = order.limit_price or number("take_profit.limit_price", target.get("limit_price"))
    check_form(order)
    order.legs = _legs(book, order, request)
    return order


def check_form(order: Order) -> None:
    """Whether the fields fit together; raises `Refusal` (422)."""
    if (order.qty is None) == (order.notional is None):
        raise invalid("one of qty or notional is required")
    amount = order.qty if order.qty is not None else order.notional
    if amount is None or amount <= 0:
        raise invalid("qty must be > 0" if order.qty is not None else "notional must be > 0")
    if order.type in ("limit", "stop_limit") and order.limit_price is None:
        raise invalid(f"{order.type} orders require limit_price")
    if order.type in ("stop", "stop_limit") and order.stop_price is None:
        raise invalid(f"{order.type} orders require stop_price")
    if order.type == "trailing_stop" and (order.trail_price is None) == (order.trail_percent is None):
        raise invalid("trailing_stop orders require one of trail_price or trail_percent")
    for name in ("limit_price", "stop_price", "trail_price", "trail_percent"):
        price = getattr(order, name)
        if price is not None and price <= 0:
            raise invalid(f"{name} must be > 0")
    kind = order.asset.asset_class
    _choice("time_in_force", order.time_in_force, IN_FORCE[kind])
    whole = order.qty is not None and order.qty == order.qty.to_integral_value()
    if kind == OPTION:
        _choice("type", order.type, OPTION_TYPES)
        if not whole:
            raise invalid("options are traded in whole contracts")
    if kind == CRYPTO:
        _choice("type", order.type, CRYPTO_TYPES)
    if kind == EQUITY and not whole and order.time_in_force != "day":
        raise invalid("fractional orders must be DAY orders")
    if order.order_class != "simple" and (kind != EQUITY or not whole):
        raise invalid(f"{order.order_class} orders are for whole shares")


def client_id(book: Book, raw: Any) -> str:
    """The client's own id, unique in the account, or a new one."""
    if raw is None:
        return str(uuid.uuid4())
    if not isinstance(raw, str) or not 0 < len(raw) <= 128:
        raise invalid("client_order_id must be text of at most 128 characters")
    if any(order.client_order_id == raw for order in book.orders.values()):
        raise invalid("client_order_id must be unique")
    return raw


def _legs(book: Book, entry: Order, request: Mapping[str, Any]) -> list[Order]:
    target = request.get("take_profit") or None
    protection = request.get("stop_loss") or None
    if entry.order_class == "simple":
        if target or protection:
            raise invalid("take_profit and stop_loss need an order_class")
        return []
    if entry.order_class == "bracket" and not (target and protection):
        raise invalid("bracket orders require take_profit and stop_loss")
    if entry.order_class == "oco" and not protection:
        raise invalid("oco orders require stop_loss")
    if entry.order_class == "oto" and bool(target) == bool(protection):
        raise invalid("oto orders require one of take_profit or stop_loss")
    legs: list[Order] = []
    if target and entry.order_class != "oco":
        legs.append(_leg(book, entry, limit=number("take_profit.limit_price", target.get("limit_price"))))
    if protection:
        stop = number("stop_loss.stop_price", protection.get("stop_price"))
        limit = number("stop_loss.limit_price", protection.get("limit_price"))
        if stop is None:
            raise invalid("stop_loss.stop_price is required")
        legs.append(_leg(book, entry, limit=limit, stop=stop))
    return legs


def _leg(book: Book, entry: Order, limit: Decimal | None, stop: Decimal | None = None) -> Order:
    """A leg leaves the position that the entry makes; the stop of an OCO is on its parent's own side."""
    opposite = "sell" if entry.side == "buy" else "buy"
    leg = Order(
        id=str(uuid.uuid4()),
        client_order_id=str(uuid.uuid4()),
        asset=entry.asset,
        side=entry.side if entry.order_class == "oco" else opposite,
        type="limit" if stop is None else ("stop" if limit is None else "stop_limit"),
        qty=entry.qty,
        submitted_at=entry.submitted_at,
        sequence=book.next_sequence(),
        time_in_force=entry.time_in_force,
        status="held",
        limit_price=limit,
        stop_price=stop,
        order_class=entry.order_class,
        parent=entry,
    )
    if leg.type == "limit" and limit is None:
        raise invalid("take_profit.limit_price is required")
    for price in (limit, stop):
        if price is not None and price <= 0:
            raise invalid("prices must be > 0")
    return leg


def _choice(name: str, raw: Any, allowed: tuple[str, ...]) -> str:
    if raw not in allowed:
        raise invalid(f"invalid {name}: {raw!r}, expected one of {', '.join(allowed)}")
    return str(raw)
