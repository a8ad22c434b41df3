"""One form for a symbol, so that a ledger's and a broker's names for the same thing meet.

Crypto pairs are written `BTC/USD`, `BTC-USD` or `BTCUSD`; option symbols (OCC) with or without the padding
between root and date; share classes `BRK.B`, `BRK-B` or `BRK/B`. Only separators and case are dropped,
never letters or digits, and never for two symbols that stay different on one side (see `collisions`).
"""

from collections.abc import Iterable

SEPARATORS = str.maketrans("", "", " /-._:")


def canonical(symbol: str) -> str:
    """`btc/usd` -> `BTCUSD`, `AAPL  240119C00100000` -> `AAPL240119C00100000`, `BRK.B` -> `BRKB`."""
    return symbol.strip().upper().translate(SEPARATORS)


def collisions(symbols: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Symbols that differ as written (case and outer space apart) and share a canonical form."""
    groups: dict[str, set[str]] = {}
    for symbol in symbols:
        groups.setdefault(canonical(symbol), set()).add(symbol.strip().upper())
    return {key: tuple(sorted(group)) for key, group in groups.items() if len(group) > 1}
