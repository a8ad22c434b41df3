"""May the desk say that all alerts have cleared? Only on the word of everyone who was heard."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.all_clear import (
    AlertmanagerSeen,
    AlertmanagerView,
    FiringAlert,
    NotConfigured,
    PrometheusSeen,
    PrometheusView,
    Unreachable,
    decide_all_clear,
)
from tests.unit.health.desk import NOON

QUIET_AM = AlertmanagerSeen((FiringAlert("Watchdog"),), NOON - timedelta(hours=5))
QUIET_PROM = PrometheusSeen(firing=("Watchdog",))


def test_everyone_quiet_is_all_clear_and_says_who_was_asked() -> None:
    verdict = decide_all_clear([], QUIET_AM, QUIET_PROM, NOON, watchdog="Watchdog")
    assert verdict.clear is True
    assert verdict.reasons == (
        "Haltdesk has no firing alert.",
        "Alertmanager has no firing alert.",
        "Prometheus has no firing alert.",
    )


@pytest.mark.parametrize("muted", [None, "silenced", "inhibited"])
def test_a_muted_alert_is_still_firing(muted: str | None) -> None:
    holding = AlertmanagerSeen((FiringAlert("StaleData", muted),), NOON - timedelta(hours=5))
    verdict = decide_all_clear([], holding, QUIET_PROM, NOON)
    assert verdict.clear is False
    assert "StaleData" in verdict.reasons[0]
    assert muted is None or muted in verdict.reasons[0]


def test_what_haltdesk_or_prometheus_holds_speaks_against_it_too() -> None:
    assert decide_all_clear(["StaleData"], QUIET_AM, QUIET_PROM, NOON).clear is False
    firing = PrometheusSeen(firing=("StaleData", "Watchdog"))
    verdict = decide_all_clear([], QUIET_AM, firing, NOON)
    assert verdict.clear is False
    assert verdict.reasons[0] == "Prometheus has 1 alert (StaleData) firing."


@pytest.mark.parametrize(
    ("alertmanager", "prometheus", "word"),
    [
        (Unreachable("Connection refused"), QUIET_PROM, "Alertmanager could not be asked"),
        (QUIET_AM, Unreachable("no answer in 5 s"), "Prometheus could not be asked"),
        (AlertmanagerSeen((), NOON - timedelta(minutes=2)), QUIET_PROM, "started 120 s ago"),
        (AlertmanagerSeen((), NOON + timedelta(hours=1)), QUIET_PROM, "started 0 s ago"),
        (
            QUIET_AM,
            PrometheusSeen((), rule_problems=("rule StaleData fails: x",)),
            "rules are not all healthy",
        ),
        (QUIET_AM, PrometheusSeen((), warnings=("a store did not answer",)), "may be partial"),
    ],
)
def test_who_was_not_heard_in_full_is_not_taken_for_quiet(
    alertmanager: AlertmanagerView, prometheus: PrometheusView, word: str
) -> None:
    verdict = decide_all_clear([], alertmanager, prometheus, NOON)
    assert verdict.clear is None
    assert word in verdict.reasons[0]


def test_a_watchdog_that_is_gone_makes_silence_worthless() -> None:
    silent = AlertmanagerSeen((), NOON - timedelta(hours=5))
    assert decide_all_clear([], silent, QUIET_PROM, NOON).clear is True
    verdict = decide_all_clear([], silent, QUIET_PROM, NOON, watchdog="Watchdog")
    assert verdict.clear is None
    assert "Watchdog" in verdict.reasons[0]


def test_the_desks_own_watchdog_is_no_obstacle() -> None:
    holding = AlertmanagerSeen((FiringAlert("DeskHeartbeat"),), NOON - timedelta(hours=5))
    firing = PrometheusSeen(firing=("DeskHeartbeat",))
    assert decide_all_clear(["DeskHeartbeat"], holding, firing, NOON, watchdog="DeskHeartbeat").clear is True
    assert decide_all_clear([], holding, QUIET_PROM, NOON).clear is False


def test_an_alert_about_to_fire_is_mentioned() -> None:
    verdict = decide_all_clear([], QUIET_AM, PrometheusSeen((), pending=("StaleData",)), NOON)
    assert verdict.clear is True
    assert any("StaleData" in reason and "pending" in reason for reason in verdict.reasons)


def test_without_addresses_it_says_that_only_its_own_record_was_asked() -> None:
    verdict = decide_all_clear([], NotConfigured(), NotConfigured(), NOON)
    assert verdict.clear is True
    assert verdict.reasons[-1] == (
        "Only Haltdesk's own record was asked: PROMETHEUS_URL and ALERTMANAGER_URL are not set."
    )
    assert "ALERTMANAGER_URL" in decide_all_clear([], NotConfigured(), QUIET_PROM, NOON).reasons[-1]
    assert "PROMETHEUS_URL" in decide_all_clear([], QUIET_AM, NotConfigured(), NOON).reasons[-1]


ALERTMANAGERS = st.one_of(
    st.just(NotConfigured()),
    st.just(Unreachable("refused")),
    st.builds(
        AlertmanagerSeen,
        st.lists(st.builds(FiringAlert, st.sampled_from(["A", "Watchdog"])), max_size=2),
        st.sampled_from([NOON, NOON - timedelta(hours=1)]),
    ),
)
PROMETHEUSES = st.one_of(
    st.just(NotConfigured()),
    st.just(Unreachable("refused")),
    st.builds(
        PrometheusSeen,
        st.lists(st.sampled_from(["A", "Watchdog"]), max_size=2),
        rule_problems=st.lists(st.just("rule A fails"), max_size=1),
    ),
)


@given(st.lists(st.just("A"), max_size=1), ALERTMANAGERS, PROMETHEUSES)
def test_clear_is_only_ever_said_when_nothing_speaks_against_it(
    ours: list[str], alertmanager: AlertmanagerView, prometheus: PrometheusView
) -> None:
    verdict = decide_all_clear(ours, alertmanager, prometheus, NOON)
    fires = bool(ours)
    doubt = isinstance(alertmanager, Unreachable) or isinstance(prometheus, Unreachable)
    if isinstance(alertmanager, AlertmanagerSeen):
        fires = fires or any(alert.name == "A" for alert in alertmanager.alerts)
        doubt = doubt or alertmanager.started_at == NOON
    if isinstance(prometheus, PrometheusSeen):
        fires = fires or "A" in prometheus.firing
        doubt = doubt or bool(prometheus.rule_problems)
    assert verdict.clear is (False if fires else None if doubt else True)
    assert verdict.reasons
