"""Reads from Prometheus what has fired since a moment: in stretches, each bounded, all of them within a time limit."""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from bot.domain.backfill import History, alert_labels, step_of, windows
from bot.domain.redacted import redacted
from bot.ports.answers import FailureKind, MetricsError
from bot.ports.metrics import Metrics, RulesReading
from bot.ports.record import Timepiece

log = logging.getLogger(__name__)

EACH = 5.0  # seconds for one question
ALL = 30.0  # seconds for all of them
WINDOW = 600  # points of each series in one answer: 2,000 alerts still fit into its bound
SMALLEST = 10
FIRING = 'ALERTS{alertstate="firing"}'

Active = list[tuple[Mapping[str, str], datetime]]


def starts(checked_until: datetime, now: datetime, look_back: timedelta, overlap: timedelta) -> datetime:
    """Where the next reading of the past begins: a little before the last one ended, within the look-back."""
    return max(checked_until - overlap, now - look_back).replace(microsecond=0)


def read_history(
    metrics: Metrics, since: datetime, rules: RulesReading, time: Timepiece, going_on: Callable[[], None]
) -> tuple[History | None, Active]:
    """What has fired, as far as there was time to ask: `through` says how far, the rest is for the next time.

    With it, since when the alerts were active that were so at the beginning. None when nothing was learned. `going_on`
    is called before each question.
    """
    step = step_of(rule.interval for rule in rules.rules if rule.alerting)
    history = History(since, step)
    ends = time.monotonic() + ALL
    try:
        for start, end in windows(since, time.now(), step, WINDOW):
            if time.monotonic() > ends:
                break
            _read(metrics, history, start, end, going_on)
            history.through = end
        going_on()
        active: Active = [
            (alert_labels(sample.labels), datetime.fromtimestamp(sample.value, UTC))
            for sample in metrics.query("ALERTS_FOR_STATE", since, EACH).samples
            if sample.value is not None and 0 < sample.value < since.timestamp() + 1
        ]
    except MetricsError as error:
        log.warning("what has fired could not be had of Prometheus: %s", redacted(error.message))
        return (history if history.through is not None else None), []
    return history, active


def _read(
    metrics: Metrics, history: History, start: datetime, end: datetime, going_on: Callable[[], None]
) -> None:
    """One stretch, in halves when the answer would be too large."""
    going_on()
    points = int((end - start) / history.step) + 1
    try:
        answer = metrics.query_range(FIRING, start, end, history.step, EACH)
    except MetricsError as error:
        if error.kind is not FailureKind.TOO_LARGE or points <= SMALLEST:
            raise
        for first, last in windows(start, end, history.step, points // 2 + 1):
            _read(metrics, history, first, last, going_on)
        return
    if answer.warnings:
        raise MetricsError(FailureKind.MALFORMED, "Prometheus' answer about the past may be partial.")
    for series in answer.series:
        history.add(series.labels, [at for at, value in series.points if value is not None])
