"""Alertmanager's health, and whether the Watchdog alert still comes through to it."""

from dataclasses import dataclass
from datetime import timedelta

from bot.domain.health import Component, ComponentStatus
from bot.domain.redacted import redacted
from bot.ports.alerting import Alerting
from bot.ports.answers import AlertingError
from bot.ports.record import Timepiece
from bot.services.health.unanswered import unanswered

_ADVICE = "Look at ALERTMANAGER_URL and the process behind it. Until it answers, no alert reaches Haltdesk."


@dataclass(frozen=True)
class AlertmanagerCheck:
    """Ready, its status, and the alert that must always be there.

    `watchdog` names the alert that fires on purpose all the time; None when the desk has none. `alerting`
    is None when Alertmanager is not set up.
    """

    alerting: Alerting | None
    time: Timepiece
    watchdog: str | None = "Watchdog"
    young: timedelta = timedelta(minutes=5)
    name: str = "Alertmanager"

    def run(self, limit_seconds: float) -> Component:
        if self.alerting is None:
            return Component(self.name, ComponentStatus.OFF, "ALERTMANAGER_URL is not set")
        start = self.time.monotonic()

        def left() -> float:
            return max(0.05, limit_seconds - (self.time.monotonic() - start))

        try:
            self.alerting.ready(left())
            status = self.alerting.status(left())
            alerts = self.alerting.alerts(left())
        except AlertingError as error:
            return unanswered(self.name, error, _ADVICE)
        uptime = max(timedelta(0), self.time.now() - status.started_at)
        figures = [f"version {status.version}", f"up {_span(uptime)}"]
        others = [alert for alert in alerts if alert.name != self.watchdog]
        muted = sum(1 for alert in others if alert.silenced_by or alert.inhibited_by)
        figures.append(f"{len(others)} firing" + (f" ({muted} muted)" if muted else ""))
        advice = None
        if self.watchdog is not None:
            present = any(alert.name == self.watchdog for alert in alerts)
            figures.append(f"{self.watchdog} {'present' if present else 'absent'}")
            if not present and uptime < self.young:
                advice = f"It has just started: ask again when it is {_span(self.young)} up."
            elif not present:
                advice = (
                    f"{self.watchdog} should always fire: alerts may not reach Alertmanager. "
                    "Look at Prometheus' alerting section and its rules."
                )
        if advice is None and status.cluster not in ("ready", "disabled"):
            figures.append(f"cluster {redacted(status.cluster, 40)}")
            advice = "Its cluster has not settled: a notification may come twice. Look at its peers."
        return Component(
            self.name,
            ComponentStatus.OK if advice is None else ComponentStatus.WARN,
            ", ".join(figures),
            None if self.watchdog is None else f"warns when {self.watchdog} is absent",
            advice,
        )


def _span(span: timedelta) -> str:
    seconds = span.total_seconds()
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"
