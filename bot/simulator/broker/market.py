"""The market that all accounts share: prices, which symbols exist, and whether it is open."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from bot.simulator.broker import hours
from bot.simulator.broker.assets import CRYPTO, Asset, asset_named, key_of
from bot.simulator.broker.wire import invalid

if TYPE_CHECKING:
    from bot.simulator.broker.corporate import SplitRecord

Mode = Literal["open", "closed", "exchange"]


class Market:
    """Prices by symbol. `mode` "exchange" follows the exchange's hours; "open" and "closed" hold it there."""

    def __init__(self, clock: Callable[[], datetime], mode: Mode = "open") -> None:
        self.clock = clock
        self.mode: Mode = mode
        self._assets: dict[str, Asset] = {}
        self._prices: dict[str, Decimal] = {}
        self.splits: list[SplitRecord] = []
        self.watchers: list[Callable[[Asset], None]] = []  # told of each move, in the order of the accounts

    def list_asset(self, symbol: str, price: Decimal | None = None) -> Asset:
        """Make a symbol known, with a price if it is given. Raises ValueError for what is no symbol."""
        asset = self._assets.get(key_of(symbol)) or asset_named(symbol)
        self._assets[asset.key] = asset
        if price is not None:
            if price < 0:
                raise ValueError(f"the price of {symbol} must not be negative, got {price}")
            self._prices[asset.key] = price
        return asset

    def move(self, symbol: str, price: Decimal) -> None:
        """Set a price and let the orders that it reaches execute."""
        asset = self.list_asset(symbol, price)
        for watcher in self.watchers:
            watcher(asset)

    def asset(self, symbol: str) -> Asset:
        """Raises `Refusal` (422) for a symbol that the broker does not know."""
        asset = self._assets.get(key_of(symbol))
        if asset is None:
            raise invalid(f'asset "{symbol}" not found')
        return asset

    def asset_by_id(self, asset_id: str) -> Asset | None:
        return next((asset for asset in self._assets.values() if asset.id == asset_id), None)

    def price(self, asset: Asset) -> Decimal | None:
        return self._prices.get(asset.key)

    def is_open(self, asset: Asset | None = None) -> bool:
        """Crypto always trades; the rest by the mode."""
        if asset is not None and asset.asset_class == CRYPTO:
            return True
        if self.mode == "exchange":
            return hours.around(self.clock())[0]
        return self.mode == "open"

    def clock_json(self) -> dict[str, object]:
        """`GET /v2/clock`, times in New York's offset as Alpaca writes them."""
        now = self.clock()
        _, next_open, next_close = hours.around(now)
        return {
            "timestamp": now.astimezone(hours.eastern(now.date())).isoformat(),
            "is_open": self.is_open(),
            "next_open": next_open.isoformat(),
            "next_close": next_close.isoformat(),
        }
