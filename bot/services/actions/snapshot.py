"""The account as it was when an action began: read beside the action, and never waited for by it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bot.domain.brokerage import AccountReading, Configuration, OrderListing, Position, plain
from bot.domain.words import StepStatus
from bot.services.actions.run import Run, Sent
from bot.services.actions.start import SNAPSHOT, Start, orders_evidence
from bot.services.actions.tools import Picture


def quantities(positions: Iterable[Position]) -> dict[str, Decimal]:
    """Quantity by symbol; a symbol that stands twice is summed."""
    held: dict[str, Decimal] = {}
    for position in positions:
        held[position.symbol] = held.get(position.symbol, Decimal(0)) + position.qty
    return held


def quantities_evidence(held: Mapping[str, Decimal]) -> dict[str, str]:
    return {symbol: plain(qty) for symbol, qty in sorted(held.items())}


def quantities_from_evidence(raw: Any) -> dict[str, Decimal] | None:
    """Read quantities back from a record; None when they were not learned then."""
    return {str(symbol): Decimal(str(qty)) for symbol, qty in raw.items()} if isinstance(raw, dict) else None


@dataclass
class Snapshot:
    """The four readings under way. What has not come is None, and named in `missing`.

    `again`: read after a crash, when what was before is only on record.
    """

    run: Run
    again: bool = False
    orders: OrderListing | None = None
    positions: tuple[Position, ...] | None = None
    configuration: Configuration | None = None
    account: AccountReading | None = None
    missing: dict[str, str] = field(default_factory=dict)
    _sent: dict[str, Sent[Any]] = field(default_factory=dict)
    _told: str = ""
    _before: bool = False  # read before anything was sent
    _kept: tuple[Position, ...] | None = None

    def start(self) -> None:
        """Send the four readings; the configuration first, because a suspension changes it."""
        broker = self.run.tools.broker
        self._sent = {
            "configuration": self.run.send("snapshot", lambda s: broker.read_configuration(within=s)),
            "orders": self.run.send("snapshot", lambda s: broker.list_open_orders(within=s)),
            "positions": self.run.send("snapshot", lambda s: broker.list_positions(within=s)),
            "account": self.run.send("snapshot", lambda s: broker.read_account(within=s)),
        }
        for sent in self._sent.values():
            sent.set_out()

    def take(self, picture: Picture) -> None:
        """Begin with what was read a moment ago, and ask for nothing."""
        self.orders, self.positions = picture.orders, picture.positions
        self.configuration, self.account = picture.configuration, picture.account
        self._before = True

    def take_start(self, start: Start) -> None:
        """What the record says of the time before the crash goes before what was read after it."""
        self._kept = start.positions
        self.positions = start.positions or self.positions
        if start.configuration is not None:
            self.configuration = dict(start.configuration)

    @property
    def positions_before(self) -> tuple[Position, ...] | None:
        """What was held when the action began; None when it was not learned then."""
        return self._kept if self.again else self.positions

    def collect(self, *, final: bool = False) -> None:
        """Take the answers that are there; with `final`, say of the others that they came too late."""
        for name, sent in list(self._sent.items()):
            if not sent.ended:
                if final:
                    self.missing[name] = "late"
                continue
            answer = sent.answer()
            del self._sent[name]
            if answer.error is not None:
                self.missing[name] = answer.word
            else:
                setattr(self, name, answer.value)
        self._tell()

    def _tell(self) -> None:
        parts = []
        if self.orders is not None:
            parts.append(f"{len(self.orders.orders)} open orders")
        if self.positions is not None:
            parts.append(f"{len(self.positions)} positions")
        if self.configuration is not None:
            parts.append("configuration saved")
        parts += [f"{name} not learned: {why}" for name, why in self.missing.items()]
        if not parts or "; ".join(parts) == self._told:
            return
        self._told = "; ".join(parts)
        waiting = bool(self._sent) and not self.missing
        status = StepStatus.STARTED if waiting else StepStatus.UNKNOWN if self.missing else StepStatus.OK
        # Under another name after a crash: what the first life wrote is the start, and stays.
        self.run.step(f"{SNAPSHOT} again" if self.again else SNAPSHOT, status, self._told, self._evidence())

    def _evidence(self) -> dict[str, Any]:
        found: dict[str, Any] = {"missing": dict(self.missing)}
        if self.orders is not None:
            found |= orders_evidence(self.orders, before=self._before)
        if self.positions is not None:
            found["positions"] = quantities_evidence(quantities(self.positions))
        if self.configuration is not None:
            found["configuration"] = dict(self.configuration)
        return found
