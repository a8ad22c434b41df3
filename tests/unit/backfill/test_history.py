"""Firings read out of Prometheus' history, and what Prometheus adds to an alert's labels."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.prometheus_config import external_labels_from
from bot.domain.backfill import History, added_labels, overlap, step_of, windows
from bot.domain.fingerprint import fingerprint
from bot.ports.answers import MetricsError

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=15)
ALERT = {"alertname": "StaleData", "job": "feed"}
SERIES = {"__name__": "ALERTS", "alertstate": "firing", **ALERT}


def at(*steps: int) -> list[datetime]:
    return [NOON + STEP * step for step in steps]


def history(*steps: int, through: int) -> History:
    found = History(NOON, STEP)
    found.add(SERIES, at(*steps))
    found.through = NOON + STEP * through
    return found


def test_a_firing_between_two_evaluations_is_as_long_as_it_can_have_been() -> None:
    (firing,) = history(4, 5, 6, through=20).ended({})
    assert firing.labels == ALERT
    assert firing.fingerprint == fingerprint(ALERT)
    assert (firing.starts_at, firing.ends_at) == tuple(at(3, 7))
    assert not firing.cut


def test_what_lasts_to_the_end_has_not_ended() -> None:
    assert history(4, 5, 6, through=6).ended({}) == []
    assert len(history(4, 5, 6, through=7).ended({})) == 1


def test_two_firings_are_two_and_the_first_may_have_begun_before() -> None:
    first, second = history(0, 1, 4, through=9).ended({})
    assert first.cut
    assert not second.cut
    assert not overlap(first.starts_at, first.ends_at, second.starts_at, second.ends_at)


def test_external_labels_make_the_fingerprint_that_alertmanager_knows() -> None:
    (firing,) = history(4, through=9).ended({"desk": "equities", "job": "not this one"})
    assert firing.labels == {**ALERT, "desk": "equities"}


@given(points=st.integers(0, 5_000), most=st.integers(1, 700), odd=st.integers(0, 14))
def test_stretches_hold_every_point_once(points: int, most: int, odd: int) -> None:
    end = NOON + STEP * points + timedelta(seconds=odd)
    seen = []
    for first, last in windows(NOON, end, STEP, most):
        assert (last - first) / STEP <= most - 1
        seen += [first + STEP * number for number in range((last - first) // STEP + 1)]
    assert seen == [NOON + STEP * number for number in range(points + 1)]


def test_the_step_is_the_shortest_interval_within_reason() -> None:
    assert step_of([timedelta(seconds=30), timedelta(seconds=15)]) == timedelta(seconds=15)
    assert step_of([timedelta(milliseconds=10)]) == timedelta(seconds=1)
    assert step_of([timedelta(minutes=10)]) == step_of([]) == timedelta(minutes=1)


def test_touching_is_not_overlapping() -> None:
    one, two, three = at(1, 2, 3)
    assert not overlap(one, two, two, three)
    assert overlap(one, three, two, None)
    assert overlap(one, None, two, None)
    assert not overlap(two, None, one, two)


def _sent(*all_of: dict[str, str]) -> list[tuple[str, dict[str, str]]]:
    return [(fingerprint(labels), labels) for labels in all_of]


def test_what_is_added_is_learned_from_alerts_that_both_have() -> None:
    ours = [{"alertname": "Watchdog"}, {"alertname": "A", "job": "x"}]
    # The configured replica label is dropped by relabelling on the way.
    sent = _sent({"alertname": "Watchdog", "desk": "eq"}, {"alertname": "A", "job": "x", "desk": "eq"})
    assert added_labels(ours, sent, {"desk": "eq", "replica": "a"}, None) == {"desk": "eq"}


def test_an_alert_with_more_labels_teaches_nothing_wrong() -> None:
    ours = [{"alertname": "A"}, {"alertname": "A", "job": "x"}, {"alertname": "B"}]
    assert added_labels(ours, _sent(*ours), {}, None) == {}


def test_without_an_alert_in_both_the_configuration_decides_then_what_was_learned() -> None:
    assert added_labels([{"alertname": "A"}], [], {"desk": "eq"}, {"desk": "old"}) == {"desk": "eq"}
    assert added_labels([{"alertname": "A"}], [], None, {"desk": "old"}) == {"desk": "old"}
    assert added_labels([], [], None, None) == {}


CONFIGURATION = """\
global:
  scrape_interval: 15s
  external_labels:
    desk: equities
    number: "7"
    odd: 'a: b'
  query_log_file: /x
alerting:
  alertmanagers:
  - basic_auth:
      external_labels: nonsense
scrape_configs: []
"""


def test_external_labels_are_read_from_the_configuration() -> None:
    assert external_labels_from(CONFIGURATION) == {"desk": "equities", "number": "7", "odd": "a: b"}
    assert external_labels_from("global:\n  scrape_interval: 15s\n") == {}


@pytest.mark.parametrize("value", ["|-", "&a x", '"cut', "[a, b]", "a # b", "{}"])
def test_a_value_that_is_not_plain_is_not_guessed(value: str) -> None:
    with pytest.raises(MetricsError, match="external labels"):
        external_labels_from(f"global:\n  external_labels:\n    desk: {value}\n")
