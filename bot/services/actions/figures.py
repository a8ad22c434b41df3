"""The live figures of one account for a confirmation modal, side by side, within a short deadline."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from bot.adapters.bounded import Pending, StillRunning
from bot.domain.halting import Suspension, protective_stops
from bot.ports.broker import Broker, BrokerError
from bot.ports.ledger import Ledger, LedgerError
from bot.services.actions.suspending import flag
from bot.services.actions.tools import Picture

T = TypeVar("T")

DEADLINE = 2.5  # seconds; the modal is open meanwhile and a person is waiting


@dataclass(frozen=True)
class Figures:
    """Each figure is None when it could not be had; `errors` then says why, by the figure's name."""

    open_orders: int | None = None
    positions: int | None = None
    protective_stops: tuple[str, ...] | None = None  # e.g. "MSFT sell stop 5 @ 380"
    equity: Decimal | None = None
    market_open: bool | None = None
    suspended: bool | None = None
    account_number: str | None = None
    ledger_positions: int | None = None
    errors: dict[str, str] = field(default_factory=dict)
    picture: Picture | None = None  # everything that was read, when nothing of it is missing

    @property
    def error(self) -> str | None:
        """All errors in one line, or None."""
        if not self.errors:
            return None
        return "; ".join(f"{name} not learned: {why}" for name, why in self.errors.items())


class _Side:
    """One answer under way; a failure is a word in `errors`, never an exception."""

    def __init__(self, deadline: float, errors: dict[str, str]) -> None:
        self._deadline, self._errors = deadline, errors

    def take(self, name: str, pending: Pending[T]) -> T | None:
        try:
            return pending.result(self._deadline)
        except BrokerError as error:
            self._errors[name] = error.last_word
        except LedgerError as error:
            self._errors[name] = str(error)
        except StillRunning:
            self._errors[name] = f"no answer in {self._deadline:g} s"
        return None


def live_figures(
    broker: Broker, ledger: Ledger | None, deadline: float = DEADLINE, *, now: datetime
) -> Figures:
    """Ask the broker (and the ledger, if any) for the modal's figures, from `now` on within `deadline` seconds."""

    def ask(what: str, call: Callable[[], T]) -> Pending[T]:
        return Pending(call, f"figures {what} {broker.account}")

    orders = ask("orders", lambda: broker.list_open_orders(within=deadline))
    positions = ask("positions", lambda: broker.list_positions(within=deadline))
    account = ask("account", lambda: broker.read_account(within=deadline))
    setting = ask("configuration", lambda: broker.read_configuration(within=deadline))
    clock = ask("clock", lambda: broker.read_clock(within=deadline))
    rows = ask("ledger", lambda: ledger.positions(within=deadline)) if ledger is not None else None

    errors: dict[str, str] = {}
    side = _Side(deadline, errors)
    listing = side.take("open orders", orders)
    held = side.take("positions", positions)
    reading = side.take("account", account)
    configuration = side.take("suspension", setting)
    hours = side.take("market hours", clock)
    ours = side.take("ledger", rows) if rows is not None else None
    if listing is not None and not listing.complete:
        errors["open orders"] = f"the list may not be complete ({listing.note})"
    stops = protective_stops(listing.orders, held) if listing is not None else None
    picture: Picture | None = None
    if listing and listing.complete and held is not None and reading and configuration is not None:
        picture = Picture(now, listing, held, configuration, reading)
    return Figures(
        open_orders=len(listing.orders) if listing is not None and listing.complete else None,
        positions=len(held) if held is not None else None,
        protective_stops=tuple(order.text for order in stops) if stops is not None else None,
        equity=reading.equity if reading is not None else None,
        market_open=hours.is_open if hours is not None else None,
        suspended=Suspension(
            flag(configuration.get("suspend_trade")) if configuration is not None else None,
            reading.suspended_by_user if reading is not None else None,
        ).read,
        account_number=reading.number if reading is not None else None,
        ledger_positions=len([row for row in ours if row.qty]) if ours is not None else None,
        errors=errors,
        picture=picture,
    )
