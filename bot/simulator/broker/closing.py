"""Closing positions: one, a part of one, or all; each by a market order of its own."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bot.simulator.broker import order_calls
from bot.simulator.broker.account import Account
from bot.simulator.broker.assets import CRYPTO, OPTION, key_of
from bot.simulator.broker.holdings import Holding
from bot.simulator.broker.listing import truth
from bot.simulator.broker.orders import Order
from bot.simulator.broker.wire import Refusal, invalid, number, text

NINE_PLACES = Decimal("0.000000001")


def held(account: Account, symbol_or_id: str) -> Holding:
    """Raises `Refusal` (404)."""
    holding = account.book.holdings.get(key_of(symbol_or_id))
    if holding is None:
        by_id = [h for h in account.book.holdings.values() if h.asset.id == symbol_or_id]
        if not by_id:
            raise Refusal(404, 40410000, "position does not exist")
        return by_id[0]
    return holding


def close_one(account: Account, symbol_or_id: str, query: Mapping[str, str]) -> Order:
    """`qty` or `percentage` closes a part. Refused like any order, so also while trading is suspended."""
    holding = held(account, symbol_or_id)
    whole = abs(holding.qty)
    qty = number("qty", query.get("qty"))
    percentage = number("percentage", query.get("percentage"))
    if qty is not None and percentage is not None:
        raise invalid("only one of qty and percentage may be given")
    if percentage is not None:
        if not 0 < percentage <= 100:
            raise invalid("percentage must be between 0 and 100")
        qty = (whole * percentage / 100).quantize(NINE_PLACES)
        if holding.asset.asset_class == OPTION:
            qty = qty.to_integral_value()
    return order_calls.place(
        account,
        {
            "symbol": holding.asset.symbol,
            "qty": text(whole if qty is None else qty),
            "side": "sell" if holding.qty > 0 else "buy",
            "type": "market",
            "time_in_force": "gtc" if holding.asset.asset_class == CRYPTO else "day",
        },
    )


def close_all(account: Account, query: Mapping[str, str]) -> list[dict[str, Any]]:
    """The items of the 207: `{symbol, status, body}`; with `cancel_orders` the open orders go first."""
    if truth(query.get("cancel_orders")):
        order_calls.cancel_all(account)
    items: list[dict[str, Any]] = []
    for holding in list(account.book.holdings.values()):
        try:
            order = close_one(account, holding.asset.symbol, {})
        except Refusal as refusal:
            items.append({"symbol": holding.asset.symbol, "status": refusal.status, "body": refusal.body})
        else:
            items.append({"symbol": order.symbol, "status": 200, "body": order.to_json()})
    return items
