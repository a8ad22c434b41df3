"""Whether all alerts have cleared, and on whose word. A source that was not heard never counts as quiet.

The rule: no firing alert in Haltdesk, none in Alertmanager (silenced and inhibited ones counted), none in
Prometheus, Prometheus' rules healthy, and Alertmanager up for some minutes, since its list is empty for a
while after a start.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

_NAMED_AT_MOST = 5
ALWAYS_FIRING = frozenset({"Watchdog"})
MINIMUM_UPTIME = timedelta(minutes=5)


@dataclass(frozen=True)
class NotConfigured:
    """The desk has not said where this source is, so it was not asked."""


@dataclass(frozen=True)
class Unreachable:
    """The source was asked and gave no usable answer. `why` is fit to be shown."""

    why: str


@dataclass(frozen=True)
class FiringAlert:
    """An unresolved alert in Alertmanager.

    `muted` is "silenced" or "inhibited" when no one is notified of it.
    """

    name: str
    muted: str | None = None
    fingerprint: str = ""


@dataclass(frozen=True)
class AlertmanagerSeen:
    alerts: Sequence[FiringAlert]
    started_at: datetime


@dataclass(frozen=True)
class PrometheusSeen:
    """`rule_problems` is empty when every rule is healthy. `warnings` mean that the answer may be partial."""

    firing: Sequence[str]
    pending: Sequence[str] = ()
    rule_problems: Sequence[str] = ()
    warnings: Sequence[str] = ()


AlertmanagerView = AlertmanagerSeen | Unreachable | NotConfigured
PrometheusView = PrometheusSeen | Unreachable | NotConfigured


@dataclass(frozen=True)
class AllClear:
    """`clear` is False when something is known to fire, None when nobody can say, True only when all was
    seen quiet.

    `reasons` are plain sentences: what speaks against it, or on whose word it rests. `against` are those of
    them that speak against it.
    """

    clear: bool | None
    reasons: tuple[str, ...]
    against: tuple[str, ...] = ()


def decide_all_clear(
    firing_in_haltdesk: Sequence[str],
    alertmanager: AlertmanagerView,
    prometheus: PrometheusView,
    now: datetime,
    minimum_uptime: timedelta = MINIMUM_UPTIME,
    always_firing: Collection[str] = ALWAYS_FIRING,
    watchdog: str | None = None,
) -> AllClear:
    """Decide from what each source showed. Alerts named in `always_firing` fire on purpose and are left
    out.

    Give `watchdog` the name of the alert that must always reach Alertmanager, when the desk has one:
    without it there the road from Prometheus is broken and Alertmanager's silence says nothing.
    """
    firing: list[str] = []
    unknown: list[str] = []
    notes: list[str] = []

    expected = frozenset(always_firing) | ({watchdog} if watchdog else frozenset())
    ours = [name for name in firing_in_haltdesk if name not in expected]
    if ours:
        firing.append(f"Haltdesk has {_names(ours)} firing.")

    match alertmanager:
        case NotConfigured():
            pass
        case Unreachable(why):
            unknown.append(f"Alertmanager could not be asked: {why}.")
        case AlertmanagerSeen():
            _judge_alertmanager(alertmanager, now, minimum_uptime, expected, watchdog, firing, unknown, notes)

    match prometheus:
        case NotConfigured():
            pass
        case Unreachable(why):
            unknown.append(f"Prometheus could not be asked: {why}.")
        case PrometheusSeen():
            _judge_prometheus(prometheus, expected, firing, unknown, notes)

    notes.extend(_not_asked(alertmanager, prometheus))
    if firing:
        return AllClear(False, (*firing, *unknown, *notes), (*firing, *unknown))
    if unknown:
        return AllClear(None, (*unknown, *notes), tuple(unknown))
    return AllClear(True, ("Haltdesk has no firing alert.", *notes))


def _judge_alertmanager(
    seen: AlertmanagerSeen,
    now: datetime,
    minimum_uptime: timedelta,
    expected: Collection[str],
    watchdog: str | None,
    firing: list[str],
    unknown: list[str],
    notes: list[str],
) -> None:
    theirs = [alert for alert in seen.alerts if alert.name not in expected]
    if theirs:
        named = [f"{alert.name} ({alert.muted})" if alert.muted else alert.name for alert in theirs]
        firing.append(f"Alertmanager has {_names(named)} firing.")
    uptime = now - seen.started_at
    if uptime < minimum_uptime:
        # A start in the future (clocks apart) counts as just started, never as long ago.
        unknown.append(
            f"Alertmanager started {max(0, int(uptime.total_seconds()))} s ago and may not have heard "
            f"of every alert yet: ask again when it is {_minutes(minimum_uptime)} up."
        )
    if watchdog is not None and all(alert.name != watchdog for alert in seen.alerts):
        unknown.append(
            f"The alert {watchdog} should always reach Alertmanager and is not there: look at the road from "
            "Prometheus to Alertmanager."
        )
    if not theirs:
        notes.append("Alertmanager has no firing alert.")


def _judge_prometheus(
    seen: PrometheusSeen,
    expected: Collection[str],
    firing: list[str],
    unknown: list[str],
    notes: list[str],
) -> None:
    theirs = [name for name in seen.firing if name not in expected]
    if theirs:
        firing.append(f"Prometheus has {_names(theirs)} firing.")
    if seen.rule_problems:
        unknown.append(f"Prometheus' rules are not all healthy: {_listed(seen.rule_problems)}.")
    if seen.warnings:
        unknown.append(f"Prometheus' answer may be partial: {_listed(seen.warnings)}.")
    pending = [name for name in seen.pending if name not in expected]
    if pending:
        notes.append(f"Prometheus has {_names(pending)} pending: it may fire soon.")
    if not theirs:
        notes.append("Prometheus has no firing alert.")


def _not_asked(alertmanager: AlertmanagerView, prometheus: PrometheusView) -> list[str]:
    match alertmanager, prometheus:
        case NotConfigured(), NotConfigured():
            return ["Only Haltdesk's own record was asked: PROMETHEUS_URL and ALERTMANAGER_URL are not set."]
        case NotConfigured(), _:
            return ["Alertmanager was not asked: ALERTMANAGER_URL is not set."]
        case _, NotConfigured():
            return ["Prometheus was not asked: PROMETHEUS_URL is not set."]
    return []


def _names(names: Sequence[str]) -> str:
    return f"{len(names)} alert{'' if len(names) == 1 else 's'} ({_listed(sorted(set(names)))})"


def _listed(items: Sequence[str]) -> str:
    more = len(items) - _NAMED_AT_MOST
    return ", ".join(items[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:g} minutes"
