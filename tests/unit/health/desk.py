"""A desk's parts for the health tests: a clock moved by hand, a notebook, components that answer as told."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.actions import ActionRequest
from bot.domain.brokerage import AccountReading, MarketClock
from bot.domain.health import Component, ComponentStatus
from bot.domain.words import ActionKind, StepStatus
from bot.ports.alerting import AlertmanagerAlert, AlertmanagerStatus
from bot.ports.host import Load, Room
from bot.ports.metrics import AlertsAnswer, QueryAnswer, RangeAnswer, RulesReading, Sample, TargetsReading

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class HandClock:
    """A Timepiece that moves when told to."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def advance(self, seconds: float) -> None:
        self._seconds += seconds

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        return self._seconds

    def wait(self, seconds: float) -> bool:
        self.advance(seconds)
        return False


@dataclass
class Notebook:
    """An ActionRecord that keeps its steps, each name once, with every status that it had."""

    written: list[tuple[str, StepStatus, str, Mapping[str, Any]]] = field(default_factory=list)

    def step(
        self, name: str, status: StepStatus, summary: str, evidence: Mapping[str, Any] | None = None
    ) -> None:
        self.written.append((name, status, summary, evidence or {}))

    def statuses(self, name: str) -> list[StepStatus]:
        return [status for written, status, _, _ in self.written if written == name]


def health_request() -> ActionRequest:
    return ActionRequest(7, ActionKind.HEALTH, "paper", "the screens are slow", "U1", NOON)


def ok(name: str, figure: str = "well") -> Component:
    return Component(name, ComponentStatus.OK, figure)


@dataclass
class Hanging:
    """A component that answers only when `release` is set: a socket that nobody reads."""

    name: str
    release: threading.Event = field(default_factory=threading.Event)

    def run(self, limit_seconds: float) -> Component:
        self.release.wait(30)
        return ok(self.name, "too late")


@dataclass
class FakeBroker:
    """Only what the health check asks; each answer may be an exception, and takes `takes` seconds."""

    clock: HandClock
    reading: AccountReading | Exception
    market: MarketClock | Exception
    takes: float = 0.1
    account: str = "paper"

    def read_account(self, *, within: float | None = None) -> AccountReading:
        self.clock.advance(self.takes)
        if isinstance(self.reading, Exception):
            raise self.reading
        return self.reading

    def read_clock(self, *, within: float | None = None) -> MarketClock:
        self.clock.advance(self.takes)
        if isinstance(self.market, Exception):
            raise self.market
        return self.market


@dataclass
class FakeMetrics:
    """A Prometheus that answers as told."""

    answer: QueryAnswer | Exception = field(default_factory=lambda: QueryAnswer((Sample({}, NOON, 1.0),)))
    rules: RulesReading = field(default_factory=lambda: RulesReading(()))
    scraped: TargetsReading = field(default_factory=lambda: TargetsReading(()))
    asked: list[str] = field(default_factory=list)

    def ready(self, limit_seconds: float | None = None) -> None:
        self.asked.append("ready")

    def query(
        self, promql: str, at: datetime | None = None, limit_seconds: float | None = None
    ) -> QueryAnswer:
        self.asked.append(promql)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def query_range(
        self,
        promql: str,
        start: datetime,
        end: datetime,
        step: timedelta,
        limit_seconds: float | None = None,
    ) -> RangeAnswer:
        raise AssertionError("the health check asks for no ranges")

    def alerts(self, limit_seconds: float | None = None) -> AlertsAnswer:
        raise AssertionError("the health check asks Prometheus for no alerts")

    def rules_health(self, limit_seconds: float | None = None) -> RulesReading:
        return self.rules

    def targets(self, limit_seconds: float | None = None) -> TargetsReading:
        return self.scraped


@dataclass
class FakeAlertmanager:
    started_at: datetime
    held: Sequence[AlertmanagerAlert] | Exception = ()
    cluster: str = "disabled"

    def ready(self, limit_seconds: float | None = None) -> None:
        return None

    def status(self, limit_seconds: float | None = None) -> AlertmanagerStatus:
        return AlertmanagerStatus("0.25.0", self.started_at, self.cluster)

    def alerts(self, limit_seconds: float | None = None) -> tuple[AlertmanagerAlert, ...]:
        if isinstance(self.held, Exception):
            raise self.held
        return tuple(self.held)


def held_alert(name: str, silenced: bool = False) -> AlertmanagerAlert:
    return AlertmanagerAlert(
        fingerprint=f"{abs(hash(name)):016x}"[:16],
        labels={"alertname": name},
        annotations={},
        starts_at=NOON - timedelta(hours=1),
        ends_at=NOON + timedelta(minutes=4),
        updated_at=NOON,
        state="suppressed" if silenced else "active",
        silenced_by=("7f1d",) if silenced else (),
        inhibited_by=(),
        receivers=("haltdesk",),
        generator_url=None,
    )


@dataclass
class FakeHost:
    room: Room | OSError = field(default_factory=lambda: Room(100 * 2**30, 50 * 2**30))
    ram: Room | None = field(default_factory=lambda: Room(8 * 2**30, 4 * 2**30))
    now: Load | None = field(default_factory=lambda: Load(0.5, 0.5, 2))

    def disk(self) -> Room:
        if isinstance(self.room, OSError):
            raise self.room
        return self.room

    def memory(self) -> Room | None:
        return self.ram

    def load(self) -> Load | None:
        return self.now


Ask = Callable[[float], str]
