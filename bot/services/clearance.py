"""Asks Alertmanager and Prometheus whether all alerts have cleared, and decides by what they showed."""

from collections.abc import Sequence

from bot.domain.all_clear import (
    AlertmanagerSeen,
    AlertmanagerView,
    AllClear,
    FiringAlert,
    NotConfigured,
    PrometheusSeen,
    PrometheusView,
    Unreachable,
    decide_all_clear,
)
from bot.domain.redacted import redacted
from bot.ports.alerting import Alerting, AlertmanagerAlert
from bot.ports.answers import AlertingError, MetricsError
from bot.ports.metrics import Metrics
from bot.ports.record import Timepiece


def ask_all_clear(
    firing_in_haltdesk: Sequence[str],
    alerting: Alerting | None,
    metrics: Metrics | None,
    time: Timepiece,
    watchdog: str | None = None,
    limit_seconds: float = 5.0,
) -> AllClear:
    """Ask both, at most `limit_seconds` each, and decide. None for one that is not configured.

    Not for a Slack listener, which waits for no network. `watchdog` as in `decide_all_clear`.
    """
    return decide_all_clear(
        firing_in_haltdesk,
        _alertmanager(alerting, time, limit_seconds),
        _prometheus(metrics, time, limit_seconds),
        time.now(),
        watchdog=watchdog,
    )


def _alertmanager(alerting: Alerting | None, time: Timepiece, limit: float) -> AlertmanagerView:
    if alerting is None:
        return NotConfigured()
    start = time.monotonic()
    try:
        status = alerting.status(limit)
        alerts = alerting.alerts(max(0.05, limit - (time.monotonic() - start)))
    except AlertingError as error:
        return Unreachable(redacted(error.message).rstrip("."))
    return AlertmanagerSeen([FiringAlert(alert.name, _muted(alert)) for alert in alerts], status.started_at)


def _prometheus(metrics: Metrics | None, time: Timepiece, limit: float) -> PrometheusView:
    if metrics is None:
        return NotConfigured()
    start = time.monotonic()
    try:
        answer = metrics.alerts(limit)
        rules = metrics.rules_health(max(0.05, limit - (time.monotonic() - start)))
    except MetricsError as error:
        return Unreachable(redacted(error.message).rstrip("."))
    return PrometheusSeen(
        firing=[alert.name for alert in answer.alerts if alert.firing],
        pending=[alert.name for alert in answer.alerts if not alert.firing],
        rule_problems=[redacted(problem, 120) for problem in rules.problems(time.now())],
        warnings=[redacted(warning, 120) for warning in answer.warnings],
    )


def _muted(alert: AlertmanagerAlert) -> str | None:
    if alert.silenced_by:
        return "silenced"
    return "inhibited" if alert.inhibited_by else None
