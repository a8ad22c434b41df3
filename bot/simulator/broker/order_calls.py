"""The calls about orders: list, look up, place, replace, cancel one, cancel all."""

import uuid
from collections.abc import Mapping
from dataclasses import replace as changed_copy
from decimal import Decimal
from typing import Any

from bot.simulator.broker import entry
from bot.simulator.broker.account import Account
from bot.simulator.broker.funds import check_allowed
from bot.simulator.broker.listing import list_orders, truth
from bot.simulator.broker.orders import PENDING, Order
from bot.simulator.broker.wire import Refusal, forbidden, invalid, number


def listed(account: Account, query: Mapping[str, str]) -> list[dict[str, Any]]:
    nested = truth(query.get("nested"))
    return [order.to_json(nested) for order in list_orders(account.book, query)]


def one(account: Account, order_id: str) -> Order:
    """Raises `Refusal` (404)."""
    order = account.book.orders.get(order_id)
    if order is None:
        raise Refusal(404, 40410000, f"order not found for {order_id}")
    return order


def by_client_id(account: Account, client_id: str) -> Order:
    """Raises `Refusal` (404)."""
    for order in account.book.orders.values():
        if order.client_order_id == client_id:
            return order
    raise Refusal(404, 40410000, f"order not found for {client_id}")


def place(account: Account, request: Mapping[str, Any]) -> Order:
    if account.trading_blocked:
        raise forbidden("account is blocked from trading")
    return entry.place(account.book, account.configuration, request)


def replace(account: Account, order_id: str, request: Mapping[str, Any]) -> Order:
    """A new order takes the old one's place; the old one is `replaced`. Raises `Refusal`."""
    old = one(account, order_id)
    if account.suspended:  # a replacement is a new order
        raise forbidden(entry.SUSPENDED)
    if not old.open or old.status in PENDING:
        raise Refusal(422, 42210000, f'order is already in "{old.status}" state')
    unknown = set(request) - {"qty", "time_in_force", "limit_price", "stop_price", "trail", "client_order_id"}
    if unknown:
        raise invalid(f"cannot be replaced: {', '.join(sorted(unknown))}")
    trail = number("trail", request.get("trail"))
    now = account.book.market.clock()
    new = changed_copy(
        old,
        id=str(uuid.uuid4()),
        client_order_id=entry.client_id(account.book, request.get("client_order_id")),
        qty=number("qty", request.get("qty")) or old.qty,
        time_in_force=str(request.get("time_in_force") or old.time_in_force),
        limit_price=number("limit_price", request.get("limit_price")) or old.limit_price,
        stop_price=number("stop_price", request.get("stop_price")) or old.stop_price,
        trail_price=trail if trail and old.trail_price is not None else old.trail_price,
        trail_percent=trail if trail and old.trail_percent is not None else old.trail_percent,
        submitted_at=now,
        updated_at=now,
        sequence=account.book.next_sequence(),
        replaces=old.id,
        filled_qty=Decimal(0),
        filled_avg_price=None,
        filled_at=None,
        status="new" if old.status == "partially_filled" else old.status,
    )
    if new.qty is not None and old.filled_qty:
        new.qty -= old.filled_qty  # what was filled stays with the old order
    entry.check_form(new)
    before = (old.status, old.replaced_at, old.replaced_by, old.updated_at)
    old.status, old.replaced_at, old.replaced_by, old.updated_at = "replaced", now, new.id, now
    try:
        if new.armed:
            check_allowed(account.book, account.configuration, new)
    except Refusal:
        old.status, old.replaced_at, old.replaced_by, old.updated_at = before
        raise
    _take_place(old, new)
    account.book.add(new)
    account.book.match([new.asset])
    return new


def cancel(account: Account, order_id: str) -> None:
    """Raises `Refusal` when the broker does not take the request."""
    account.cancels.ask(one(account, order_id))


def cancel_all(account: Account) -> list[dict[str, Any]]:
    """The items of the 207: one for each order asked to go; those on their way already are left alone."""
    items: list[dict[str, Any]] = []
    asked = [order for order in account.book.open_orders() if order.status != "pending_cancel"]
    for order in asked:
        if not order.open:  # went with a member of its family
            items.append({"id": order.id, "status": 200, "body": order.to_json(nested=False)})
            continue
        try:
            account.cancels.ask(order)
        except Refusal as refusal:
            items.append({"id": order.id, "status": refusal.status, "body": refusal.body})
        else:
            items.append({"id": order.id, "status": 200, "body": order.to_json(nested=False)})
    return items


def _take_place(old: Order, new: Order) -> None:
    """Put the new order into the old one's family."""
    if new.parent is not None:
        new.parent.legs = [new if leg is old else leg for leg in new.parent.legs]
    new.legs, old.legs = list(old.legs), []
    for leg in new.legs:
        leg.parent = new
