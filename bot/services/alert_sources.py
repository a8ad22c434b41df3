"""Asks Alertmanager and Prometheus what fires, and Prometheus what has fired: over the network, in bounded time."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.config.policy import Policy
from bot.domain.alert_reading import AlertReading, SourceReading
from bot.domain.all_clear import FiringAlert
from bot.domain.backfill import History, added_labels, alert_labels, sent_labels, storable
from bot.domain.fingerprint import fingerprint
from bot.domain.redacted import redacted
from bot.domain.severity import like
from bot.ports.alerting import AlertmanagerAlert, AlertmanagerStatus
from bot.ports.answers import AlertingError, MetricsError
from bot.ports.comparing import ComparedAlerting, ComparedMetrics, NotifiedGroup
from bot.ports.metrics import AlertsAnswer, RulesReading
from bot.ports.record import Timepiece
from bot.services.alert_history import Active, read_history

log = logging.getLogger(__name__)

ALERTMANAGER, PROMETHEUS = "Alertmanager", "Prometheus"
EACH = 5.0  # seconds for one question


@dataclass(frozen=True)
class LiveAlert:
    """An alert that fires now. `about`: the start is when it became active for Prometheus, not when it fired."""

    source: str
    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    about: bool
    muted: str | None
    generator_url: str | None


@dataclass(frozen=True)
class Found:
    """All that was learned. `live` by fingerprint, Alertmanager's word before Prometheus'."""

    reading: AlertReading
    live: Mapping[str, LiveAlert]
    groups: tuple[NotifiedGroup, ...]
    added_labels: Mapping[str, str] | None
    history: History | None
    active_before: Mapping[
        str, datetime
    ]  # fingerprint -> active since, for what fired when the history begins
    watchdog_seen: bool


class AlertSources:
    """`alerting` and `metrics` are None where the desk has no address for them. Raises nothing that they raise."""

    def __init__(
        self,
        policy: Policy,
        alerting: ComparedAlerting | None,
        metrics: ComparedMetrics | None,
        time: Timepiece,
    ) -> None:
        self._policy, self._alerting, self._metrics, self._time = policy, alerting, metrics, time

    @property
    def any(self) -> bool:
        return self._alerting is not None or self._metrics is not None

    def ask(
        self,
        since: datetime | None,
        learned: Mapping[str, str] | None,
        going_on: Callable[[], None] = lambda: None,
    ) -> Found:
        """What fires now, and what has fired after `since` (None: that is not asked).

        `going_on` is called at least every two questions, before the first and after the last.
        """
        going_on()
        rules = self._rules()
        history: History | None = None
        active: Active = []
        if self._metrics is not None and since is not None and isinstance(rules, RulesReading):
            history, active = read_history(self._metrics, since, rules, self._time, going_on)
        going_on()
        # Last, so that it is fresh when it is compared.
        at = self._time.now()
        theirs = self._alertmanager()
        going_on()
        prometheus = self._prometheus()
        added = dict(learned or {})
        if isinstance(prometheus, AlertsAnswer):
            held = theirs[1] if isinstance(theirs, tuple) else ()
            added = added_labels(
                [alert_labels(alert.labels) for alert in prometheus.alerts],
                [(alert.fingerprint, alert.labels) for alert in held],
                self._configured(),
                learned,
            )
        live: dict[str, LiveAlert] = {}
        if isinstance(prometheus, AlertsAnswer):
            live |= self._firing_in_prometheus(prometheus, added)
        if isinstance(theirs, tuple):
            live |= self._firing_in_alertmanager(theirs[1])
        going_on()
        groups = self._groups() if isinstance(theirs, tuple) and theirs[1] else ()
        going_on()
        watchdog = self._policy.alerting.watchdog
        return Found(
            reading=AlertReading(
                at,
                self._alertmanager_reading(theirs),
                self._prometheus_reading(prometheus, rules, added),
            ),
            live=live,
            groups=groups,
            added_labels=added if isinstance(prometheus, AlertsAnswer) else learned,
            history=history,
            active_before={fingerprint(sent_labels(labels, added)): since for labels, since in active},
            watchdog_seen=isinstance(theirs, tuple) and any(alert.name == watchdog for alert in theirs[1]),
        )

    # Alertmanager.

    def _alertmanager(self) -> tuple[AlertmanagerStatus, tuple[AlertmanagerAlert, ...]] | str | None:
        """Its status and alerts; why not, in words; None when it is not configured."""
        if self._alerting is None:
            return None
        try:
            return self._alerting.status(EACH), self._alerting.alerts(EACH)
        except AlertingError as error:
            log.warning("Alertmanager could not be asked: %s", redacted(error.message))
            return redacted(error.message).rstrip(".")

    def _groups(self) -> tuple[NotifiedGroup, ...]:
        if self._alerting is None:
            return ()
        try:
            return self._alerting.groups(EACH)
        except AlertingError as error:
            log.warning("Alertmanager's groups could not be had: %s", redacted(error.message))
            return ()

    def _firing_in_alertmanager(self, alerts: tuple[AlertmanagerAlert, ...]) -> dict[str, LiveAlert]:
        return {
            alert.fingerprint: LiveAlert(
                ALERTMANAGER,
                alert.fingerprint,
                alert.labels,
                alert.annotations,
                alert.starts_at,
                about=False,
                muted=_muted(alert),
                generator_url=alert.generator_url,
            )
            for alert in alerts
            if self._of_the_desk(alert.labels)
        }

    def _alertmanager_reading(
        self, theirs: tuple[AlertmanagerStatus, tuple[AlertmanagerAlert, ...]] | str | None
    ) -> SourceReading | None:
        if theirs is None:
            return None
        if isinstance(theirs, str):
            return SourceReading(why=theirs)
        status, alerts = theirs
        firing = tuple(
            FiringAlert(_name(alert.labels), _muted(alert), alert.fingerprint)
            for alert in alerts
            if self._counts(alert.labels, alert.annotations)
        )
        return SourceReading(firing=firing, started_at=status.started_at)

    # Prometheus.

    def _prometheus(self) -> AlertsAnswer | str | None:
        if self._metrics is None:
            return None
        try:
            return self._metrics.alerts(EACH)
        except MetricsError as error:
            log.warning("Prometheus could not be asked: %s", redacted(error.message))
            return redacted(error.message).rstrip(".")

    def _rules(self) -> RulesReading | str:
        if self._metrics is None:
            return "PROMETHEUS_URL is not set"
        try:
            return self._metrics.rules_health(EACH)
        except MetricsError as error:
            return redacted(error.message).rstrip(".")

    def _configured(self) -> Mapping[str, str] | None:
        if self._metrics is None:
            return None
        try:
            return self._metrics.external_labels(EACH)
        except MetricsError as error:
            log.warning("%s", redacted(error.message))
            return None

    def _firing_in_prometheus(self, answer: AlertsAnswer, added: Mapping[str, str]) -> dict[str, LiveAlert]:
        found = {}
        for alert in answer.alerts:
            labels = sent_labels(alert_labels(alert.labels), added)
            if not alert.firing or alert.active_at is None or not self._of_the_desk(labels):
                continue
            key = fingerprint(labels)
            found[key] = LiveAlert(
                PROMETHEUS,
                key,
                labels,
                alert.annotations,
                alert.active_at,
                about=True,
                muted=None,
                generator_url=None,
            )
        return found

    def _prometheus_reading(
        self, answer: AlertsAnswer | str | None, rules: RulesReading | str, added: Mapping[str, str]
    ) -> SourceReading | None:
        if answer is None:
            return None
        if isinstance(answer, str) or isinstance(rules, str):
            return SourceReading(why=answer if isinstance(answer, str) else str(rules))
        firing: list[FiringAlert] = []
        pending: list[FiringAlert] = []
        for alert in answer.alerts:
            labels = sent_labels(alert_labels(alert.labels), added)
            if self._counts(labels, alert.annotations):
                shown = FiringAlert(_name(labels), None, fingerprint(labels))
                (firing if alert.firing else pending).append(shown)
        problems = rules.problems(self._time.now())
        return SourceReading(
            firing=tuple(firing),
            pending=tuple(pending),
            rule_problems=tuple(redacted(problem, 120) for problem in problems),
            warnings=tuple(redacted(warning, 120) for warning in answer.warnings),
        )

    # Which alerts.

    def _of_the_desk(self, labels: Mapping[str, str]) -> bool:
        return of_the_desk(self._policy, labels)

    def _counts(self, labels: Mapping[str, str], annotations: Mapping[str, str]) -> bool:
        """Whether it speaks against all clear. The Watchdog is kept, since its absence does."""
        if labels.get("alertname") == self._policy.alerting.watchdog:
            return True
        return self._of_the_desk(labels) and not self._policy.decide(labels, annotations).ignore


def of_the_desk(policy: Policy, labels: Mapping[str, str]) -> bool:
    """Whether the policy calls an alert with these labels the desk's."""
    return all(like(labels.get(name, ""), pattern) for name, pattern in policy.alerting.labels.items())


def _name(labels: Mapping[str, str]) -> str:
    return storable(labels).get("alertname", "an alert without a name")[:300]


def _muted(alert: AlertmanagerAlert) -> str | None:
    if alert.silenced_by:
        return "silenced"
    return "inhibited" if alert.inhibited_by else None
