"""One order at the stand-in broker: its fields, its states, and how it reads as JSON."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot.simulator.broker.assets import Asset
from bot.simulator.broker.wire import stamp, stamp_or_none, text, text_or_none

ENDED = frozenset({"filled", "canceled", "expired", "replaced", "rejected"})
PENDING = frozenset(
    {"pending_cancel", "pending_replace"}
)  # asked to go or to change: a second request is refused
OPEN = frozenset(
    [
        "new",
        "partially_filled",
        "accepted",
        "pending_new",
        "accepted_for_bidding",
        "pending_cancel",
        "pending_replace",
        "pending_review",
        "held",
        "stopped",
        "suspended",
        "calculated",
        "done_for_day",
    ]
)
STATUSES = OPEN | ENDED


@dataclass(eq=False)
class Order:
    """Quantities in units of the asset, prices in dollars; `sequence` is the order of arrival."""

    id: str
    client_order_id: str
    asset: Asset
    side: str
    type: str
    qty: Decimal | None
    submitted_at: datetime
    sequence: int
    notional: Decimal | None = None
    time_in_force: str = "day"
    status: str = "new"
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    high_water: Decimal | None = None
    triggered: bool = False
    extended_hours: bool = False
    order_class: str = "simple"
    position_intent: str | None = None
    filled_qty: Decimal = Decimal(0)
    filled_avg_price: Decimal | None = None
    updated_at: datetime | None = None
    filled_at: datetime | None = None
    canceled_at: datetime | None = None
    expired_at: datetime | None = None
    failed_at: datetime | None = None
    replaced_at: datetime | None = None
    replaced_by: str | None = None
    replaces: str | None = None
    cancel_asked_at: datetime | None = None
    parent: "Order | None" = None
    legs: list["Order"] = field(default_factory=list)

    @property
    def symbol(self) -> str:
        return self.asset.symbol

    @property
    def open(self) -> bool:
        return self.status not in ENDED

    @property
    def root(self) -> "Order":
        return self.parent or self

    @property
    def relatives(self) -> list["Order"]:
        """The other orders of the same bracket, OCO or OTO."""
        return [order for order in (self.root, *self.root.legs) if order is not self]

    @property
    def sign(self) -> int:
        return 1 if self.side == "buy" else -1

    @property
    def armed(self) -> bool:
        """Whether it can execute: a leg waits for its entry, except in an OCO, whose two sides both work."""
        return self.parent is None or self.order_class == "oco" or self.parent.status == "filled"

    def remaining(self, price: Decimal | None = None) -> Decimal:
        """Units still to fill; of a notional order, by `price` (0 when no price is known)."""
        if self.qty is not None:
            return self.qty - self.filled_qty
        if self.notional is None or not price:
            return Decimal(0)
        return (self.notional / price).quantize(Decimal("0.000000001")) - self.filled_qty

    def to_json(self, nested: bool = True) -> dict[str, Any]:
        """As Alpaca writes an order; `nested` puts the legs inside."""
        legs = [leg.to_json() for leg in self.legs] if nested and self.legs else None
        return {
            "id": self.id,
            "client_order_id": self.client_order_id,
            "created_at": stamp(self.submitted_at),
            "updated_at": stamp(self.updated_at or self.submitted_at),
            "submitted_at": stamp(self.submitted_at),
            "filled_at": stamp_or_none(self.filled_at),
            "expired_at": stamp_or_none(self.expired_at),
            "expires_at": None,
            "canceled_at": stamp_or_none(self.canceled_at),
            "failed_at": stamp_or_none(self.failed_at),
            "replaced_at": stamp_or_none(self.replaced_at),
            "replaced_by": self.replaced_by,
            "replaces": self.replaces,
            "asset_id": self.asset.id,
            "symbol": self.symbol,
            "asset_class": self.asset.asset_class,
            "notional": text_or_none(self.notional),
            "qty": text_or_none(self.qty),
            "filled_qty": text(self.filled_qty),
            "filled_avg_price": text_or_none(self.filled_avg_price),
            "order_class": self.order_class,
            "order_type": self.type,
            "type": self.type,
            "side": self.side,
            "position_intent": self.position_intent,
            "time_in_force": self.time_in_force,
            "limit_price": text_or_none(self.limit_price),
            "stop_price": text_or_none(self.stop_price),
            "status": self.status,
            "extended_hours": self.extended_hours,
            "legs": legs,
            "trail_percent": text_or_none(self.trail_percent),
            "trail_price": text_or_none(self.trail_price),
            "hwm": text_or_none(self.high_water),
            "subtag": None,
            "source": None,
        }
