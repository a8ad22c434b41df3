"""The gates of a resume: each alone must be able to say no, and to say why."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.resuming import (
    Activity,
    Facts,
    Firing,
    Gate,
    Reconciled,
    gates,
    next_stage,
    unmet,
)
from bot.domain.stages import difference, missing, same, wanted
from bot.domain.words import Severity, TradingState

TEN = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
FRESH = timedelta(minutes=10)
SEV1 = Firing(7, "CircuitBreakerOpen", Severity.SEV1, "INC-3")


def at(minutes: float) -> datetime:
    return TEN + timedelta(minutes=minutes)


def a_good_case() -> Facts:
    """Halted at ten, orders gone by then, reconciled clean five minutes later."""
    return Facts(
        state=TradingState.HALTED,
        wanted_from=TradingState.HALTED,
        changed_since_asked=False,
        halted_at=TEN,
        reconciled=Reconciled(at(5), at(5.1), True, "clean"),
        activity=Activity(at(-0.5), "AAPL buy canceled"),
        firing=(),
        overridden=frozenset(),
        under_way=(),
        real_state=TradingState.HALTED,
    )


def checked(minutes: float = 6, **changes: Any) -> tuple[Gate, ...]:
    return unmet(gates(replace(a_good_case(), **changes), now=at(minutes), fresh_for=FRESH))


def test_a_clean_fresh_reconciliation_after_the_halt_opens_every_gate() -> None:
    assert checked() == ()


@pytest.mark.parametrize(
    ("changes", "gate", "word"),
    [
        ({"reconciled": None}, "reconciliation", "never reconciled"),
        ({"reconciled": Reconciled(at(5), at(5.1), False, "3 breaks")}, "reconciliation", "3 breaks"),
        ({"halted_at": at(5.05)}, "reconciliation", "older than the halt"),
        ({"activity": Activity(at(5.02), "MSFT sell filled")}, "orders", "MSFT sell filled"),
        ({"activity": Activity(at(5) - timedelta(milliseconds=500), "x")}, "orders", "moved after"),
        ({"firing": (SEV1,)}, "alerts", "CircuitBreakerOpen (SEV-1, INC-3)"),
        ({"firing": (replace(SEV1, severity=Severity.SEV2),)}, "alerts", "SEV-2"),
        ({"firing": (SEV1, replace(SEV1, id=8)), "overridden": frozenset({7})}, "alerts", "firing"),
        ({"under_way": ("halt (action 4, watching)",)}, "under way", "halt (action 4"),
        ({"changed_since_asked": True}, "state", "changed"),
        (
            {"state": TradingState.RESTRICTED, "real_state": TradingState.RESTRICTED},
            "state",
            "restricted now",
        ),
        (
            {
                "state": TradingState.NORMAL,
                "wanted_from": TradingState.NORMAL,
                "real_state": TradingState.NORMAL,
            },
            "state",
            "normal already",
        ),
    ],
)
def test_one_thing_against_it_is_enough_and_is_named(changes: dict[str, Any], gate: str, word: str) -> None:
    found = [one for one in checked(**changes) if one.name == gate]
    assert len(found) == 1
    assert found[0].met is False
    assert word in found[0].text


def test_a_reconciliation_is_fresh_for_ten_minutes_and_no_longer() -> None:
    assert checked(minutes=15) == ()
    assert [gate.name for gate in checked(minutes=15.1)] == ["reconciliation"]


def test_what_could_not_be_learned_is_not_met_and_not_a_no() -> None:
    for activity in (None, Activity(error="no answer in 5 s")):
        (gate,) = checked(activity=activity)
        assert (gate.name, gate.met) == ("orders", None)


def test_alerts_of_lesser_severity_and_overridden_ones_do_not_block() -> None:
    assert checked(firing=(replace(SEV1, severity=Severity.SEV3),)) == ()
    assert checked(firing=(SEV1,), overridden=frozenset({7})) == ()


def test_a_drill_must_not_lift_a_real_halt() -> None:
    (gate,) = checked(in_drill=True)
    assert "outside this drill" in gate.text
    assert checked(in_drill=True, real_state=TradingState.NORMAL) == ()


def test_stages_go_one_at_a_time_and_end_at_normal() -> None:
    state: TradingState | None = TradingState.HALTED
    road = []
    while state is not None and len(road) < 9:
        road.append(state.value)
        state = next_stage(state)
    assert road == ["halted", "restricted", "cautious", "normal"]


def test_restricted_tightens_only_what_the_account_has() -> None:
    now = {"suspend_trade": True, "no_shorting": False, "max_margin_multiplier": "4"}
    want = wanted(TradingState.RESTRICTED, now, None)
    assert dict(want) == {"no_shorting": True, "max_margin_multiplier": "1"}
    assert difference(want, now) == dict(want)


def test_restoring_sends_just_the_difference_and_never_the_suspension() -> None:
    before = {"suspend_trade": True, "no_shorting": False, "max_margin_multiplier": "2", "gone": 1}
    now = {"suspend_trade": True, "no_shorting": True, "max_margin_multiplier": 2}
    want = wanted(TradingState.NORMAL, now, before)
    assert difference(want, now) == {"no_shorting": False}
    assert missing(TradingState.NORMAL, now, before) == ("gone",)


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [(True, 1, False), ("1", 1, True), (None, "None", False), (None, None, True), (False, False, True)],
)
def test_a_flag_is_no_number_and_nothing_is_no_word(left: Any, right: Any, equal: bool) -> None:
    assert same(left, right) is equal
