"""Prometheus' JSON: no number is no value, half an answer is an error, a label cannot speak PromQL."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.prometheus_answers import (
    alerts_from,
    matcher,
    rules_from,
    samples_from,
    series_from,
    targets_from,
)
from bot.ports.answers import FailureKind, MetricsError


def vector(value: Any) -> dict[str, Any]:
    return {"resultType": "vector", "result": [{"metric": {"job": "t"}, "value": [1700000000.5, value]}]}


@pytest.mark.parametrize(
    ("sent", "value"), [("1", 1.0), ("-2.5e-3", -0.0025), ("NaN", None), ("+Inf", None), ("-Inf", None)]
)
def test_what_is_no_number_is_no_value(sent: str, value: float | None) -> None:
    (sample,) = samples_from(vector(sent))
    assert sample.value == value
    assert sample.at == datetime(2023, 11, 14, 22, 13, 20, 500000, UTC)


def test_scalars_text_and_histograms() -> None:
    assert samples_from({"resultType": "scalar", "result": [1, "7"]})[0].value == 7.0
    assert samples_from({"resultType": "string", "result": [1, "7"]})[0].value is None
    histogram = {"metric": {}, "histogram": [1, {"count": "2"}]}
    assert samples_from({"resultType": "vector", "result": [histogram]})[0].value is None


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"resultType": "vector"},
        {"resultType": "matrix", "result": []},
        vector(1),
        vector("many"),
        vector(None),
        {"resultType": "vector", "result": [{"metric": {"a": 1}, "value": [1, "1"]}]},
        {"resultType": "vector", "result": [{"metric": {}, "value": [1]}]},
        {"resultType": "vector", "result": [{"metric": {}, "value": [1e300, "1"]}]},
        {"resultType": "vector", "result": [{"metric": {}, "value": [True, "1"]}]},
        {"resultType": "vector", "result": ["x"]},
    ],
)
def test_another_shape_is_an_error_and_never_an_empty_answer(data: Any) -> None:
    with pytest.raises(MetricsError) as raised:
        samples_from(data)
    assert raised.value.kind is FailureKind.MALFORMED


@pytest.mark.parametrize("read", [alerts_from, rules_from, targets_from, series_from])
def test_an_empty_object_is_no_empty_list(read: Any) -> None:
    with pytest.raises(MetricsError):
        read({})


def test_an_alert_of_a_state_not_known_counts_as_firing() -> None:
    def alert(state: str) -> dict[str, Any]:
        return {"labels": {"alertname": "A"}, "annotations": {}, "state": state, "value": "NaN"}

    states = ["pending", "inactive", "firing", "blazing"]
    alerts = alerts_from({"alerts": [alert(state) for state in states]})
    assert [one.firing for one in alerts] == [False, False, True, True]
    assert alerts[0].value is None
    assert alerts[0].active_at is None


ESCAPES = {"\\": "\\", '"': '"', "n": "\n"}


def unquoted(text: str) -> str:
    """PromQL's reading of a double-quoted string: the escapes that are used, all else raw."""
    assert text[0] == text[-1] == '"'
    body, out, place = text[1:-1], [], 0
    while place < len(body):
        assert body[place] not in '"\n', "a raw quote or newline would end the string"
        if body[place] == "\\":
            out.append(ESCAPES[body[place + 1]])
            place += 2
        else:
            out.append(body[place])
            place += 1
    return "".join(out)


@given(st.text(alphabet=st.one_of(st.characters(codec="utf-8"), st.sampled_from('\\"\n{}'))))
def test_a_label_value_comes_out_as_it_went_in(value: str) -> None:
    written = matcher({"symbol": value})
    assert written.startswith("{symbol=")
    assert unquoted(written[len("{symbol=") : -1]) == value


def test_names_and_values_that_cannot_be_are_refused() -> None:
    assert matcher({}) == "{}"
    assert matcher({"a": "1", "b": "2"}) == '{a="1",b="2"}'
    for name in ("", "a-b", 'a="x"} or up{b', "1a", "é", "a\n"):
        with pytest.raises(ValueError, match="no label name"):
            matcher({name: "x"})
    with pytest.raises(ValueError, match="surrogates"):
        matcher({"a": "\ud800"})
