"""What is asked of Prometheus, and the values that it answers with. Source: Prometheus' HTTP API v1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

MOST_POINTS = 11_000  # Prometheus refuses a range query with more points in a series


@dataclass(frozen=True)
class Sample:
    """One series at one moment.

    `value` is None for NaN, an infinity, a histogram or text: there is no number.
    """

    labels: Mapping[str, str]
    at: datetime
    value: float | None


@dataclass(frozen=True)
class QueryAnswer:
    """The answer to an instant query. With `warnings` it may be partial, and must be shown so."""

    samples: tuple[Sample, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Series:
    """One series over time; a point without a number is None."""

    labels: Mapping[str, str]
    points: tuple[tuple[datetime, float | None], ...]


@dataclass(frozen=True)
class RangeAnswer:
    """The answer to a range query. With `warnings` it may be partial, and must be shown so."""

    series: tuple[Series, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class PrometheusAlert:
    """An alert that Prometheus itself holds: `firing`, or `pending` while its `for` has not passed."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    firing: bool
    active_at: datetime | None
    value: float | None

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "an alert without a name")


@dataclass(frozen=True)
class AlertsAnswer:
    alerts: tuple[PrometheusAlert, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuleState:
    """One rule: `health` is Prometheus' word (`ok`, `err`, `unknown`); never evaluated is None."""

    group: str
    name: str
    alerting: bool
    health: str
    last_error: str
    last_evaluation: datetime | None
    interval: timedelta


@dataclass(frozen=True)
class RulesReading:
    """All rules that Prometheus has loaded."""

    rules: tuple[RuleState, ...]
    warnings: tuple[str, ...] = ()

    def problems(self, now: datetime) -> tuple[str, ...]:
        """Why the rules cannot be trusted to notice trouble, in plain sentences; empty when they can.

        A rule is late when it was not evaluated for three of its intervals and a minute more: the minute
        allows for clocks that differ.
        """
        if not any(rule.alerting for rule in self.rules):
            return ("no alerting rule is loaded",)
        found = [f"warning: {warning}" for warning in self.warnings]
        for rule in self.rules:
            if rule.health == "err":
                found.append(f"rule {rule.name} fails: {rule.last_error or 'no reason given'}")
            elif rule.health != "ok" or rule.last_evaluation is None:
                found.append(f"rule {rule.name} has not been evaluated yet")
            elif now - rule.last_evaluation > 3 * rule.interval + timedelta(minutes=1):
                seconds = int((now - rule.last_evaluation).total_seconds())
                found.append(f"rule {rule.name} was last evaluated {seconds} s ago")
        return tuple(found)


@dataclass(frozen=True)
class TargetState:
    """One target that Prometheus scrapes: `health` is `up`, `down` or `unknown`."""

    job: str
    instance: str
    health: str
    last_error: str = ""


@dataclass(frozen=True)
class TargetsReading:
    targets: tuple[TargetState, ...]
    warnings: tuple[str, ...] = field(default=())

    @property
    def not_up(self) -> Sequence[TargetState]:
        return [target for target in self.targets if target.health != "up"]


class Metrics(Protocol):
    """Prometheus.

    Every method ends within `limit_seconds` (or the adapter's own limit) and raises `MetricsError`.
    """

    def ready(self, limit_seconds: float | None = None) -> None:
        """Return when Prometheus says that it is ready to answer."""

    def query(
        self, promql: str, at: datetime | None = None, limit_seconds: float | None = None
    ) -> QueryAnswer:
        """Evaluate `promql` at one moment (now when not given)."""

    def query_range(
        self,
        promql: str,
        start: datetime,
        end: datetime,
        step: timedelta,
        limit_seconds: float | None = None,
    ) -> RangeAnswer:
        """Evaluate over time. More than `MOST_POINTS` steps are refused before asking."""

    def alerts(self, limit_seconds: float | None = None) -> AlertsAnswer:
        """The alerts that are pending or firing now."""

    def rules_health(self, limit_seconds: float | None = None) -> RulesReading:
        """All rules with their health."""

    def targets(self, limit_seconds: float | None = None) -> TargetsReading:
        """The targets that are scraped."""
