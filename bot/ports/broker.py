"""What the core asks of a broker: one account, every call bounded in time, every failure with its kind."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from bot.domain.brokerage import (
    AccountReading,
    CancelReply,
    Configuration,
    Fill,
    MarketClock,
    OpenOrder,
    OrderListing,
    Position,
)
from bot.domain.sessions import Session
from bot.domain.splits import Split

__all__ = [
    "AccountReading",
    "Broker",
    "BrokerAnswerUnreadable",
    "BrokerError",
    "BrokerRefused",
    "BrokerTimeout",
    "BrokerUnavailable",
    "CancelReply",
    "Configuration",
    "Fill",
    "MarketClock",
    "OpenOrder",
    "OrderListing",
    "Position",
    "Split",
]


class BrokerError(Exception):
    """A call to the broker did not give its answer.

    `what` is the call in words ("cancel all orders"), `last_word` what came instead, short enough for a
    list of orders. `may_have_acted` is true when the request may have reached the broker: nobody may claim
    either outcome. Never holds a key, a header or a URL.
    """

    def __init__(self, what: str, last_word: str, *, may_have_acted: bool) -> None:
        super().__init__(f"{what}: {last_word}")
        self.what = what
        self.last_word = last_word
        self.may_have_acted = may_have_acted


class BrokerTimeout(BrokerError):
    """No answer in time. The outcome is unknown unless not even a connection was made."""


class BrokerRefused(BrokerError):
    """A 4xx answer (other than 429): the broker said no. `code` is its own number, if it gave one."""

    def __init__(self, what: str, status: int, code: int | None, message: str) -> None:
        detail = f": {message}" if message else ""
        super().__init__(what, f"refused ({status}){detail}", may_have_acted=False)
        self.status = status
        self.code = code
        self.message = message


class BrokerUnavailable(BrokerError):
    """A 5xx or 429 answer, or a failed connection. `retry_after`: seconds from now, if told."""

    def __init__(
        self,
        what: str,
        last_word: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        may_have_acted: bool = True,
    ) -> None:
        super().__init__(what, last_word, may_have_acted=may_have_acted)
        self.status = status
        self.retry_after = retry_after


class BrokerAnswerUnreadable(BrokerError):
    """An answer that is not this API's (a redirect, a page, half a body). It may have acted."""


class Broker(Protocol):
    """One account at a broker.

    Every call takes `within`, seconds for the whole call including name look-up; the adapter's own limits
    hold when it is None or larger. Every call raises `BrokerError` and nothing else. Simultaneous calls
    from several threads are allowed and never share a connection.
    """

    @property
    def account(self) -> str:
        """The account's name in Haltdesk's configuration, e.g. "paper"."""

    @property
    def paper(self) -> bool:
        """True for a paper account."""

    @property
    def how_to_revoke(self) -> str:
        """Where people revoke this account's API key by hand: the last resort when suspending fails."""

    def read_account(self, *, within: float | None = None) -> AccountReading: ...

    def read_configuration(self, *, within: float | None = None) -> Configuration: ...

    def change_configuration(
        self, changes: Mapping[str, Any], *, within: float | None = None
    ) -> Configuration:
        """Send just the difference; the answer is the configuration after it, to be read back still."""

    def cancel_all(self, *, within: float | None = None) -> tuple[CancelReply, ...]:
        """Ask for every open order to be cancelled; one reply for each order that the broker tried."""

    def cancel(self, order_id: str, *, within: float | None = None) -> CancelReply:
        """Ask for one order to be cancelled. A refusal of this order is a reply (404, 422), not an error."""

    def list_open_orders(self, *, within: float | None = None) -> OrderListing:
        """Every open order, pending cancels and legs included."""

    def list_latest_orders(self, *, within: float | None = None) -> tuple[OpenOrder, ...]:
        """The newest orders of any status, one page (at most 500): to put names to orders that are gone."""

    def list_latest_fills(self, *, within: float | None = None) -> tuple[Fill, ...]:
        """The newest executions of any order, however old the order is; at least the newest one, if there is any."""

    def list_positions(self, *, within: float | None = None) -> tuple[Position, ...]: ...

    def close_position(self, symbol: str, qty: Decimal, *, within: float | None = None) -> OpenOrder:
        """Ask for `qty` (unsigned) of a position to be closed; the answer is the closing order, not the close.

        The broker takes no more than what is held and free, so it never turns a position round.
        """

    def read_clock(self, *, within: float | None = None) -> MarketClock: ...

    def read_sessions(self, first: date, last: date, *, within: float | None = None) -> tuple[Session, ...]:
        """The exchange's sessions of these days, holidays left out and early closes told."""

    def read_splits(
        self, symbols: Sequence[str], first: date, last: date, *, within: float | None = None
    ) -> tuple[Split, ...]:
        """Every split of these symbols with a date from `first` to `last`, both included; never a part of them."""
