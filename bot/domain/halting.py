"""What the readings of a halt mean: suspension, proof, cancel replies, stops, position changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bot.domain.brokerage import CancelReply, OpenOrder, OrderListing, Position, plain
from bot.domain.symbols import canonical

PENDING_CANCEL = "pending_cancel"


@dataclass(frozen=True)
class Suspension:
    """Both of the broker's flags as read: the setting, and what the account shows. None: not learned."""

    suspend_trade: bool | None = None
    trade_suspended_by_user: bool | None = None
    at: datetime | None = None

    @property
    def read(self) -> bool | None:
        """True when both flags were read true, False when one was read false, None otherwise."""
        flags = (self.suspend_trade, self.trade_suspended_by_user)
        if False in flags:
            return False
        return True if flags == (True, True) else None


@dataclass(frozen=True)
class EmptyReadings:
    """Two complete readings without any open order, at least `gap` apart, nothing seen open in between."""

    gap: timedelta
    first_at: datetime | None = None
    second_at: datetime | None = None

    def after(
        self, listing: OrderListing | None, asked_at: datetime, answered_at: datetime
    ) -> "EmptyReadings":
        """Take in a listing asked for and answered at these times; a failed one (None) proves nothing.

        The span counts from the first answer to the second question, so that the broker's two looks are at
        least that far apart.
        """
        if listing is None or not listing.empty:
            return EmptyReadings(self.gap)
        if self.first_at is None:
            return EmptyReadings(self.gap, first_at=answered_at)
        if asked_at - self.first_at >= self.gap:
            return EmptyReadings(self.gap, self.first_at, answered_at)
        return EmptyReadings(self.gap, self.first_at)

    @property
    def shown(self) -> bool:
        return self.first_at is not None and self.second_at is not None

    @property
    def apart(self) -> timedelta:
        """Between the two readings; zero while there are not two."""
        if self.first_at is None or self.second_at is None:
            return timedelta(0)
        return self.second_at - self.first_at


def proved(suspension: Suspension, readings: EmptyReadings) -> bool:
    """The proof of a halt: both flags true, nothing open at two readings. Nothing less will do."""
    return suspension.read is True and readings.shown


@dataclass(frozen=True)
class SortedReplies:
    """The items of a cancel-all. `refused` holds every item that is not a 2xx, unreadable ones included."""

    accepted: tuple[str, ...]
    refused: tuple[CancelReply, ...]

    @property
    def total(self) -> int:
        return len(self.accepted) + len(self.refused)

    @property
    def summary(self) -> str:
        """`118 of 120 accepted, 1 refused (500), 1 refused (422)`."""
        if self.total == 0:
            return "no order was open"
        counts: dict[str, int] = {}
        for reply in self.refused:
            key = "unreadable" if reply.status is None else f"refused ({reply.status})"
            counts[key] = counts.get(key, 0) + 1
        parts = [f"{len(self.accepted)} of {self.total} accepted"]
        parts += [f"{count} {key}" for key, count in sorted(counts.items())]
        return ", ".join(parts)


def sort_replies(replies: Iterable[CancelReply]) -> SortedReplies:
    """Look at every item. An id that stands twice counts once, and as refused if any of its items is."""
    refused: dict[str, CancelReply] = {}
    accepted: dict[str, None] = {}
    nameless: list[CancelReply] = []
    for reply in replies:
        if not reply.order_id:
            nameless.append(reply)
        elif reply.accepted:
            accepted[reply.order_id] = None
        else:
            refused[reply.order_id] = reply
    return SortedReplies(
        tuple(order_id for order_id in accepted if order_id not in refused),
        (*refused.values(), *nameless),
    )


def protective_stops(
    orders: Iterable[OpenOrder], positions: Iterable[Position] | None
) -> tuple[OpenOrder, ...]:
    """Stop orders that would close (part of) a position: sell stops of a long, buy stops of a short.

    Without positions (not learned) every stop order is taken for protective: rather name one too many.
    """
    stops = [order for order in orders if "stop" in order.type]
    if positions is None:
        return tuple(stops)
    held = {canonical(position.symbol): position.qty for position in positions}
    return tuple(
        order
        for order in stops
        if (order.side.startswith("sell") and held.get(canonical(order.symbol), Decimal(0)) > 0)
        or (order.side.startswith("buy") and held.get(canonical(order.symbol), Decimal(0)) < 0)
    )


def position_changes(before: Mapping[str, Decimal], after: Mapping[str, Decimal]) -> tuple[str, ...]:
    """`AAPL 10 -> 12` for each symbol whose quantity differs; a position that is not there is 0."""
    return tuple(
        f"{symbol} {plain(before.get(symbol, Decimal(0)))} -> {plain(after.get(symbol, Decimal(0)))}"
        for symbol in sorted(before.keys() | after.keys())
        if before.get(symbol, Decimal(0)) != after.get(symbol, Decimal(0))
    )


def counted(count: int, noun: str) -> str:
    """`1 order`, `2 orders`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def why_still_open(order: OpenOrder, last_word: str | None) -> str:
    """The broker's last word on an order that is still listed as open."""
    if order.status == PENDING_CANCEL:
        return "pending cancel"
    status = order.status.replace("_", " ")
    if last_word is None:
        return status
    return f"{last_word}, still {status}" if last_word == "cancel accepted" else last_word


def next_look(looks: int, first: float, longest: float, told: float | None = None) -> timedelta:
    """When to look again after `looks` looks: growing by half from `first` to `longest` seconds.

    A wait that the broker asked for (429) is respected, up to a minute.
    """
    seconds = min(longest, first * 1.5 ** min(looks, 20))
    if told is not None:
        seconds = max(seconds, min(told, 60.0))
    return timedelta(seconds=round(seconds, 1))
