"""What the stand-in Slack hands out: calls received, the bot's answers, and the desk shown beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One Web API call as it was received.

    `status` is the HTTP status that was answered, 0 when the connection was closed without an answer. `error`
    is Slack's error code, or what the fault did ("dropped", "hung"). `at` is seconds since 1970 by the
    workspace's clock.
    """

    method: str
    args: Mapping[str, Any]
    at: float
    status: int
    error: str | None


@dataclass(frozen=True)
class SentRequest:
    """A request that the workspace sent to the bot, kept so that it can be sent again."""

    path: str
    body: str
    content_type: str


@dataclass(frozen=True)
class Answer:
    """What the bot answered. `status` is 0 when it did not within 3 s; `error` then says what happened."""

    status: int
    seconds: float
    body: str
    request: SentRequest = field(repr=False)
    error: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def acknowledged(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True)
class Unanswered:
    """An interaction that the bot did not acknowledge within 3 s, or answered with an error."""

    what: str
    user: str
    status: int
    why: str
    at: float


class Desk(Protocol):
    """The broker, the ledger and the scenarios that the page shows at its side. All text is shown as text."""

    def panel(self) -> Json:
        """`{"accounts": [...], "ledger": [...], "alerts": [...]}`.

        An account is `{name, number, suspended, equity, orders, positions}`; an order `{id, symbol, side,
        qty, type, status}`; a position `{symbol, qty, avg_price, price, value}`. Figures are text.
        """

    def scenarios(self) -> list[dict[str, str]]:
        """`[{"id", "title", "description"}]`, in the order to show."""

    def run_scenario(self, scenario_id: str) -> None:
        """Start one. Raises KeyError for an unknown id."""


class SlackError(Exception):
    """An `ok: false` answer. `code` is Slack's error code; `messages` go into response_metadata."""

    def __init__(self, code: str, messages: list[str] | None = None, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.messages = messages or []
        self.extra = extra
