"""The adapters against a real Prometheus that fires into a real Alertmanager."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from bot.adapters.alertmanager import Alertmanager
from bot.adapters.prometheus import Prometheus
from bot.adapters.prometheus_answers import matcher
from bot.config.policy import load_policy
from bot.domain.alert_reading import all_clear, from_json, to_json
from bot.domain.all_clear import AllClear
from bot.domain.health import ComponentStatus
from bot.ports.answers import FailureKind, MetricsError
from bot.services.alert_sources import AlertSources
from bot.services.health.alerting import AlertmanagerCheck
from bot.services.health.metrics import FeedCheck, PrometheusCheck
from tests.fixtures.alerting import RealPrometheus
from tests.fixtures.ports import free_port
from tests.integration.prometheus.real import BROKEN_RULE, Pair, eventually

pytestmark = pytest.mark.real


class RealClock:
    """A Timepiece on the machine's clock: what Prometheus says about time is compared with it."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return datetime.now(UTC).timestamp()

    def wait(self, seconds: float) -> bool:
        return False


def test_it_is_ready_and_answers_a_question(pair: Pair) -> None:
    pair.prometheus.ready()
    answer = pair.prometheus.query("1")
    assert [sample.value for sample in answer.samples] == [1.0]
    assert answer.warnings == ()


def test_a_question_about_an_earlier_moment(pair: Pair) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
    (sample,) = pair.prometheus.query("vector(time())", at).samples
    assert sample.at == at
    assert sample.value == pytest.approx(at.timestamp())


def test_no_number_is_no_value(pair: Pair) -> None:
    assert pair.prometheus.query("vector(0) / 0").samples[0].value is None
    assert pair.prometheus.query("vector(1) / 0").samples[0].value is None
    assert pair.prometheus.query('"words"').samples[0].value is None


def test_a_range_has_a_point_for_each_step(pair: Pair) -> None:
    end = datetime(2026, 1, 2, 3, 4, 5, 500000, UTC)
    answer = pair.prometheus.query_range(
        "vector(time())", end - timedelta(minutes=1), end, timedelta(seconds=10)
    )
    (series,) = answer.series
    assert len(series.points) == 7
    assert series.points[-1][0] == end
    assert series.points[0][1] == pytest.approx((end - timedelta(minutes=1)).timestamp())


def test_the_most_points_that_prometheus_takes_are_asked_and_one_more_is_not(pair: Pair) -> None:
    end = datetime(2026, 1, 2, tzinfo=UTC)
    full = pair.prometheus.query_range(
        "vector(1)", end - timedelta(seconds=11_000), end, timedelta(seconds=1)
    )
    assert len(full.series[0].points) == 11_001
    with pytest.raises(MetricsError, match="step of") as raised:
        pair.prometheus.query_range("vector(1)", end - timedelta(seconds=11_001), end, timedelta(seconds=1))
    assert raised.value.kind is FailureKind.TOO_LARGE


def test_a_wrong_question_is_rejected_with_prometheus_own_words(pair: Pair) -> None:
    with pytest.raises(MetricsError, match="parse error") as raised:
        pair.prometheus.query("sum(")
    assert raised.value.kind is FailureKind.REJECTED


@pytest.mark.parametrize(
    "value",
    [
        '"} or vector(1) #',
        "'} or vector(1) #",
        '\\"} or vector(1) #',
        "line\nbreak",
        "\\",
        "`}",
        "$1 \x00 \x7f é 漢 \U0001f4c8",
        "a\r\nb",
    ],
)
def test_a_hostile_label_value_finds_nothing_and_breaks_nothing(pair: Pair, value: str) -> None:
    assert pair.prometheus.query("up" + matcher({"instance": value})).samples == ()


def test_a_label_value_with_quotes_is_found(pair: Pair) -> None:
    selector = "ALERTS" + matcher({"account": 'PA3F "paper"', "alertstate": "firing"})
    (sample,) = pair.prometheus.query(selector).samples
    assert sample.labels["alertname"] == "ReconciliationBreaks"


def test_alerts_firing_and_pending_with_their_beginning(pair: Pair) -> None:
    alerts = {alert.name: alert for alert in pair.prometheus.alerts().alerts}
    assert alerts["ReconciliationBreaks"].firing
    assert alerts["ReconciliationBreaks"].annotations["summary"] == "breaks of $2,300"
    assert alerts["ReconciliationBreaks"].value == 2300.0
    assert not alerts["StaleData"].firing
    began = alerts["StaleData"].active_at
    assert began is not None
    assert abs(datetime.now(UTC) - began) < timedelta(minutes=5)


def test_rules_are_healthy_until_nobody_evaluates_them(pair: Pair) -> None:
    reading = pair.prometheus.rules_health()
    assert [(rule.name, rule.alerting) for rule in reading.rules] == [
        ("Watchdog", True),
        ("ReconciliationBreaks", True),
        ("StaleData", True),
        ("desk:not_a_number", False),
    ]
    now = datetime.now(UTC)
    assert reading.problems(now) == ()
    assert len(reading.problems(now + timedelta(minutes=10))) == 4


