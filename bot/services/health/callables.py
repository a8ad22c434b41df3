"""Checks made from a callable: for the database, Slack, and whatever a desk adds."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.domain.health import Component, ComponentStatus
from bot.domain.redacted import redacted
from bot.ports.record import Timepiece


@dataclass(frozen=True)
class CallableCheck:
    """A check that is a function: given the seconds that it has, it returns its component."""

    name: str
    measure: Callable[[float], Component]

    def run(self, limit_seconds: float) -> Component:
        return self.measure(limit_seconds)


@dataclass(frozen=True)
class ReachCheck:
    """Something that is well when it answers, and soon.

    `ask` gets the seconds that it has and returns what was seen in a few words ("haltdesk as U0B0T"); a
    time-out must be raised as `TimeoutError`, and is UNKNOWN; any other exception is a FAIL, with its text
    covered and cut. `ask` is None when the desk has not set it up.
    """

    name: str
    ask: Callable[[float], str] | None
    time: Timepiece
    advice: str
    slow_seconds: float = 1.0

    def run(self, limit_seconds: float) -> Component:
        threshold = f"warns from {self.slow_seconds:g} s"
        if self.ask is None:
            return Component(self.name, ComponentStatus.OFF, "not set up")
        start = self.time.monotonic()
        try:
            seen = self.ask(limit_seconds)
        except TimeoutError as error:
            return Component(
                self.name, ComponentStatus.UNKNOWN, _words(error, "timed out"), threshold, self.advice
            )
        except Exception as error:  # whatever was raised is what was measured: it does not answer
            return Component(
                self.name, ComponentStatus.FAIL, _words(error, "no reason given"), threshold, self.advice
            )
        seconds = self.time.monotonic() - start
        slow = seconds >= self.slow_seconds
        return Component(
            self.name,
            ComponentStatus.WARN if slow else ComponentStatus.OK,
            f"{redacted(seen, 120)}, {seconds:.2f} s" if seen else f"answers in {seconds:.2f} s",
            threshold,
            self.advice if slow else None,
        )


def database_check(ask: Callable[[float], str] | None, time: Timepiece) -> ReachCheck:
    """The database: `ask` makes a small read (and says, for instance, how old the oldest waiting row is)."""
    return ReachCheck(
        "database",
        ask,
        time,
        advice="Look at the database's process and disk (DATABASE_URL). Halting works without it.",
    )


def slack_check(ask: Callable[[float], str] | None, time: Timepiece) -> ReachCheck:
    """Slack: `ask` calls `auth.test` and returns whom the token stands for."""
    return ReachCheck(
        "Slack",
        ask,
        time,
        advice="Look at status.slack.com and SLACK_BOT_TOKEN. `haltdesk halt` works without Slack.",
        slow_seconds=2.0,
    )


def _words(error: Exception, otherwise: str) -> str:
    text = str(error)
    name = type(error).__name__
    return redacted(f"{name}: {text}" if text else f"{name}: {otherwise}", 160)
