"""The live figures of a confirmation modal: asked of the broker and the ledger within their deadline."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from bot.adapters.bounded import StillRunning, bounded
from bot.domain.actions import BrokerReading
from bot.engine.record import PATIENCE
from bot.ports.broker import Broker
from bot.ports.ledger import Ledger
from bot.rendering.models import AccountFigures
from bot.services.actions import learned
from bot.services.actions.figures import live_figures
from bot.services.actions.tools import Picture
from bot.services.desk import Desk
from bot.services.views import account_line
from bot.store import accounts
from bot.store.accounts import AccountRecord
from bot.store.database import DatabaseError

FRESH = timedelta(minutes=1)

BrokerOf = Callable[[str], Broker]
LedgerOf = Callable[[str], Ledger | None]


class FiguresFetcher:
    """Fetches one account's figures. What a failing broker does not say is None, with the reason."""

    def __init__(self, desk: Desk, broker_of: BrokerOf, ledger_of: LedgerOf = lambda account: None) -> None:
        self._desk, self._broker_of, self._ledger_of = desk, broker_of, ledger_of
        self._pictures: dict[str, Picture] = {}

    def picture(self, account: str) -> Picture | None:
        """What a modal of this process showed of the account within the last minute."""
        found = self._pictures.get(account)
        return found if found is not None and self._desk.now() - found.at < FRESH else None

    def __call__(self, figures: AccountFigures) -> AccountFigures:
        name = figures.account.name
        found = live_figures(self._broker_of(name), self._ledger_of(name), now=self._desk.now())
        if found.picture is not None:
            self._pictures[name] = found.picture
        line = figures.account
        reading = BrokerReading(
            self._desk.now(), found.suspended, found.open_orders, account_number=found.account_number
        )
        record = self._remember(name, reading)
        if record is not None:
            line = account_line(self._desk.account(name), record)
        return replace(
            figures,
            account=replace(line, suspended=found.suspended, open_orders=found.open_orders),
            loading=False,
            open_orders=found.open_orders,
            positions=found.positions,
            protective_stops=found.protective_stops or (),
            equity=f"${found.equity:,.2f}" if found.equity is not None else None,
            market_open=found.market_open,
            ledger_positions=found.ledger_positions,
            error=found.error,
        )

    def _remember(self, name: str, reading: BrokerReading) -> AccountRecord | None:
        """Keep what the broker said just now; a halt's modal must not fail because the database does."""

        def keep() -> AccountRecord | None:
            with self._desk.database.begin() as unit:
                learned.keep(unit, name, reading)
                return accounts.get(unit, name)

        try:
            return bounded(keep, PATIENCE, "figures kept")
        except (DatabaseError, StillRunning):
            return None
