"""What is asked of Alertmanager, and the values that it answers with. Source: Alertmanager's HTTP API v2."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class AlertmanagerStatus:
    """`started_at` matters: after a start the list of alerts is empty for a while though alerts fire."""

    version: str
    started_at: datetime
    cluster: str  # "ready", "settling" or "disabled"


@dataclass(frozen=True)
class AlertmanagerAlert:
    """An unresolved alert.

    `state` is `active`, `suppressed` or `unprocessed`; a suppressed one is firing too.
    """

    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime
    updated_at: datetime
    state: str
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]
    receivers: tuple[str, ...]
    generator_url: str | None

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "an alert without a name")


class Alerting(Protocol):
    """Alertmanager.

    Every method ends within `limit_seconds` (or the adapter's own) and raises `AlertingError`.
    """

    def ready(self, limit_seconds: float | None = None) -> None:
        """Return when Alertmanager says that it is ready."""

    def status(self, limit_seconds: float | None = None) -> AlertmanagerStatus:
        """Version, start and cluster. The configuration in the answer is not kept: it may hold secrets."""

    def alerts(self, limit_seconds: float | None = None) -> tuple[AlertmanagerAlert, ...]:
        """Every unresolved alert: active, silenced, inhibited and not yet processed ones."""
