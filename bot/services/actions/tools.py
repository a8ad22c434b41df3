"""What an emergency action works with: broker, ledger, record, time, thresholds, and the limits of a run."""

from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.reconciliation import Thresholds
from bot.ports.broker import AccountReading, Broker, Configuration, OrderListing, Position
from bot.ports.ledger import Ledger
from bot.ports.record import ActionRecord, Timepiece


@dataclass(frozen=True)
class Limits:
    """How long and how often, in seconds and counts. Everything an action does is bounded by these."""

    first_run: float = 30.0  # from the first call to an answer, proved or not
    look: float = 15.0  # one later look
    rounds: int = 4  # readings of what is left before a run hands over to watching
    pause: float = 2.0  # between those readings
    proof_gap: float = 2.0  # between the two empty readings
    call: float = 8.0  # one call with everything in it; the adapter's own limits are shorter
    singly: int = 50  # cancels one by one in a round: 200 requests a minute are shared with the strategies
    first_look: float = 2.0  # WATCHING: the first look after so long,
    longest_look: float = 30.0  # growing to this
    comparison: float = 10.0  # both sides of a reconciliation, side by side
    ledger: float = 5.0


@dataclass(frozen=True)
class Picture:
    """An account as its broker showed it at one moment, complete."""

    at: datetime
    orders: OrderListing
    positions: tuple[Position, ...]
    configuration: Configuration
    account: AccountReading


@dataclass
class ActionTools:
    """The tools of one action on one account."""

    broker: Broker
    ledger: Ledger | None
    record: ActionRecord
    time: Timepiece
    thresholds: Thresholds = field(default_factory=Thresholds)
    limits: Limits = field(default_factory=Limits)
    # What the confirmation modal showed a moment ago. With it, a halt need not ask anything before it strikes.
    picture: Picture | None = None
