"""Whether trading may be resumed by one stage: the facts in, each gate with its answer and its reason out.

Rules: `design.md`, Trading state. A gate that could not be checked is not met: resuming is hard.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.words import Severity, TradingState

STAGES: Mapping[TradingState, TradingState] = {
    TradingState.HALTED: TradingState.RESTRICTED,
    TradingState.RESTRICTED: TradingState.CAUTIOUS,
    TradingState.CAUTIOUS: TradingState.NORMAL,
}
# A reconciliation must have begun this much after the last order activity: the clocks of broker and desk are
# compared through one reading, which is not exact.
MARGIN = timedelta(seconds=1)
BLOCKING = frozenset({Severity.SEV1, Severity.SEV2})


def next_stage(state: TradingState) -> TradingState | None:
    """The one stage that may follow; None when trading is normal."""
    return STAGES.get(state)


def asker_words(by: str, asked_as: str | None) -> str:
    """How sure it is who asked: nothing for a press in Slack, which Slack vouches for."""
    if not by.endswith("(command line)"):
        return ""
    if asked_as is None:
        return " (at the command line; who that is in Slack is not known)"
    return f" (at the command line, as {asked_as} by their own word)"


@dataclass(frozen=True)
class Reconciled:
    """The newest reconciliation of the account. `began_at`: before either side was read."""

    began_at: datetime
    finished_at: datetime
    clean: bool
    words: str  # "clean, 2 of 2 positions", "3 breaks", "failed"


@dataclass(frozen=True)
class Activity:
    """The newest order activity at the broker, in the desk's own time. `error`: why it could not be learned."""

    at: datetime | None = None
    words: str = ""
    error: str | None = None


@dataclass(frozen=True)
class Firing:
    """An alert that fires. `id` is the record's."""

    id: int
    name: str
    severity: Severity
    incident_key: str | None


@dataclass(frozen=True)
class Facts:
    """What is known of one account when a stage is asked for or approved. `activity` None: not asked yet."""

    state: TradingState
    wanted_from: TradingState
    changed_since_asked: bool
    halted_at: datetime | None
    reconciled: Reconciled | None
    activity: Activity | None
    firing: tuple[Firing, ...]
    overridden: frozenset[int]  # alerts that an approver has overridden with a reason
    under_way: tuple[str, ...]  # actions on the account that have not ended, in words
    real_state: TradingState
    in_drill: bool = False  # a drill has a state of its own


@dataclass(frozen=True)
class Gate:
    """One condition. `met` None: it could not be checked. `next_step` is what would mend it."""

    name: str
    met: bool | None
    text: str
    next_step: str = ""

    @property
    def overridable(self) -> bool:
        return self.name == ALERTS


STATE, UNDER_WAY, RECONCILIATION, ORDERS, ALERTS = "state", "under way", "reconciliation", "orders", "alerts"


def gates(facts: Facts, *, now: datetime, fresh_for: timedelta) -> tuple[Gate, ...]:
    """Every gate of one stage, in the order in which they are shown."""
    return (
        _state(facts),
        _under_way(facts),
        _reconciliation(facts, now, fresh_for),
        _orders(facts),
        _alerts(facts),
    )


def unmet(found: tuple[Gate, ...]) -> tuple[Gate, ...]:
    return tuple(gate for gate in found if gate.met is not True)


def _state(facts: Facts) -> Gate:
    if facts.in_drill and facts.real_state is not TradingState.NORMAL:
        return Gate(
            STATE,
            False,
            f"the account is really {facts.real_state}, outside this drill: a drill must not lift that",
            "Resume the account in its own incident.",
        )
    if facts.state is not facts.wanted_from:
        return Gate(
            STATE,
            False,
            f"trading is {facts.state} now, not {facts.wanted_from}",
            "Ask again from the state that it is in.",
        )
    if facts.changed_since_asked:
        return Gate(STATE, False, "the trading state has changed since this was asked", "Ask again.")
    to = next_stage(facts.state)
    if to is None:
        return Gate(STATE, False, "trading is normal already", "Nothing is to be resumed.")
    return Gate(STATE, True, f"{facts.state} to {to} is one stage")


def _under_way(facts: Facts) -> Gate:
    if facts.under_way:
        return Gate(
            UNDER_WAY,
            False,
            f"still under way: {', '.join(facts.under_way)}",
            "Wait until it has ended, then ask again.",
        )
    return Gate(UNDER_WAY, True, "no halt, cancel, resume or flatten is under way")


def _reconciliation(facts: Facts, now: datetime, fresh_for: timedelta) -> Gate:
    run, again = facts.reconciled, "Reconcile the account, then ask again."
    if run is None:
        return Gate(RECONCILIATION, False, "the account was never reconciled", again)
    if not run.clean:
        return Gate(RECONCILIATION, False, f"the newest reconciliation is not clean: {run.words}", again)
    if facts.halted_at is not None and run.began_at <= facts.halted_at:
        return Gate(RECONCILIATION, False, "the newest reconciliation is older than the halt", again)
    age = now - run.finished_at
    if age >= fresh_for:
        text = f"the newest reconciliation is {_minutes(age)} old; at most {_minutes(fresh_for)} are allowed"
        return Gate(RECONCILIATION, False, text, again)
    return Gate(RECONCILIATION, True, f"{run.words}, {_minutes(age)} old, newer than the halt")


def _orders(facts: Facts) -> Gate:
    activity, run = facts.activity, facts.reconciled
    if activity is None:
        return Gate(ORDERS, None, "the broker's latest orders are looked at when this is asked")
    if activity.error is not None:
        text = f"the latest order activity could not be learned: {activity.error}"
        return Gate(ORDERS, None, text, "Look at the broker with a health check, then try again.")
    if activity.at is None:
        return Gate(ORDERS, True, "the broker knows of no order")
    if run is None or run.began_at < activity.at + MARGIN:
        text = f"orders moved after the newest reconciliation began: {activity.words}"
        return Gate(ORDERS, False, text, "Reconcile the account, then ask again.")
    return Gate(ORDERS, True, f"no order activity since the reconciliation began (last: {activity.words})")


def _alerts(facts: Facts) -> Gate:
    against = [alert for alert in facts.firing if alert.severity in BLOCKING]
    open_ones = [alert for alert in against if alert.id not in facts.overridden]
    if open_ones:
        return Gate(
            ALERTS,
            False,
            f"firing: {named(tuple(open_ones))}",
            "Clear them first; an approver can override them with a reason.",
        )
    if against:
        return Gate(ALERTS, True, f"firing, overridden by an approver: {named(tuple(against))}")
    return Gate(ALERTS, True, "no SEV-1 or SEV-2 alert is firing")


def named(alerts: tuple[Firing, ...]) -> str:
    """`CircuitBreakerOpen (SEV-1, INC-42)` for each, at most five of them."""
    shown = [
        f"{alert.name} ({alert.severity}{', ' + alert.incident_key if alert.incident_key else ''})"
        for alert in alerts[:5]
    ]
    return ", ".join(shown) + (f" and {len(alerts) - 5} more" if len(alerts) > 5 else "")


def _minutes(span: timedelta) -> str:
    seconds = max(0, round(span.total_seconds()))
    return f"{seconds} s" if seconds < 90 else f"{seconds // 60} min"
