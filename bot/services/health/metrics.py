"""Prometheus' health, and the data feed's as Prometheus sees it."""

from dataclasses import dataclass
from datetime import timedelta

from bot.domain.health import Component, ComponentStatus
from bot.domain.redacted import redacted
from bot.ports.answers import FailureKind, MetricsError
from bot.ports.metrics import Metrics, RulesReading, TargetsReading
from bot.ports.record import Timepiece
from bot.services.health.unanswered import unanswered

_ADVICE = "Look at PROMETHEUS_URL and the process behind it. Until it answers, no alert may fire."


@dataclass(frozen=True)
class PrometheusCheck:
    """Ready, answers a query, all rules evaluate, all targets are up.

    `metrics` is None when it is not set up.
    """

    metrics: Metrics | None
    time: Timepiece
    slow_seconds: float = 1.0
    name: str = "Prometheus"

    def run(self, limit_seconds: float) -> Component:
        if self.metrics is None:
            return Component(self.name, ComponentStatus.OFF, "PROMETHEUS_URL is not set")
        start = self.time.monotonic()

        def left() -> float:
            return max(0.05, limit_seconds - (self.time.monotonic() - start))

        try:
            self.metrics.ready(left())
            asked = self.time.monotonic()
            answer = self.metrics.query("1", limit_seconds=left())
            latency = self.time.monotonic() - asked
            rules = self.metrics.rules_health(left())
            targets = self.metrics.targets(left())
        except MetricsError as error:
            return unanswered(self.name, error, _ADVICE)
        if [sample.value for sample in answer.samples] != [1.0]:
            return Component(
                self.name, ComponentStatus.FAIL, "the query 1 was not answered with 1", advice=_ADVICE
            )
        return self._judge(latency, rules, targets, answer.warnings)

    def _judge(
        self, latency: float, rules: RulesReading, targets: TargetsReading, warnings: tuple[str, ...]
    ) -> Component:
        problems = rules.problems(self.time.now())
        down = targets.not_up
        figures = [f"query in {latency:.2f} s"]
        if problems:
            more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
            figures.append(f"{redacted(problems[0], 120)}{more}")
        else:
            figures.append(f"{len(rules.rules)} rules healthy")
        up = len(targets.targets) - len(down)
        figures.append(f"{up} of {len(targets.targets)} targets up")
        if warnings:
            figures.append(f"it warns: {redacted(warnings[0], 80)}")
        advice = None
        if problems:
            advice = "Look at Prometheus' rules page: what these rules should notice goes unnoticed."
        elif down:
            named = ", ".join(f"{target.job} {target.instance}" for target in down[:3])
            advice = f"Look at the targets that are not up: {redacted(named, 120)}."
        elif not targets.targets:
            advice = "No target is scraped: look at Prometheus' configuration."
        elif warnings:
            advice = "Look at Prometheus' remote storage: its answers may be partial."
        elif latency >= self.slow_seconds:
            advice = "Prometheus is slow: look at its load and at costly queries."
        status = ComponentStatus.OK if advice is None else ComponentStatus.WARN
        threshold = f"warns from {self.slow_seconds:g} s, an unhealthy rule or a target that is not up"
        return Component(self.name, status, ", ".join(figures), threshold, advice)


@dataclass(frozen=True)
class FeedCheck:
    """How old the desk's market data is.

    `promql` is the desk's own expression and must give ages in seconds, one for each feed, for instance
    `time() - max by (feed) (feed_last_tick_timestamp_seconds)`. The oldest counts. None: not set in the
    policy.
    """

    metrics: Metrics | None
    promql: str | None
    time: Timepiece
    warn_after: timedelta = timedelta(seconds=30)
    fail_after: timedelta = timedelta(seconds=120)
    name: str = "data feed"

    def run(self, limit_seconds: float) -> Component:
        if not self.promql:
            return Component(
                self.name,
                ComponentStatus.OFF,
                "not configured: set promql under [health.data_feed] in haltdesk.toml",
            )
        if self.metrics is None:
            return Component(self.name, ComponentStatus.OFF, "PROMETHEUS_URL is not set")
        try:
            answer = self.metrics.query(self.promql, limit_seconds=limit_seconds)
        except MetricsError as error:
            wrong = error.kind is FailureKind.REJECTED
            next_step = (
                "Mend promql under [health.data_feed] in haltdesk.toml."
                if wrong
                else "The feed's age is read from Prometheus: look at that first."
            )
            # Whatever keeps Prometheus from answering, it says nothing about the feed.
            return Component(
                self.name, ComponentStatus.UNKNOWN, redacted(error.message, 160), self._threshold, next_step
            )
        ages = [sample.value for sample in answer.samples if sample.value is not None]
        if not ages or len(ages) < len(answer.samples) or answer.warnings:
            return self._not_seen(len(ages), len(answer.samples), answer.warnings, max(ages, default=None))
        worst = max(ages)
        status = self._status(worst)
        oldest = next(sample for sample in answer.samples if sample.value == worst)
        which = " ".join(value for name, value in sorted(oldest.labels.items()) if name != "__name__")
        figure = f"{_age(worst)} old" + (f" ({redacted(which, 60)})" if which else "")
        advice: str | None = None
        if status is not ComponentStatus.OK:
            advice = "Look at the data provider's status page; trading on old prices may have to be halted."
        return Component(self.name, status, figure, self._threshold, advice)

    def _not_seen(
        self, with_value: int, series: int, warnings: tuple[str, ...], worst: float | None
    ) -> Component:
        """Not every feed's age was seen. What was seen can make it worse than unknown, never better."""
        if worst is not None and self._status(worst) is ComponentStatus.FAIL:
            status = ComponentStatus.FAIL
        else:
            status = ComponentStatus.UNKNOWN
        if series == 0:
            figure = "no value: the expression found no series"
        else:
            figure = f"{with_value} of {series} feeds have a value"
        if worst is not None:
            figure += f", the oldest {_age(worst)} old"
        if warnings:
            figure += f"; Prometheus warns: {redacted(warnings[0], 80)}"
        advice = (
            "A feed whose metric is gone is often a feed that is down: look at the process that reads it."
        )
        return Component(self.name, status, figure, self._threshold, advice)

    def _status(self, age: float) -> ComponentStatus:
        if age >= self.fail_after.total_seconds():
            return ComponentStatus.FAIL
        return ComponentStatus.WARN if age >= self.warn_after.total_seconds() else ComponentStatus.OK

    @property
    def _threshold(self) -> str:
        warn, fail = self.warn_after.total_seconds(), self.fail_after.total_seconds()
        return f"warns from {_age(warn)}, fails from {_age(fail)}"


def _age(seconds: float) -> str:
    if seconds < 180:
        return f"{seconds:.1f} s" if seconds % 1 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3 * 3600 else f"{seconds / 3600:.1f} h"
