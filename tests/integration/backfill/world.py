"""A world in which alerts fire and clear, as an Alertmanager and a Prometheus would show it at any moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.fingerprint import fingerprint
from bot.ports.alerting import AlertmanagerAlert, AlertmanagerStatus
from bot.ports.answers import AlertingError, FailureKind, MetricsError
from bot.ports.comparing import NotifiedGroup
from bot.ports.metrics import (
    AlertsAnswer,
    PrometheusAlert,
    QueryAnswer,
    RangeAnswer,
    RulesReading,
    RuleState,
    Sample,
    Series,
    TargetsReading,
)
from tests.fixtures.desk_in_process import HandMoved

EVALUATED = timedelta(seconds=15)
EXTERNAL = {"desk": "equities"}


@dataclass
class Alert:
    """`waits`: its rule's `for`; it fires so long after it became active. `muted` as Alertmanager has it."""

    labels: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None = None
    waits: timedelta = timedelta(0)
    muted: str | None = None
    annotations: dict[str, str] = field(default_factory=dict)

    @property
    def sent(self) -> dict[str, str]:
        return {**EXTERNAL, **self.labels}

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.sent)

    def fires(self, at: datetime) -> bool:
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


class World:
    """Both sources. Each can be away, and Alertmanager can have started just now, with an empty list."""

    def __init__(self, time: HandMoved) -> None:
        self.time = time
        self.alerts: list[Alert] = []
        self.alertmanager_away = self.prometheus_away = False
        self.alertmanager_started = time.now() - timedelta(days=3)
        self.alertmanager_holds = True
        self.rule_health = "ok"
        self.most_points = 0
        self.alertmanager, self.prometheus = _Alertmanager(self), _Prometheus(self)

    def fire(self, name: str, *, ago: float = 0.0, lasts: float | None = None, **more: object) -> Alert:
        """It began `ago` seconds ago, on an evaluation, and lasts so many seconds; None for on and on."""
        began = self.time.now() - timedelta(seconds=ago)
        labels = {"alertname": name, **{key: str(value) for key, value in more.items() if key != "waits"}}
        waits = more.get("waits")
        alert = Alert(labels, began, waits=waits if isinstance(waits, timedelta) else timedelta(0))
        if lasts is not None:
            alert.ends_at = began + timedelta(seconds=lasts)
        self.alerts.append(alert)
        return alert

    def clear(self, alert: Alert) -> None:
        alert.ends_at = self.time.now()

    def body(self, *alerts: Alert, group: str | None = None) -> dict[str, object]:
        """The webhook that Alertmanager would send."""
        now = self.time.now()
        name = group or alerts[0].labels["alertname"]
        return {
            "version": "4",
            "groupKey": f'{{}}:{{alertname="{name}"}}',
            "groupLabels": {"alertname": name},
            "alerts": [
                {
                    "status": "firing" if alert.fires(now) else "resolved",
                    "labels": alert.sent,
                    "annotations": alert.annotations,
                    "startsAt": alert.starts_at.isoformat(),
                    "endsAt": alert.ends_at.isoformat() if alert.ends_at else "0001-01-01T00:00:00Z",
                    "fingerprint": alert.fingerprint,
                }
                for alert in alerts
            ],
        }


class _Alertmanager:
    def __init__(self, world: World) -> None:
        self._world = world

    def _reached(self) -> None:
        if self._world.alertmanager_away:
            raise AlertingError(FailureKind.UNREACHABLE, "Alertmanager could not be reached.")

    def ready(self, limit_seconds: float | None = None) -> None:
        self._reached()

    def status(self, limit_seconds: float | None = None) -> AlertmanagerStatus:
        self._reached()
        return AlertmanagerStatus("0.25.0", self._world.alertmanager_started, "disabled")

    def _held(self) -> list[Alert]:
        world = self._world
        return [alert for alert in world.alerts if world.alertmanager_holds and alert.fires(world.time.now())]

    def alerts(self, limit_seconds: float | None = None) -> tuple[AlertmanagerAlert, ...]:
        self._reached()
        now = self._world.time.now()
        return tuple(
            AlertmanagerAlert(
                fingerprint=alert.fingerprint,
                labels=alert.sent,
                annotations=alert.annotations,
                starts_at=alert.starts_at,
                ends_at=now + timedelta(minutes=4),
                updated_at=now,
                state="suppressed" if alert.muted else "active",
                silenced_by=("7f1d",) if alert.muted == "silenced" else (),
                inhibited_by=("9a0b",) if alert.muted == "inhibited" else (),
                receivers=("haltdesk",),
                generator_url=None,
            )
            for alert in self._held()
        )

    def groups(self, limit_seconds: float | None = None) -> tuple[NotifiedGroup, ...]:
        self._reached()
        names = sorted({alert.labels["alertname"] for alert in self._held()})
        return tuple(
            NotifiedGroup(
                {"alertname": name},
                "haltdesk",
                frozenset(one.fingerprint for one in self._held() if one.labels["alertname"] == name),
            )
            for name in names
        )


class _Prometheus:
    def __init__(self, world: World) -> None:
        self._world = world

    def _reached(self) -> None:
        if self._world.prometheus_away:
            raise MetricsError(FailureKind.TIMEOUT, "Prometheus gave no answer in 5 s.")

    def ready(self, limit_seconds: float | None = None) -> None:
        self._reached()

    def query(
        self, promql: str, at: datetime | None = None, limit_seconds: float | None = None
    ) -> QueryAnswer:
        self._reached()
        assert promql == "ALERTS_FOR_STATE"
        assert at is not None
        return QueryAnswer(
            tuple(
                Sample(
                    {"__name__": promql, **one.labels},
                    at,
                    float(int((one.starts_at - one.waits).timestamp())),
                )
                for one in self._world.alerts
                if one.fires(at)
            )
        )

    def query_range(
        self,
        promql: str,
        start: datetime,
        end: datetime,
        step: timedelta,
        limit_seconds: float | None = None,
    ) -> RangeAnswer:
        self._reached()
        assert promql == 'ALERTS{alertstate="firing"}'
        count = (end - start) // step + 1
        self._world.most_points = max(self._world.most_points, count)
        grid = [start + step * number for number in range(count)]
        series: dict[str, tuple[dict[str, str], list[tuple[datetime, float | None]]]] = {}
        for alert in self._world.alerts:
            points: list[tuple[datetime, float | None]] = [(at, 1.0) for at in grid if alert.fires(at)]
            labels: dict[str, str] = {"__name__": "ALERTS", "alertstate": "firing", **alert.labels}
            if points:
                series.setdefault(alert.fingerprint, (labels, []))[1].extend(points)
        return RangeAnswer(tuple(Series(labels, tuple(sorted(points))) for labels, points in series.values()))

    def alerts(self, limit_seconds: float | None = None) -> AlertsAnswer:
        self._reached()
        now = self._world.time.now()
        return AlertsAnswer(
            tuple(
                PrometheusAlert(alert.labels, alert.annotations, True, alert.starts_at - alert.waits, 1.0)
                for alert in self._world.alerts
                if alert.fires(now)
            )
        )

    def rules_health(self, limit_seconds: float | None = None) -> RulesReading:
        self._reached()
        now = self._world.time.now()
        return RulesReading(
            (RuleState("desk", "StaleData", True, self._world.rule_health, "", now, EVALUATED),)
        )

    def targets(self, limit_seconds: float | None = None) -> TargetsReading:
        raise AssertionError("a comparison asks for no targets")

    def external_labels(self, limit_seconds: float | None = None) -> Mapping[str, str]:
        self._reached()
        return EXTERNAL
