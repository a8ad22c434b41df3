"""What was open and held when an action began: kept in its steps, for whoever takes it up after a crash.

What is read after the crash is not the start: the orders that the first life cancelled are gone by then, and their
protective stops with them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bot.adapters.bounded import Pending, StillRunning
from bot.domain.actions import ActionRequest
from bot.domain.brokerage import OpenOrder, OrderListing, Position
from bot.services.actions.standing import RecordAway

SNAPSHOT, CANCEL = "snapshot", "cancel"  # the steps in whose evidence it stands
WITHIN = 3.0  # seconds; it is asked for while the broker is, and waited for at the end

Kept = Callable[[str], Mapping[str, Any] | None]  # the evidence of a step of this action; raises RecordAway

_WORDS = ("id", "symbol", "side", "status", "type")
_NUMBERS = ("qty", "notional", "limit_price", "stop_price", "trail_price", "trail_percent")


@dataclass(frozen=True)
class Start:
    """`complete`: the orders and the ids are all that were open. What is None was not kept."""

    orders: tuple[OpenOrder, ...] = ()
    ids: frozenset[str] = frozenset()  # of all that is known to have been open, without their particulars
    complete: bool = False
    positions: tuple[Position, ...] | None = None
    configuration: Mapping[str, Any] | None = None


def orders_evidence(listing: OrderListing, *, before: bool) -> dict[str, Any]:
    """`before`: it was read before anything was sent. Read beside a cancel-all, it may lack what that took away."""
    return {
        "orders": [_order(one) for one in listing.orders],
        "all_at_start": before and listing.complete,
    }


def _order(order: OpenOrder) -> dict[str, str]:
    numbers = {name: getattr(order, name) for name in _NUMBERS}
    return {
        **{name: getattr(order, name) for name in _WORDS},
        **{name: str(number) for name, number in numbers.items() if number is not None},
        "text": order.text,
    }


def _read_order(raw: Mapping[str, Any]) -> OpenOrder:
    words: dict[str, Any] = {name: str(raw.get(name, "")) for name in _WORDS}
    numbers: dict[str, Any] = {name: Decimal(str(raw[name])) if raw.get(name) else None for name in _NUMBERS}
    return OpenOrder(**words, **numbers)


def taken_up(request: ActionRequest, previous: Mapping[str, Any] | None) -> bool:
    """Whether this goes on with what broke off before it had a result: the start is in the record, if anywhere."""
    return request.resumed and "looks" not in (previous or {})


class StartOnRecord:
    """The start, being read back. Nothing waits for it before the end: the broker comes first."""

    def __init__(self, kept: Kept | None) -> None:
        self._pending = Pending(lambda: _read(kept), "start") if kept is not None else None

    def take(self) -> Start:
        """What is kept of it; an empty one when nothing is, or the record cannot be read."""
        if self._pending is None:
            return Start()
        try:
            return self._pending.result(WITHIN)
        except (RecordAway, StillRunning):
            return Start()


def _read(kept: Kept) -> Start:
    snapshot, cancel = kept(SNAPSHOT) or {}, kept(CANCEL) or {}
    orders = tuple(_read_order(raw) for raw in snapshot.get("orders") or ())
    ids: Iterable[Any] = cancel.get("ids") or ()
    held, configuration = snapshot.get("positions"), snapshot.get("configuration")
    return Start(
        orders=orders,
        ids=frozenset(str(one) for one in ids) | {order.id for order in orders},
        # A cancel-all's answer names everything that it found.
        complete=snapshot.get("all_at_start") is True or "ids" in cancel,
        positions=tuple(Position(str(symbol), Decimal(str(qty))) for symbol, qty in held.items())
        if isinstance(held, Mapping)
        else None,
        configuration=configuration if isinstance(configuration, Mapping) else None,
    )
