"""What a comparison asks of Alertmanager and Prometheus beyond what the health checks do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.ports.alerting import Alerting
from bot.ports.metrics import Metrics


@dataclass(frozen=True)
class NotifiedGroup:
    """Alerts that Alertmanager notifies of together: the labels that they share, to whom, and their fingerprints."""

    labels: Mapping[str, str]
    receiver: str
    fingerprints: frozenset[str]


class ComparedAlerting(Alerting, Protocol):
    """Alertmanager, with its groups."""

    def groups(self, limit_seconds: float | None = None) -> tuple[NotifiedGroup, ...]:
        """How it groups the alerts that it holds. Raises `AlertingError`."""


class ComparedMetrics(Metrics, Protocol):
    """Prometheus, with what it adds to the labels of the alerts that it sends."""

    def external_labels(self, limit_seconds: float | None = None) -> Mapping[str, str]:
        """`global.external_labels` of its configuration. Raises `MetricsError`, also when they cannot be read."""
