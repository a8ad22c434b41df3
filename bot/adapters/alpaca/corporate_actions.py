"""Alpaca's corporate actions: splits of given symbols, all of them or an error.

`GET /v1/corporate-actions` of the market data API. Its dates are those of processing, which is the ex-date or near
it, so the span that is asked for is wider than the one that is wanted, and the ex-dates are compared here.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

from bot.adapters.alpaca import parsing
from bot.adapters.alpaca.connection import Connection, Timeouts
from bot.domain.splits import Split
from bot.ports.broker import BrokerAnswerUnreadable

DATA_API = "https://data.alpaca.markets"
ALPACAS_OWN = ("paper-api.alpaca.markets", "api.alpaca.markets")
SYMBOLS_A_CALL = 100
PAGES = 5  # of 1,000 actions each; more for a hundred symbols is no answer that can be believed
AROUND = timedelta(days=7)
TYPES = "forward_split,reverse_split,unit_split"


def root_for(trading_root: str) -> str:
    """The market data API that belongs to a trading API; what is not Alpaca's own host serves both itself."""
    host = (urlsplit(trading_root).hostname or "").rstrip(".").lower()
    return DATA_API if host in ALPACAS_OWN else trading_root


def read(
    connection: Connection, what: str, symbols: Sequence[str], first: date, last: date, limits: Timeouts
) -> tuple[Split, ...]:
    """Splits with an ex-date from `first` to `last`. Raises `BrokerError`, also when there is more than was given."""
    found: list[Split] = []
    for place in range(0, len(symbols), SYMBOLS_A_CALL):
        some = symbols[place : place + SYMBOLS_A_CALL]
        query: dict[str, Any] = {
            "symbols": ",".join(some),
            "types": TYPES,
            "start": (first - AROUND).isoformat(),
            "end": (last + AROUND).isoformat(),
            "limit": 1000,
            "sort": "asc",
        }
        for _ in range(PAGES):
            answer = parsing.as_mapping(
                what, connection.call(what, "get", "/corporate-actions", dict(query), limits)
            )
            found += _splits(what, answer)
            token = answer.get("next_page_token")
            if not token:
                break
            query["page_token"] = str(token)
        else:
            raise BrokerAnswerUnreadable(what, f"more than {PAGES} pages", may_have_acted=False)
    return tuple(split for split in dict.fromkeys(found) if first <= split.ex_date <= last)


def _splits(what: str, answer: Mapping[str, Any]) -> Iterator[Split]:
    groups = parsing.as_mapping(what, answer.get("corporate_actions"))
    for group in ("forward_splits", "reverse_splits"):
        for item in parsing.as_list(what, groups.get(group) or []):
            yield _split(what, item, "symbol", "ex_date")
    for item in parsing.as_list(what, groups.get("unit_splits") or []):
        # A unit that becomes something else is no split of what is held: it keeps its own break.
        if isinstance(item, dict) and item.get("old_symbol") == item.get("new_symbol"):
            yield _split(what, item, "new_symbol", "effective_date")


def _split(what: str, raw: Any, symbol: str, day: str) -> Split:
    fields = parsing.as_mapping(what, raw)
    name = parsing.word(fields.get(symbol))
    old, new = parsing.number(fields.get("old_rate")), parsing.number(fields.get("new_rate"))
    try:
        on = date.fromisoformat(parsing.word(fields.get(day)))
    except ValueError:
        on = None
    if not name or on is None or old is None or new is None or old <= 0 or new <= 0:
        raise BrokerAnswerUnreadable(
            what, f"the split of {name[:20] or '(no symbol)'} could not be read", may_have_acted=False
        )
    return Split(name, old, new, on)
