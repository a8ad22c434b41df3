"""One position at the stand-in broker: signed quantity, average price, and how it reads as JSON."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bot.simulator.broker.assets import CRYPTO, Asset
from bot.simulator.broker.wire import text

CENT = Decimal("0.01")
FRACTION = Decimal("0.000001")


@dataclass(eq=False)
class Holding:
    """`qty` is negative when short; `avg_price` and `lastday_price` in dollars a unit."""

    asset: Asset
    qty: Decimal
    avg_price: Decimal
    lastday_price: Decimal

    def trade(self, qty: Decimal, price: Decimal) -> None:
        """Add a signed quantity at a price. The average moves only while the position grows or turns."""
        after = self.qty + qty
        if after == 0:
            self.qty = after
            return
        grows = self.qty == 0 or (self.qty > 0) == (qty > 0)
        if grows:
            self.avg_price = (self.avg_price * abs(self.qty) + price * abs(qty)) / abs(after)
        elif (after > 0) != (self.qty > 0):
            self.avg_price = price
        self.qty = after

    def split(self, factor: Decimal) -> None:
        """So many units for each one, at so much less; the worth stays."""
        self.qty *= factor
        self.avg_price /= factor
        self.lastday_price /= factor

    def value(self, price: Decimal) -> Decimal:
        """Market value in dollars, negative when short."""
        return self.qty * price * self.asset.multiplier

    def to_json(self, price: Decimal, available: Decimal) -> dict[str, Any]:
        """As Alpaca writes a position; a crypto pair stands without its slash there, unlike in orders."""
        cost = self.qty * self.avg_price * self.asset.multiplier
        value = self.value(price)
        gain = value - cost
        today = self.qty * (price - self.lastday_price) * self.asset.multiplier
        before = abs(self.qty * self.lastday_price * self.asset.multiplier)
        return {
            "asset_id": self.asset.id,
            "symbol": self.asset.key if self.asset.asset_class == CRYPTO else self.asset.symbol,
            "exchange": self.asset.exchange,
            "asset_class": self.asset.asset_class,
            "asset_marginable": self.asset.shortable,
            "qty": text(self.qty),
            "qty_available": text(available),
            "avg_entry_price": text(self.avg_price.quantize(FRACTION)),
            "side": "long" if self.qty > 0 else "short",
            "market_value": text(value.quantize(CENT)),
            "cost_basis": text(cost.quantize(CENT)),
            "unrealized_pl": text(gain.quantize(CENT)),
            "unrealized_plpc": text(_share(gain, abs(cost))),
            "unrealized_intraday_pl": text(today.quantize(CENT)),
            "unrealized_intraday_plpc": text(_share(today, before)),
            "current_price": text(price),
            "lastday_price": text(self.lastday_price),
            "change_today": text(_share(price - self.lastday_price, self.lastday_price)),
        }


def _share(part: Decimal, whole: Decimal) -> Decimal:
    return (part / whole).quantize(FRACTION) if whole else Decimal(0)
