"""One Alpaca account as the broker port. Paths and shapes: Alpaca's Trading API v2.

Connections are leased: a call takes a free one or opens another, so two calls at the same moment (the
suspension and the cancel of a halt) never wait for each other. A connection whose call was given up on is
not used again.
"""

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from bot.adapters.alpaca import corporate_actions, parsing
from bot.adapters.alpaca.connection import Connection, Timeouts
from bot.adapters.bounded import StillRunning, bounded
from bot.domain.sessions import Session
from bot.ports.broker import (
    AccountReading,
    BrokerAnswerUnreadable,
    BrokerError,
    BrokerRefused,
    BrokerTimeout,
    BrokerUnavailable,
    CancelReply,
    Configuration,
    Fill,
    MarketClock,
    OpenOrder,
    OrderListing,
    Position,
    Split,
)
from bot.ports.calls import ERROR, OK, RATELIMITED, REFUSED, TIMEOUT, Observe, unobserved

PAGE = 500  # the most that Alpaca gives in one page of orders
FILLS = 100  # the most that Alpaca gives in one page of activities
SURE = 50  # Alpaca's default page: a shorter page is the last one, whatever the server made of `limit`
MOST_PAGES = 40  # 20,000 open orders; more is said to be incomplete
SPARE_CONNECTIONS = 8  # a halt begins with six calls at once, and none should have to connect first


