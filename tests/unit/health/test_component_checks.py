"""Each component's check: what is well, what warns, what fails, and what nobody can say."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import cast

import pytest

from bot.domain.brokerage import AccountReading, MarketClock
from bot.domain.health import Component, ComponentStatus
from bot.ports.answers import AlertingError, FailureKind, MetricsError
from bot.ports.broker import Broker, BrokerRefused, BrokerTimeout, BrokerUnavailable
from bot.ports.host import Load, Room
from bot.ports.metrics import QueryAnswer, RulesReading, RuleState, Sample, TargetsReading, TargetState
from bot.services.health.alerting import AlertmanagerCheck
from bot.services.health.broker import BrokerCheck
from bot.services.health.host import DiskCheck, LoadCheck, MemoryCheck
from bot.services.health.metrics import FeedCheck, PrometheusCheck
from tests.unit.health.desk import (
    NOON,
    FakeAlertmanager,
    FakeBroker,
    FakeHost,
    FakeMetrics,
    HandClock,
    held_alert,
)

ACTIVE = AccountReading("PA3F0001", "ACTIVE", Decimal("100000"), False, False)
RULE = RuleState("desk", "StaleData", True, "ok", "", NOON, timedelta(seconds=15))


def broker_seen(reading: AccountReading | Exception, ahead: float = 0.0, takes: float = 0.1) -> Component:
    clock = HandClock()
    # asked at noon + takes, answered at noon + 2 * takes: the middle is 1.5 * takes after noon
    market = MarketClock(is_open=True, at=NOON + timedelta(seconds=1.5 * takes + ahead))
    return BrokerCheck(cast(Broker, FakeBroker(clock, reading, market, takes)), clock).run(4.5)


def test_an_active_account_is_well_and_says_the_figures() -> None:
    seen = broker_seen(ACTIVE)
    assert (seen.name, seen.status) == ("broker paper", ComponentStatus.OK)
    assert seen.figure == "ACTIVE, market open, 0.10 s, clocks 0.0 s apart"


@pytest.mark.parametrize(
    ("reading", "status", "word"),
    [
        (replace(ACTIVE, suspended_by_user=True), ComponentStatus.WARN, "suspended by the user"),
        (replace(ACTIVE, trading_blocked=True), ComponentStatus.FAIL, "trading blocked"),
        (replace(ACTIVE, status="ACCOUNT_CLOSED"), ComponentStatus.FAIL, "ACCOUNT_CLOSED"),
        (replace(ACTIVE, status=None), ComponentStatus.WARN, "status not given"),
        (replace(ACTIVE, suspended_by_user=None), ComponentStatus.WARN, "blocks not given"),
        (
            BrokerTimeout("read the account", "no answer in 4.5 s", may_have_acted=True),
            ComponentStatus.UNKNOWN,
            "4.5",
        ),
        (
            BrokerRefused("read the account", 401, None, "unauthorized."),
            ComponentStatus.FAIL,
            "refused (401)",
        ),
        (BrokerUnavailable("read the account", "error 503", status=503), ComponentStatus.FAIL, "503"),
    ],
)
def test_what_is_wrong_with_the_account_is_told_apart(
    reading: AccountReading | Exception, status: ComponentStatus, word: str
) -> None:
    seen = broker_seen(reading)
    assert seen.status is status
    assert word in seen.figure
    assert seen.advice


@pytest.mark.parametrize("ahead", [3.0, -3.0])
def test_a_clock_that_is_off_warns_either_way(ahead: float) -> None:
    seen = broker_seen(ACTIVE, ahead=ahead)
    assert seen.status is ComponentStatus.WARN
    assert "clocks 3.0 s apart" in seen.figure


def test_the_way_there_and_back_is_not_taken_for_a_wrong_clock() -> None:
    seen = broker_seen(ACTIVE, takes=1.8)
    assert "clocks 0.0 s apart" in seen.figure
    assert seen.status is ComponentStatus.WARN  # slow


def prometheus_seen(metrics: FakeMetrics | None) -> Component:
    return PrometheusCheck(metrics, HandClock()).run(4.5)


UP = TargetsReading((TargetState("trader", "t1:9000", "up"),))


def test_prometheus_is_well_with_rules_and_targets() -> None:
    seen = prometheus_seen(FakeMetrics(rules=RulesReading((RULE,)), scraped=UP))
    assert seen.status is ComponentStatus.OK
    assert seen.figure == "query in 0.00 s, 1 rules healthy, 1 of 1 targets up"


@pytest.mark.parametrize(
    ("rules", "targets", "word"),
    [
        ((), UP, "no alerting rule is loaded"),
        ((replace(RULE, health="err", last_error="bad join"),), UP, "rule StaleData fails: bad join"),
        ((replace(RULE, health="unknown", last_evaluation=None),), UP, "not been evaluated yet"),
        ((replace(RULE, last_evaluation=NOON - timedelta(minutes=5)),), UP, "last evaluated 300 s ago"),
        ((RULE,), TargetsReading((TargetState("trader", "t1", "down", "refused"),)), "0 of 1 targets up"),
        ((RULE,), TargetsReading(()), "0 of 0 targets up"),
    ],
)
def test_a_prometheus_that_answers_but_would_miss_trouble_warns(
    rules: tuple[RuleState, ...], targets: TargetsReading, word: str
) -> None:
    seen = prometheus_seen(FakeMetrics(rules=RulesReading(rules), scraped=targets))
    assert seen.status is ComponentStatus.WARN
    assert word in seen.figure
    assert seen.advice


def test_prometheus_silent_broken_wrong_or_not_set_up() -> None:
    late = prometheus_seen(FakeMetrics(answer=MetricsError(FailureKind.TIMEOUT, "no answer in 2 s.")))
    assert late.status is ComponentStatus.UNKNOWN
    broken = prometheus_seen(FakeMetrics(answer=MetricsError(FailureKind.SERVER, "answered 500.")))
    assert broken.status is ComponentStatus.FAIL
    odd = prometheus_seen(FakeMetrics(answer=QueryAnswer((Sample({}, NOON, 2.0),))))
    assert odd.status is ComponentStatus.FAIL
    assert prometheus_seen(None).status is ComponentStatus.OFF


def feed_seen(*ages: float | None, warnings: tuple[str, ...] = ()) -> Component:
    samples = tuple(Sample({"feed": f"feed{n}"}, NOON, age) for n, age in enumerate(ages))
    return FeedCheck(FakeMetrics(answer=QueryAnswer(samples, warnings)), "time() - tick", HandClock()).run(
        4.5
    )


def test_the_oldest_feed_counts_and_is_named() -> None:
    assert feed_seen(2.0, 4.5).status is ComponentStatus.OK
    stale = feed_seen(2.0, 41.0)
    assert stale.status is ComponentStatus.WARN
    assert stale.figure == "41 s old (feed1)"
    assert stale.threshold == "warns from 30 s, fails from 120 s"
    assert feed_seen(700.0).status is ComponentStatus.FAIL


def test_a_feed_without_a_value_is_never_well() -> None:
    assert feed_seen().status is ComponentStatus.UNKNOWN
    assert feed_seen(None).status is ComponentStatus.UNKNOWN
    assert feed_seen(1.0, None).status is ComponentStatus.UNKNOWN
    assert feed_seen(1.0, warnings=("a store did not answer",)).status is ComponentStatus.UNKNOWN
    assert feed_seen(700.0, None).status is ComponentStatus.FAIL


def test_a_feed_that_cannot_be_asked_after_is_unknown_or_off() -> None:
    clock = HandClock()
    wrong = FakeMetrics(answer=MetricsError(FailureKind.REJECTED, "parse error."))
    seen = FeedCheck(wrong, "time( -", clock).run(4.5)
    assert seen.status is ComponentStatus.UNKNOWN
    assert "haltdesk.toml" in (seen.advice or "")
    down = FakeMetrics(answer=MetricsError(FailureKind.UNREACHABLE, "refused."))
    assert FeedCheck(down, "x", clock).run(4.5).status is ComponentStatus.UNKNOWN
    assert FeedCheck(FakeMetrics(), None, clock).run(4.5).status is ComponentStatus.OFF
    assert FeedCheck(None, "x", clock).run(4.5).status is ComponentStatus.OFF


def test_alertmanager_is_well_while_its_watchdog_comes_through() -> None:
    old = NOON - timedelta(days=3)
    holding = FakeAlertmanager(old, [held_alert("Watchdog"), held_alert("StaleData", silenced=True)])
    seen = AlertmanagerCheck(holding, HandClock()).run(4.5)
    assert seen.status is ComponentStatus.OK
    assert seen.figure == "version 0.25.0, up 3 days, 1 firing (1 muted), Watchdog present"
    silent = AlertmanagerCheck(FakeAlertmanager(old, []), HandClock()).run(4.5)
    assert silent.status is ComponentStatus.WARN
    assert "Watchdog absent" in silent.figure
    without = AlertmanagerCheck(FakeAlertmanager(old, []), HandClock(), watchdog=None).run(4.5)
    assert without.status is ComponentStatus.OK


def test_alertmanager_just_started_settling_broken_or_not_set_up() -> None:
    young = AlertmanagerCheck(FakeAlertmanager(NOON - timedelta(seconds=40), []), HandClock()).run(4.5)
    assert young.status is ComponentStatus.WARN
    assert "just started" in (young.advice or "")
    settling = FakeAlertmanager(NOON - timedelta(days=1), [held_alert("Watchdog")], "settling")
    assert AlertmanagerCheck(settling, HandClock()).run(4.5).status is ComponentStatus.WARN
    down = FakeAlertmanager(NOON, AlertingError(FailureKind.UNREACHABLE, "Connection refused."))
    assert AlertmanagerCheck(down, HandClock()).run(4.5).status is ComponentStatus.FAIL
    late = FakeAlertmanager(NOON, AlertingError(FailureKind.TIMEOUT, "no answer in 2 s."))
    assert AlertmanagerCheck(late, HandClock()).run(4.5).status is ComponentStatus.UNKNOWN
    assert AlertmanagerCheck(None, HandClock()).run(4.5).status is ComponentStatus.OFF


GIB = 2**30


def test_the_disk_warns_fails_and_never_reads_fuller_than_it_is() -> None:
    almost = DiskCheck(FakeHost(room=Room(1000 * GIB, 104 * GIB))).run(4.5)
    assert (almost.status, almost.figure) == (ComponentStatus.OK, "89 % used, 104.0 GiB left")
    assert DiskCheck(FakeHost(room=Room(100 * GIB, 9 * GIB))).run(4.5).status is ComponentStatus.WARN
    assert DiskCheck(FakeHost(room=Room(100 * GIB, 2 * GIB))).run(4.5).status is ComponentStatus.FAIL
    small = DiskCheck(FakeHost(room=Room(GIB, 150 * 2**20))).run(4.5)
    assert small.status is ComponentStatus.FAIL  # 85 % used, but hardly anything left to write
    gone = DiskCheck(FakeHost(room=OSError(5, "Input/output error"))).run(4.5)
    assert (gone.status, gone.figure) == (ComponentStatus.UNKNOWN, "could not be read: Input/output error")


def test_memory_and_load() -> None:
    assert MemoryCheck(FakeHost(ram=Room(8 * GIB, GIB // 2))).run(4.5).status is ComponentStatus.WARN
    assert MemoryCheck(FakeHost(ram=None)).run(4.5).status is ComponentStatus.OFF
    assert LoadCheck(FakeHost(now=Load(9, 4.0, 2))).run(4.5).status is ComponentStatus.WARN
    calm = LoadCheck(FakeHost(now=Load(9, 3.9, 2))).run(4.5)
    assert (calm.status, calm.figure) == (ComponentStatus.OK, "3.90 over 5 min on 2 processors")
    assert LoadCheck(FakeHost(now=None)).run(4.5).status is ComponentStatus.OFF
