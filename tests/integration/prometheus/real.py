"""Rules for the real Prometheus of the adapters' tests, and waiting for what it will show."""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.adapters.alertmanager import Alertmanager
from bot.adapters.prometheus import Prometheus
from bot.ports.answers import AnswerError

RULES = """\
groups:
  - name: desk
    interval: 1s
    rules:
      - alert: Watchdog
        expr: vector(1)
        labels: {severity: none}
      - alert: ReconciliationBreaks
        expr: vector(2300) > 1000
        labels: {severity: critical, account: "PA3F \\"paper\\""}
        annotations: {summary: "breaks of $2,300"}
      - alert: StaleData
        expr: vector(1)
        for: 1h
      - record: desk:not_a_number
        expr: vector(0) / 0
"""

# Two series with the same (empty) labels on the right side: Prometheus cannot tell which to join.
BROKEN_RULE = """\
groups:
  - name: broken
    interval: 1s
    rules:
      - alert: HighRejectRate
        expr: vector(1) * on() (vector(1) or label_replace(vector(1), "desk", "a", "", ""))
"""


def eventually(true: Callable[[], bool], what: str, seconds: float = 90.0) -> None:
    """Wait until `true`, asking again and again; after `seconds` an assertion that names `what`."""
    pause = threading.Event()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(AnswerError):
            if true():
                return
        pause.wait(0.05)
    raise AssertionError(f"not seen within {seconds:g} s: {what}")


@dataclass(frozen=True)
class Pair:
    """Both programs, as Haltdesk sees them and by their addresses."""

    prometheus: Prometheus
    alertmanager: Alertmanager
    prometheus_url: str
    alertmanager_url: str

    def fires(self) -> bool:
        return {alert.name for alert in self.alertmanager.alerts()} >= {"Watchdog", "ReconciliationBreaks"}

    def scraped(self) -> bool:
        return all(target.health != "unknown" for target in self.prometheus.targets().targets)