class AlpacaBroker:
    """`base_url` is the root, e.g. `https://paper-api.alpaca.markets`; a trailing `/v2` is tolerated.

    `observe` is told of every call: what it was for, how it ended, how long it took.
    """

    def __init__(
        self,
        account: str,
        api_key: str,
        secret_key: str,
        base_url: str,
        paper: bool,
        timeouts: Timeouts | None = None,
        observe: Observe = unobserved,
    ) -> None:
        self._observe = observe
        self._account = account
        self._paper = paper
        self._timeouts = timeouts or Timeouts()
        self._root = base_url.rstrip("/").removesuffix("/v2").rstrip("/")
        self._api_key, self._secret_key = api_key, secret_key
        self._free: deque[Connection] = deque()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"AlpacaBroker({self._account!r}, {'paper' if self._paper else 'LIVE'})"

    @property
    def account(self) -> str:
        return self._account

    @property
    def paper(self) -> bool:
        return self._paper

    @property
    def how_to_revoke(self) -> str:
        kind = "the paper account" if self._paper else "the live account"
        return f"sign in at https://app.alpaca.markets, choose {kind}, and under API Keys delete the key"

    def read_account(self, *, within: float | None = None) -> AccountReading:
        what = "read the account"
        return parsing.account(what, self._call(what, "get", "/account", None, within))

    def read_configuration(self, *, within: float | None = None) -> Configuration:
        what = "read the account configuration"
        return parsing.as_mapping(what, self._call(what, "get", "/account/configurations", None, within))

    def change_configuration(
        self, changes: Mapping[str, Any], *, within: float | None = None
    ) -> Configuration:
        what = "change the account configuration"
        raw = self._call(what, "patch", "/account/configurations", dict(changes), within)
        return parsing.as_mapping(what, raw)

    def cancel_all(self, *, within: float | None = None) -> tuple[CancelReply, ...]:
        what = "cancel all orders"
        raw = self._call(what, "delete", "/orders", None, within)
        items = [] if raw is None else parsing.as_list(what, raw)
        return tuple(parsing.cancel_reply(item) for item in items)

    def cancel(self, order_id: str, *, within: float | None = None) -> CancelReply:
        what = "cancel an order"
        try:
            self._call(what, "delete", f"/orders/{quote(order_id, safe='')}", None, within)
        except BrokerRefused as refusal:
            if refusal.status in (401, 403):
                raise  # about the key or the account, not about this order
            return CancelReply(order_id, refusal.status, refusal.message)
        return CancelReply(order_id, 204)

    def list_open_orders(self, *, within: float | None = None) -> OrderListing:
        """Newest first, a page at a time by `before_order_id` (exclusive), which does not lose orders of
        one instant as paging by time would. Ends when a page brings nothing new; a page that repeats, a
        later page that fails or too many pages make the listing incomplete. A first page that fails is an
        error.
        """
        what = "list open orders"
        seen: dict[str, OpenOrder] = {}
        query: dict[str, Any] = {"status": "open", "limit": PAGE, "direction": "desc", "nested": "false"}
        for place in range(MOST_PAGES):
            try:
                page = self._orders(what, query, within)
            except BrokerError as error:
                if place == 0:
                    raise
                return OrderListing(tuple(seen.values()), False, f"page {place + 1}: {error.last_word}")
            new = [order for order in page if order.id not in seen]
            if place > 0 and len(new) < len(page):
                seen.update((order.id, order) for order in new)
                note = f"page {place + 1} repeated orders of an earlier one"
                return OrderListing(tuple(seen.values()), False, note)
            seen.update((order.id, order) for order in page)
            if len(page) < SURE:
                return OrderListing(tuple(seen.values()), True)
            query["before_order_id"] = page[-1].id
        return OrderListing(tuple(seen.values()), False, f"more than {MOST_PAGES} pages")

    def list_latest_orders(self, *, within: float | None = None) -> tuple[OpenOrder, ...]:
        what = "list the latest orders"
        query = {"status": "all", "limit": PAGE, "direction": "desc", "nested": "false"}
        return tuple(self._orders(what, query, within))

    def list_latest_fills(self, *, within: float | None = None) -> tuple[Fill, ...]:
        what = "list the latest fills"
        query = {"direction": "desc", "page_size": FILLS}
        raw = parsing.as_list(what, self._call(what, "get", "/account/activities/FILL", query, within))
        return tuple(parsing.fill(what, item) for item in raw)

    def list_positions(self, *, within: float | None = None) -> tuple[Position, ...]:
        what = "list positions"
        raw = parsing.as_list(what, self._call(what, "get", "/positions", None, within))
        return tuple(parsing.position(what, item) for item in raw)

    def close_position(self, symbol: str, qty: Decimal, *, within: float | None = None) -> OpenOrder:
        what = f"close {symbol}"
        path = f"/positions/{quote(symbol, safe='')}"
        return parsing.order(what, self._call(what, "delete", path, {"qty": format(qty, "f")}, within))

    def read_clock(self, *, within: float | None = None) -> MarketClock:
        what = "read the market clock"
        return parsing.clock(what, self._call(what, "get", "/clock", None, within))

    def read_sessions(self, first: date, last: date, *, within: float | None = None) -> tuple[Session, ...]:
        what = "read the calendar"
        query = {"start": first.isoformat(), "end": last.isoformat()}
        raw = parsing.as_list(what, self._call(what, "get", "/calendar", query, within))
        return tuple(parsing.session(what, item) for item in raw)

    def read_splits(
        self, symbols: Sequence[str], first: date, last: date, *, within: float | None = None
    ) -> tuple[Split, ...]:
        """From the market data API, which takes the same keys. Source: Alpaca, Corporate Actions (v1)."""
        what = "read the splits"
        # A connection of its own: this is another host, and asked for only when quantities differ.
        connection = Connection(
            corporate_actions.root_for(self._root), self._api_key, self._secret_key, version="v1"
        )
        whole = self._whole(what, within)
        try:
            return bounded(
                lambda: corporate_actions.read(connection, what, symbols, first, last, self._limits(whole)),
                whole,
                f"corporate actions {self._account}",
            )
        except StillRunning:
            raise BrokerTimeout(what, f"no answer in {whole:.2g} s", may_have_acted=False) from None
        finally:
            connection.close()

    def close(self) -> None:
        """Close the connections that are not in use."""
        with self._lock:
            free, self._free = list(self._free), deque()
        for connection in free:
            connection.close()

    def _orders(self, what: str, query: Mapping[str, Any], within: float | None) -> list[OpenOrder]:
        raw = parsing.as_list(what, self._call(what, "get", "/orders", dict(query), within))
        return [parsing.order(what, item) for item in raw]

    def _call(self, what: str, verb: str, path: str, data: Any, within: float | None) -> Any:
        began = time.monotonic()
        outcome = ERROR
        try:
            answer = self._ask(what, verb, path, data, within)
            outcome = OK
            return answer
        except BrokerError as error:
            outcome = _outcome(error)
            raise
        finally:
            # "close AAPL" and "close MSFT" are one kind of call: a figure for each symbol would have no end.
            kind = "close a position" if what.startswith("close ") else what
            self._observe(kind, outcome, time.monotonic() - began)

    def _ask(self, what: str, verb: str, path: str, data: Any, within: float | None) -> Any:
        whole = self._whole(what, within)
        limits = self._limits(whole)
        connection = self._lease()
        try:
            answer = bounded(
                lambda: connection.call(what, verb, path, data, limits), whole, f"broker {self._account}"
            )
        except StillRunning:
            raise BrokerTimeout(what, f"no answer in {whole:.2g} s", may_have_acted=True) from None
        except (BrokerTimeout, BrokerAnswerUnreadable):
            connection.close()
            raise
        except BrokerError:
            self._give_back(connection)
            raise
        self._give_back(connection)
        return answer

    def _whole(self, what: str, within: float | None) -> float:
        whole = self._timeouts.whole if within is None else min(within, self._timeouts.whole)
        if whole <= 0:
            raise BrokerTimeout(what, "no time was left to ask", may_have_acted=False)
        return whole

    def _limits(self, whole: float) -> Timeouts:
        return Timeouts(min(self._timeouts.connect, whole), min(self._timeouts.read, whole), whole)

    def _lease(self) -> Connection:
        with self._lock:
            if self._free:
                return self._free.pop()
        return Connection(self._root, self._api_key, self._secret_key)

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            if len(self._free) < SPARE_CONNECTIONS:
                self._free.append(connection)
                return
        connection.close()


def _outcome(error: BrokerError) -> str:
    if isinstance(error, BrokerTimeout):
        return TIMEOUT
    if isinstance(error, BrokerRefused):
        return REFUSED
    if isinstance(error, BrokerUnavailable) and error.status == 429:
        return RATELIMITED
    return ERROR
