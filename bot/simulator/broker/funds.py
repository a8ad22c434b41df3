"""What an account may do: buying power, shorting, and the quantity that is free to sell."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bot.simulator.broker.assets import CRYPTO, EQUITY, OPTION
from bot.simulator.broker.book import Book
from bot.simulator.broker.orders import Order
from bot.simulator.broker.wire import forbidden, text

CENT = Decimal("0.01")
ZERO = Decimal(0)


def buying_power(book: Book, configuration: Mapping[str, Any]) -> Decimal:
    """Dollars for shares: equity times the multiplier, less what is held and what open buys cost."""
    multiplier = Decimal(str(configuration["max_margin_multiplier"]))
    gross = sum((abs(book.value(held)) for held in book.holdings.values()), ZERO)
    return max(ZERO, book.equity() * multiplier - gross - _open_buys(book))


def cash_power(book: Book) -> Decimal:
    """Dollars for crypto and options, which are bought without margin."""
    return max(ZERO, book.cash - _open_buys(book))


def check_allowed(book: Book, configuration: Mapping[str, Any], order: Order) -> None:
    """Raises `Refusal` (403) with Alpaca's words for what the account may not do."""
    kind = order.asset.asset_class
    price = book.market.price(order.asset) or order.limit_price or order.stop_price
    if price is None:
        raise forbidden(f"no price is known for {order.symbol}")
    qty = order.remaining(price)
    fractional = order.qty is None or order.qty != order.qty.to_integral_value()
    if kind == EQUITY and fractional and not configuration["fractional_trading"]:
        raise forbidden("account is not allowed to trade fractional shares")
    held = book.holdings.get(order.asset.key)
    owned = held.qty if held is not None else ZERO
    reduces = owned < 0 if order.side == "buy" else owned > 0
    if reduces:
        _check_free(book, order, qty, abs(owned))
        return
    if kind == OPTION and not configuration["max_options_trading_level"]:
        raise forbidden("account not eligible to trade options")
    if order.side == "sell":
        _check_short(configuration, order, fractional, kind)
    cost = (qty * (order.limit_price or price) * order.asset.multiplier).quantize(CENT)
    power = buying_power(book, configuration) if kind == EQUITY else cash_power(book)
    if cost > power:
        raise forbidden(
            "insufficient buying power", buying_power=text(power.quantize(CENT)), cost_basis=text(cost)
        )


def _check_free(book: Book, order: Order, qty: Decimal, owned: Decimal) -> None:
    reserved = book.held_for_orders(order.asset, order.side)
    free = max(ZERO, owned - reserved)
    if qty <= free:
        return
    if order.asset.asset_class == CRYPTO:
        base = order.symbol.split("/")[0]
        message = f"insufficient balance for {base} (requested: {text(qty)}, available: {text(free)})"
    else:
        message = f"insufficient qty available for order (requested: {text(qty)}, available: {text(free)})"
    raise forbidden(
        message,
        available=text(free),
        existing_qty=text(owned),
        held_for_orders=text(reserved),
        symbol=order.symbol,
    )


def _check_short(configuration: Mapping[str, Any], order: Order, fractional: bool, kind: str) -> None:
    if kind == CRYPTO:
        base = order.symbol.split("/")[0]
        raise forbidden(
            f"insufficient balance for {base} (requested: {text(order.qty or ZERO)}, available: 0)"
        )
    if kind == OPTION:
        raise forbidden("account not eligible to trade uncovered option contracts")
    if configuration["no_shorting"]:
        raise forbidden("account is not allowed to short")
    if fractional:
        raise forbidden("fractional orders cannot be sold short")


def _open_buys(book: Book) -> Decimal:
    total = ZERO
    for order in book.open_orders():
        held = book.holdings.get(order.asset.key)
        if order.side != "buy" or not order.armed or (held is not None and held.qty < 0):
            continue
        price = order.limit_price or order.stop_price or book.market.price(order.asset) or ZERO
        total += order.remaining(price) * price * order.asset.multiplier
    return total
