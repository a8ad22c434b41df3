"""What a comparison relies on, as the real pair has it: fingerprints, groups, external labels, history."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters.prometheus import Prometheus
from bot.domain.backfill import History, alert_labels
from bot.domain.fingerprint import fingerprint
from bot.ports.answers import MetricsError
from tests.fixtures.alerting import RealPrometheus
from tests.integration.prometheus.real import RULES, Pair, eventually

pytestmark = pytest.mark.real


def test_our_fingerprints_are_alertmanagers(pair: Pair) -> None:
    alerts = pair.alertmanager.alerts()
    assert len(alerts) >= 2
    assert {fingerprint(alert.labels): alert.labels for alert in alerts} == {
        alert.fingerprint: alert.labels for alert in alerts
    }
    # One of them has quotes in a label's value.
    assert any('"' in value for alert in alerts for value in alert.labels.values())


def test_prometheus_alerts_have_the_fingerprints_that_alertmanager_gives_them(pair: Pair) -> None:
    theirs = {alert.fingerprint for alert in pair.alertmanager.alerts()}
    ours = {fingerprint(alert_labels(one.labels)) for one in pair.prometheus.alerts().alerts if one.firing}
    assert ours == theirs


def test_groups_tell_which_alerts_come_together(pair: Pair) -> None:
    groups = pair.alertmanager.groups()
    assert {group.labels["alertname"] for group in groups} == {"Watchdog", "ReconciliationBreaks"}
    assert {name for group in groups for name in group.fingerprints} == {
        alert.fingerprint for alert in pair.alertmanager.alerts()
    }
    assert {group.receiver for group in groups} == {"haltdesk"}


def test_history_is_read_and_what_lasts_has_not_ended(pair: Pair) -> None:
    now = datetime.now(UTC)
    step = timedelta(seconds=1)
    history = History(now - timedelta(seconds=60), step)
    answer = pair.prometheus.query_range(
        'ALERTS{alertstate="firing"}', history.begins, now - timedelta(seconds=2), step
    )
    for series in answer.series:
        history.add(series.labels, [at for at, _ in series.points])
    history.through = now - timedelta(seconds=2)
    assert {labels["alertname"] for labels in history.labels.values()} == {"Watchdog", "ReconciliationBreaks"}
    assert history.ended({}) == []


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"desk": "equities"},
        {
            "number": "7",
            "yes": "true",
            "odd": "a: b # c",
            "quoted": 'it\'s "so"',
            "none": "null",
            "date": "2026-01-02",
        },
        {
            "umlaut": "Zürich €",
            "back": "a\\b",
            "at": "@x",
            "dash": "-",
            "brace": "{x}",
        },
    ],
)
def test_external_labels_are_read_as_prometheus_writes_them(tmp_path: Path, labels: dict[str, str]) -> None:
    prometheus = RealPrometheus(tmp_path / "prom", RULES, external_labels=labels)
    try:
        prometheus.start()
        asked = Prometheus(prometheus.url)
        eventually(lambda: asked.external_labels() == labels, f"the labels {labels}")
    finally:
        prometheus.stop()


def test_a_label_that_is_folded_over_lines_is_not_guessed(tmp_path: Path) -> None:
    prometheus = RealPrometheus(tmp_path / "prom", RULES, external_labels={"long": "word " * 60 + "end"})
    try:
        prometheus.start()
        with pytest.raises(MetricsError, match="external labels could not be read"):
            Prometheus(prometheus.url).external_labels()
    finally:
        prometheus.stop()
