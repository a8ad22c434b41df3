"""A trading floor for tests: the stand-in broker over HTTP, the real adapter, a hand-moved clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.adapters.alpaca import AlpacaBroker, Timeouts
from bot.domain.actions import ActionRequest
from bot.domain.reconciliation import LedgerPosition
from bot.domain.words import ActionKind
from bot.services.actions.tools import ActionTools
from bot.simulator.broker import Account, BrokerSimulator
from tests.unit.actions.desk import Books, HandTime, Notebook

QUICK = Timeouts(connect=0.5, read=0.3, whole=1.0)  # where an answer never comes
PATIENT = Timeouts(connect=30, read=30, whole=60)  # where a slow answer is not the subject


class Floor:
    """One paper account with two positions that the ledger agrees with, and some open orders."""

    def __init__(self, simulator: BrokerSimulator, timeouts: Timeouts) -> None:
        self.simulator = simulator
        self.account: Account = simulator.account("paper")
        self.broker = AlpacaBroker(
            "paper", self.account.key_id, self.account.secret, simulator.url, paper=True, timeouts=timeouts
        )
        self.time = HandTime()
        self.notebook = Notebook()
        self.account.add_position("AAPL", 10, 190)
        self.account.add_position("MSFT", 5, 400)
        now = self.time.now() - timedelta(minutes=1)
        self.ledger = Books(
            [
                LedgerPosition("AAPL", Decimal(10), Decimal(190), now),
                LedgerPosition("MSFT", Decimal(5), Decimal(400), now),
            ]
        )
        self.tools = ActionTools(self.broker, self.ledger, self.notebook, self.time)

    def orders(self, count: int) -> list[str]:
        return [
            self.account.add_order("AAPL", "buy", 1, limit_price=100 + place % 50).id
            for place in range(count)
        ]

    def asked(self, kind: ActionKind, resumed: bool = False) -> ActionRequest:
        at = datetime(2026, 11, 20, 15, tzinfo=UTC)
        return ActionRequest(1, kind, "paper", "a fault", "U0OPERATOR", at, resumed=resumed)

    @property
    def is_halted(self) -> bool:
        return self.account.suspended and not self.account.open_orders


def for_fault(fault: str) -> Timeouts:
    """Short only for the fault that is waited out: a slow machine must not look like a broken broker."""
    return QUICK if fault == "hang" else PATIENT


@contextmanager
def floor(timeouts: Timeouts = PATIENT) -> Iterator[Floor]:
    with BrokerSimulator(requests_per_minute=None) as simulator:
        stage = Floor(simulator, timeouts)
        try:
            yield stage
        finally:
            stage.broker.close()
