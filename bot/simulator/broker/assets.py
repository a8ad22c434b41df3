"""What is traded: shares, crypto pairs and options, told apart by their symbols as Alpaca writes them."""

import re
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

EQUITY, CRYPTO, OPTION = "us_equity", "crypto", "us_option"
_PAIR = re.compile(r"[A-Z0-9]{2,8}/(?:USD|USDT|USDC|BTC)")
_CONTRACT = re.compile(
    r"[A-Z][A-Z0-9]{0,5}\d{6}[CP]\d{8}"
)  # OCC: root, yymmdd, call or put, strike in thousandths
_SHARE = re.compile(r"[A-Z][A-Z0-9]{0,6}(?:\.[A-Z]{1,3})?")
_NAMESPACE = uuid.UUID(
    "7f3f7a52-0f83-4f5e-9d1c-5b4f1a2d6c10"
)  # so that a symbol has the same id in every run


def key_of(symbol: str) -> str:
    """`BTC/USD` and `BTCUSD` name one thing."""
    return symbol.strip().upper().replace("/", "")


@dataclass(frozen=True)
class Asset:
    """One instrument. `multiplier` is units per contract (100 for an option)."""

    symbol: str
    asset_class: str

    @property
    def key(self) -> str:
        return key_of(self.symbol)

    @property
    def id(self) -> str:
        return str(uuid.uuid5(_NAMESPACE, self.key))

    @property
    def multiplier(self) -> Decimal:
        return Decimal(100) if self.asset_class == OPTION else Decimal(1)

    @property
    def exchange(self) -> str:
        return {EQUITY: "NASDAQ", CRYPTO: "CRYPTO", OPTION: ""}[self.asset_class]

    @property
    def fractionable(self) -> bool:
        return self.asset_class != OPTION

    @property
    def shortable(self) -> bool:
        return self.asset_class == EQUITY

    def to_json(self) -> dict[str, Any]:
        """`GET /v2/assets/{symbol}`."""
        equity = self.asset_class == EQUITY
        return {
            "id": self.id,
            "class": self.asset_class,
            "exchange": self.exchange,
            "symbol": self.symbol,
            "name": self.symbol,
            "status": "active",
            "tradable": True,
            "marginable": equity,
            "shortable": self.shortable,
            "easy_to_borrow": self.shortable,
            "fractionable": self.fractionable,
            "maintenance_margin_requirement": 30 if equity else 100,
            "attributes": [],
        }


def asset_named(symbol: str) -> Asset:
    """The asset that this symbol writes. Raises ValueError when it writes none."""
    name = symbol.strip().upper()
    if _PAIR.fullmatch(name):
        return Asset(name, CRYPTO)
    if _CONTRACT.fullmatch(name):
        return Asset(name, OPTION)
    if _SHARE.fullmatch(name):
        return Asset(name, EQUITY)
    raise ValueError(f"{symbol!r} is not a share, a crypto pair such as BTC/USD, or an option symbol")
