"""The broker's health: does the account answer, may it trade, and do its clock and ours agree."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.health import Component, ComponentStatus
from bot.domain.redacted import redacted
from bot.ports.broker import AccountReading, Broker, BrokerError, BrokerTimeout, MarketClock
from bot.ports.record import Timepiece

_ADVICE = (
    "Look at status.alpaca.markets and the keys (ALPACA_API_KEY). If orders must stop now, halt all the same:"
    " it keeps trying."
)


@dataclass(frozen=True)
class BrokerCheck:
    """One account at the broker. Two questions, the account and the clock, within the time given."""

    broker: Broker
    time: Timepiece
    slow_seconds: float = 1.0
    skew: timedelta = timedelta(seconds=2)

    @property
    def name(self) -> str:
        return f"broker {self.broker.account}"

    def run(self, limit_seconds: float) -> Component:
        start = self.time.monotonic()
        try:
            account = self.broker.read_account(within=limit_seconds)
            latency = self.time.monotonic() - start
            asked_at = self.time.now()
            clock = self.broker.read_clock(within=max(0.05, limit_seconds - latency))
            answered_at = self.time.now()
        except BrokerTimeout as error:
            return self._component(ComponentStatus.UNKNOWN, redacted(str(error), 160), _ADVICE)
        except BrokerError as error:
            return self._component(ComponentStatus.FAIL, redacted(str(error), 160), _ADVICE)
        skew = _skew(clock, asked_at, answered_at)
        figure = ", ".join(_figures(account, clock, latency, skew))
        status, advice = self._judge(account, latency, skew)
        return self._component(status, figure, advice)

    def _judge(
        self, account: AccountReading, latency: float, skew: timedelta | None
    ) -> tuple[ComponentStatus, str | None]:
        """The worst first: each line is something to do another thing about."""
        if account.trading_blocked:
            return ComponentStatus.FAIL, "The broker has blocked trading: write to its support."
        if account.status is not None and account.status.upper() != "ACTIVE":
            return ComponentStatus.FAIL, "The account is not active: write to the broker's support."
        if account.status is None or account.trading_blocked is None or account.suspended_by_user is None:
            return (
                ComponentStatus.WARN,
                "The broker's answer lacks part of the account: look at it in the dashboard.",
            )
        if account.suspended_by_user:
            return ComponentStatus.WARN, "Right while the account is halted; else look at who suspended it."
        if skew is not None and abs(skew) > self.skew:
            return ComponentStatus.WARN, "Look at this machine's time service: times in the record are off."
        if latency >= self.slow_seconds:
            return ComponentStatus.WARN, "The broker is slow: a halt will take longer to be proved."
        return ComponentStatus.OK, None

    def _component(self, status: ComponentStatus, figure: str, advice: str | None) -> Component:
        threshold = f"warns from {self.slow_seconds:g} s, clocks {self.skew.total_seconds():g} s apart"
        return Component(self.name, status, figure, threshold, advice)


def _skew(clock: MarketClock, asked_at: datetime, answered_at: datetime) -> timedelta | None:
    """How far the broker's clock is ahead of ours, taken at the middle of the question's way there and
    back.
    """
    if clock.at is None:
        return None
    return clock.at - (asked_at + (answered_at - asked_at) / 2)


def _figures(
    account: AccountReading, clock: MarketClock, latency: float, skew: timedelta | None
) -> list[str]:
    figures = [account.status or "status not given"]
    if account.trading_blocked:
        figures.append("trading blocked by the broker")
    if account.suspended_by_user:
        figures.append("suspended by the user")
    missing = account.trading_blocked is None or account.suspended_by_user is None
    if missing:
        figures.append("blocks not given")
    figures.append("market open" if clock.is_open else "market closed")
    figures.append(f"{latency:.2f} s")
    figures.append(
        "its clock was not readable" if skew is None else f"clocks {abs(skew.total_seconds()):.1f} s apart"
    )
    return figures