def test_a_rule_that_fails_is_named_with_its_reason(tmp_path: Path) -> None:
    broken = RealPrometheus(tmp_path, BROKEN_RULE)
    try:
        broken.start()
        prometheus = Prometheus(broken.url)
        eventually(lambda: prometheus.rules_health().rules[0].health != "unknown", "the rule's first run")
        (problem,) = prometheus.rules_health().problems(datetime.now(UTC))
        assert problem.startswith("rule HighRejectRate fails: ")
        assert "duplicate series" in problem
    finally:
        broken.stop()


def test_alertmanager_holds_what_fires(pair: Pair) -> None:
    pair.alertmanager.ready()
    status = pair.alertmanager.status()
    assert status.cluster == "disabled"
    assert timedelta(0) <= datetime.now(UTC) - status.started_at < timedelta(minutes=10)
    held = {alert.name: alert for alert in pair.alertmanager.alerts()}
    breaks = held["ReconciliationBreaks"]
    assert breaks.labels["account"] == 'PA3F "paper"'
    assert breaks.receivers == ("haltdesk",)
    assert len(breaks.fingerprint) == 16
    assert breaks.starts_at < datetime.now(UTC) < breaks.ends_at


def test_a_silenced_alert_is_still_told(pair: Pair) -> None:
    now = datetime.now(UTC)
    silence = {
        "matchers": [
            {"name": "alertname", "value": "ReconciliationBreaks", "isRegex": False, "isEqual": True}
        ],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "desk",
        "comment": "being looked at",
    }
    answer = requests.post(f"{pair.alertmanager_url}/api/v2/silences", json=silence, timeout=5)
    assert answer.status_code == 200

    def silenced() -> bool:
        held = {alert.name: alert for alert in pair.alertmanager.alerts()}
        return bool(held["ReconciliationBreaks"].silenced_by)

    try:
        eventually(silenced, "the silence")
        held = {alert.name: alert for alert in pair.alertmanager.alerts()}
        assert held["ReconciliationBreaks"].state == "suppressed"
        assert not held["Watchdog"].silenced_by
    finally:
        number = answer.json()["silenceID"]
        requests.delete(f"{pair.alertmanager_url}/api/v2/silence/{number}", timeout=5).raise_for_status()


def asked(alertmanager: Alertmanager | None, prometheus: Prometheus | None) -> AllClear:
    """What is decided on what the two show now, kept and read again as the database does."""
    found = AlertSources(load_policy(None), alertmanager, prometheus, RealClock()).ask(None, None)
    reading = from_json(json.loads(json.dumps(to_json(found.reading))))
    return all_clear(reading, (), RealClock().now(), timedelta(minutes=5), "Watchdog", {"Watchdog"})


def test_all_clear_is_refused_while_the_pair_fires(pair: Pair) -> None:
    verdict = asked(pair.alertmanager, pair.prometheus)
    assert verdict.clear is False
    assert verdict.reasons[:2] == (
        "Alertmanager has 1 alert (ReconciliationBreaks) firing.",
        "Prometheus has 1 alert (ReconciliationBreaks) firing.",
    )
    assert "may not have heard" in verdict.reasons[2]
    assert any("StaleData" in reason and "pending" in reason for reason in verdict.reasons)


def test_all_clear_is_not_said_by_a_pair_that_is_gone() -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    verdict = asked(Alertmanager(gone), Prometheus(gone))
    assert verdict.clear is None
    assert [reason.partition(" could")[0] for reason in verdict.reasons] == ["Alertmanager", "Prometheus"]
    alone = asked(None, None)
    assert alone.clear is True
    assert "Only Haltdesk's own record" in alone.reasons[-1]


def test_health_of_the_pair(pair: Pair) -> None:
    clock = RealClock()
    metrics = PrometheusCheck(pair.prometheus, clock).run(4.5)
    assert metrics.status is ComponentStatus.WARN  # the trader's target is down, on purpose
    assert "4 rules healthy, 1 of 2 targets up" in metrics.figure
    assert "trader" in (metrics.advice or "")
    alerting = AlertmanagerCheck(pair.alertmanager, clock).run(4.5)
    assert alerting.status is ComponentStatus.OK
    assert "Watchdog present" in alerting.figure
    feed = FeedCheck(pair.prometheus, "time() - (time() - 45)", clock).run(4.5)
    assert (feed.status, feed.figure) == (ComponentStatus.WARN, "45 s old")
    gone = FeedCheck(pair.prometheus, "time() - feed_last_tick_timestamp_seconds", clock).run(4.5)
    assert gone.status is ComponentStatus.UNKNOWN


def test_an_address_may_end_in_a_slash(pair: Pair) -> None:
    Prometheus(pair.prometheus_url + "/").query("1")
    Alertmanager(pair.alertmanager_url + "/").status()
