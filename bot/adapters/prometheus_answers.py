"""Prometheus' JSON turned into values: strict about shape, since half an answer must not pass for a whole
one.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.ports.answers import FailureKind, MetricsError
from bot.ports.metrics import PrometheusAlert, RuleState, Sample, Series, TargetState

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


def matcher(labels: Mapping[str, str]) -> str:
    """`{job="a",name="b"}` for PromQL, values escaped so that none can end its string and speak PromQL
    itself.

    Raises ValueError for a label name that PromQL does not know, or a value that is not valid Unicode.
    """
    parts = []
    for name, value in labels.items():
        if not _LABEL_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no label name: letters, digits and underscores are allowed.")
        value.encode()  # a lone surrogate cannot be sent: a ValueError here, not in the transport
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        parts.append(f'{name}="{escaped}"')
    return "{" + ",".join(parts) + "}"


def warnings_of(envelope: Mapping[str, Any]) -> tuple[str, ...]:
    """What Prometheus says about a result that may be partial."""
    return tuple(_text(warning) for warning in _list(envelope.get("warnings") or []))


def samples_from(data: Any) -> tuple[Sample, ...]:
    """An instant query's data: `vector`, `scalar` or `string`."""
    data = _mapping(data)
    result = _list(data.get("result"))
    match data.get("resultType"):
        case "vector":
            return tuple(_sample(_mapping(item)) for item in result)
        case "scalar":
            at, value = _point(result)
            return (Sample({}, at, value),)
        case "string":
            at, _ = _pair(result)
            return (Sample({}, moment(at), None),)
    raise _unshaped(f"a result of the type {data.get('resultType')!r}")


def series_from(data: Any) -> tuple[Series, ...]:
    """A range query's data.

    A point that is a histogram has no single number and is left out, as in `values`.
    """
    data = _mapping(data)
    if data.get("resultType") != "matrix":
        raise _unshaped(f"a result of the type {data.get('resultType')!r}")
    return tuple(
        Series(
            _labels(_mapping(item).get("metric")),
            tuple(_point(point) for point in _list(_mapping(item).get("values", []))),
        )
        for item in _list(data.get("result"))
    )


def alerts_from(data: Any) -> tuple[PrometheusAlert, ...]:
    """`/api/v1/alerts`.

    A state other than `pending` or `inactive` counts as firing: the worse reading is the safe one.
    """
    return tuple(
        PrometheusAlert(
            labels=_labels(alert.get("labels")),
            annotations=_labels(alert.get("annotations") or {}),
            firing=_text(alert.get("state")) not in ("pending", "inactive"),
            active_at=_time(alert.get("activeAt")),
            value=_number(alert.get("value")),
        )
        for alert in map(_mapping, _list(_mapping(data).get("alerts")))
    )


def rules_from(data: Any) -> tuple[RuleState, ...]:
    """`/api/v1/rules`, flat."""
    rules = []
    for group in map(_mapping, _list(_mapping(data).get("groups"))):
        interval = group.get("interval")
        if isinstance(interval, bool) or not isinstance(interval, int | float) or not 0 <= interval < 1e9:
            raise _unshaped(f"an interval of {interval!r}")
        for rule in map(_mapping, _list(group.get("rules"))):
            rules.append(
                RuleState(
                    group=_text(group.get("name")),
                    name=_text(rule.get("name")),
                    alerting=rule.get("type") == "alerting",
                    health=_text(rule.get("health")),
                    last_error=_text(rule.get("lastError") or ""),
                    last_evaluation=_time(rule.get("lastEvaluation")),
                    interval=timedelta(seconds=interval),
                )
            )
    return tuple(rules)


def targets_from(data: Any) -> tuple[TargetState, ...]:
    """`/api/v1/targets?state=active`."""
    states = []
    for target in map(_mapping, _list(_mapping(data).get("activeTargets"))):
        labels = _labels(target.get("labels"))
        states.append(
            TargetState(
                job=labels.get("job", ""),
                instance=labels.get("instance", ""),
                health=_text(target.get("health")),
                last_error=_text(target.get("lastError") or ""),
            )
        )
    return tuple(states)


def config_text(data: Any) -> str:
    """`/api/v1/status/config`: the configuration as text. It may hold what is nobody's business: read, never kept."""
    return _text(_mapping(data).get("yaml"))


def moment(seconds: Any) -> datetime:
    """Unix seconds as an aware time."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise _unshaped(f"a time {str(seconds)[:40]!r}")
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as failure:
        raise _unshaped(f"a time {seconds!r}") from failure


def _sample(item: Mapping[str, Any]) -> Sample:
    labels = _labels(item.get("metric"))
    if "value" not in item and "histogram" in item:
        at, _ = _pair(item["histogram"])
        return Sample(labels, moment(at), None)
    at, value = _point(item.get("value"))
    return Sample(labels, at, value)


def _point(pair: Any) -> tuple[datetime, float | None]:
    at, value = _pair(pair)
    return moment(at), _number(value)


def _pair(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, list) or len(value) != 2:
        raise _unshaped("a point that is no pair")
    return value[0], value[1]


def _number(value: Any) -> float | None:
    """Prometheus sends numbers as text. NaN and the infinities are no values."""
    if not isinstance(value, str):
        raise _unshaped("a value that is no text")
    try:
        number = float(value)
    except ValueError as failure:
        raise _unshaped(f"a value {value[:40]!r}") from failure
    return number if math.isfinite(number) else None


def _time(value: Any) -> datetime | None:
    """A time in RFC 3339; Go's zero time, and nothing at all, are None."""
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(_text(value))
    except ValueError as failure:
        raise _unshaped(f"a time {value[:40]!r}") from failure
    if at.tzinfo is None:
        raise _unshaped(f"a time without a zone {value[:40]!r}")
    return at.astimezone(UTC) if at.year > 1 else None


def _labels(value: Any) -> dict[str, str]:
    return {name: _text(text) for name, text in _mapping(value).items()}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _unshaped("something other than text")
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _unshaped("something other than an object")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _unshaped("something other than a list")
    return value


def _unshaped(what: str) -> MetricsError:
    return MetricsError(FailureKind.MALFORMED, f"Prometheus' answer is not of the documented shape: {what}.")
