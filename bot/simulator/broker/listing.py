"""Which orders a `GET /v2/orders` shows: status, symbols, time, page and direction."""

from collections.abc import Mapping

from bot.simulator.broker.assets import key_of
from bot.simulator.broker.book import Book
from bot.simulator.broker.orders import Order
from bot.simulator.broker.wire import Refusal, invalid, moment

USUAL_PAGE, LARGEST_PAGE = 50, 500


def truth(raw: str | None) -> bool:
    return (raw or "").lower() in ("true", "1", "t")


def page_size(name: str, raw: str | None, usual: int, largest: int) -> int:
    """Raises `Refusal` (422) outside of 1 to `largest`."""
    if not raw:
        return usual
    if not raw.isdecimal() or not 1 <= int(raw) <= largest:
        raise invalid(f"{name} must be between 1 and {largest}")
    return int(raw)


def list_orders(book: Book, query: Mapping[str, str]) -> list[Order]:
    """One page. `after`, `until` and the two order ids exclude what they name. Raises `Refusal`."""
    status = query.get("status") or "open"
    if status not in ("open", "closed", "all"):
        raise invalid(f"invalid status: {status!r}")
    direction = query.get("direction") or "desc"
    if direction not in ("asc", "desc"):
        raise invalid(f"invalid direction: {direction!r}")
    before, beyond = query.get("before_order_id"), query.get("after_order_id")
    if before and beyond:
        raise invalid("only one of before_order_id and after_order_id may be given")
    orders = sorted(book.orders.values(), key=_place)
    if before:
        last = _place(_named(book, before))
        orders = [order for order in orders if _place(order) < last]
    if beyond:
        first = _place(_named(book, beyond))
        orders = [order for order in orders if _place(order) > first]
    after, until = moment("after", query.get("after")), moment("until", query.get("until"))
    symbols = {key_of(symbol) for symbol in (query.get("symbols") or "").split(",") if symbol}
    nested = truth(query.get("nested"))
    chosen = [
        order
        for order in orders
        if (status == "all" or order.open == (status == "open"))
        and (after is None or order.submitted_at > after)
        and (until is None or order.submitted_at < until)
        and (not symbols or order.asset.key in symbols)
        and (not query.get("side") or order.side == query["side"])
        and not (nested and order.parent is not None)
    ]
    if direction == "desc":
        chosen.reverse()
    return chosen[: page_size("limit", query.get("limit"), USUAL_PAGE, LARGEST_PAGE)]


def _place(order: Order) -> tuple[float, int]:
    return order.submitted_at.timestamp(), order.sequence


def _named(book: Book, order_id: str) -> Order:
    if order_id not in book.orders:
        raise Refusal(404, 40410000, f"order not found for {order_id}")
    return book.orders[order_id]
