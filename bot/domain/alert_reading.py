"""What Alertmanager and Prometheus showed at one moment, kept so that no service has to ask them again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

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

STALE_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class SourceReading:
    """One source. `why`: it gave no usable answer, and the rest is empty. `started_at` is Alertmanager's."""

    why: str | None = None
    firing: tuple[FiringAlert, ...] = ()
    started_at: datetime | None = None
    pending: tuple[FiringAlert, ...] = ()
    rule_problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class AlertReading:
    """Both sources, asked at `at`; None for one that is not configured."""

    at: datetime
    alertmanager: SourceReading | None
    prometheus: SourceReading | None

    def firing(self) -> set[str]:
        """The fingerprints of all that fires in either."""
        sources = [source for source in (self.alertmanager, self.prometheus) if source is not None]
        return {alert.fingerprint for source in sources for alert in source.firing}

    def trusted_to_be_silent(self, now: datetime, settles: timedelta) -> bool:
        """Whether an alert that neither shows is gone: each that is configured was heard whole, and has settled."""
        if self.alertmanager is None and self.prometheus is None:
            return False
        alertmanager, prometheus = self.alertmanager, self.prometheus
        if alertmanager is not None and (
            alertmanager.why is not None
            or alertmanager.started_at is None
            or now - alertmanager.started_at < settles
        ):
            return False
        return prometheus is None or not (
            prometheus.why is not None or prometheus.rule_problems or prometheus.warnings
        )


def all_clear(
    reading: AlertReading,
    leave_out: Collection[str],
    now: datetime,
    settles: timedelta,
    watchdog: str | None,
    always_firing: Collection[str],
) -> AllClear:
    """The full definition over a reading, but for the alerts of these fingerprints. A stale reading says nothing."""
    if now - reading.at > STALE_AFTER:
        why = "What fires is not known: Alertmanager and Prometheus were last asked"
        seconds = int((now - reading.at).total_seconds())
        told = f"{why} {seconds // 60} min ago. See whether a Haltdesk worker runs."
        return AllClear(None, (told,), (told,))
    return decide_all_clear(
        [],
        _alertmanager(reading.alertmanager, leave_out),
        _prometheus(reading.prometheus, leave_out),
        now,
        minimum_uptime=settles,
        always_firing=always_firing,
        watchdog=watchdog,
    )


def _alertmanager(source: SourceReading | None, leave_out: Collection[str]) -> AlertmanagerView:
    if source is None:
        return NotConfigured()
    if source.why is not None or source.started_at is None:
        return Unreachable(source.why or "it did not say since when it runs")
    return AlertmanagerSeen(_others(source.firing, leave_out), source.started_at)


def _prometheus(source: SourceReading | None, leave_out: Collection[str]) -> PrometheusView:
    if source is None:
        return NotConfigured()
    if source.why is not None:
        return Unreachable(source.why)
    return PrometheusSeen(
        firing=[alert.name for alert in _others(source.firing, leave_out)],
        pending=[alert.name for alert in _others(source.pending, leave_out)],
        rule_problems=source.rule_problems,
        warnings=source.warnings,
    )


def _others(alerts: Collection[FiringAlert], leave_out: Collection[str]) -> list[FiringAlert]:
    return [alert for alert in alerts if alert.fingerprint not in leave_out]


def to_json(reading: AlertReading) -> dict[str, Any]:
    """As it is kept in the database."""
    return {
        "at": reading.at.isoformat(),
        "alertmanager": _source_to_json(reading.alertmanager),
        "prometheus": _source_to_json(reading.prometheus),
    }


def from_json(kept: Mapping[str, Any]) -> AlertReading:
    return AlertReading(
        datetime.fromisoformat(kept["at"]),
        _source_from_json(kept["alertmanager"]),
        _source_from_json(kept["prometheus"]),
    )


def _source_to_json(source: SourceReading | None) -> dict[str, Any] | None:
    if source is None:
        return None
    return {
        "why": source.why,
        "firing": [[alert.fingerprint, alert.name, alert.muted] for alert in source.firing],
        "started_at": source.started_at.isoformat() if source.started_at else None,
        "pending": [[alert.fingerprint, alert.name, alert.muted] for alert in source.pending],
        "rule_problems": list(source.rule_problems),
        "warnings": list(source.warnings),
    }


def _source_from_json(kept: Mapping[str, Any] | None) -> SourceReading | None:
    if kept is None:
        return None
    return SourceReading(
        why=kept["why"],
        firing=tuple(FiringAlert(name, muted, key) for key, name, muted in kept["firing"]),
        started_at=datetime.fromisoformat(kept["started_at"]) if kept["started_at"] else None,
        pending=tuple(FiringAlert(name, muted, key) for key, name, muted in kept["pending"]),
        rule_problems=tuple(kept["rule_problems"]),
        warnings=tuple(kept["warnings"]),
    )
