"""What counts as drift, what is over, and what nobody may decide because it was not learned."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.brokerage import OpenOrder, OrderListing
from bot.domain.drift import DriftKind, Seen, compare
from bot.domain.halting import Suspension
from bot.domain.words import TradingState

ORDER = OpenOrder("3f2a", "AAPL", "buy", Decimal(10), "new", "limit", limit_price=Decimal(150))
NOTHING = OrderListing((), complete=True)
NORMAL = {"suspend_trade": False, "no_shorting": False, "max_margin_multiplier": "4"}
TIGHT = {"suspend_trade": False, "no_shorting": True, "max_margin_multiplier": "1"}


def look(
    setting: bool | None = False,
    shown: bool | None = False,
    orders: OrderListing | None = NOTHING,
    configuration: Mapping[str, Any] | None = NORMAL,
) -> Seen:
    return Seen(Suspension(setting, shown), orders, configuration)


@pytest.mark.parametrize(
    ("state", "seen", "found", "undecided"),
    [
        ("halted", look(True, True), set(), set()),
        ("halted", look(False, False), {"lifted"}, set()),
        ("halted", look(True, False), {"lifted"}, set()),
        ("halted", look(None, False), {"lifted"}, set()),
        ("halted", look(None, True), set(), {"lifted"}),
        ("halted", look(None, None, None, None), set(), {"lifted", "orders"}),
        ("halted", look(True, True, OrderListing((ORDER,), True)), {"orders"}, set()),
        ("halted", look(True, True, OrderListing((ORDER,), False)), {"orders"}, set()),
        ("halted", look(True, True, OrderListing((), False)), set(), {"orders"}),
        ("halted", look(False, False, OrderListing((ORDER,), True)), {"lifted", "orders"}, set()),
        ("normal", look(False, False, OrderListing((ORDER,), True)), set(), set()),
        ("normal", look(True, True), {"suspended"}, set()),
        ("normal", look(None, True), {"suspended"}, set()),
        ("normal", look(None, False), set(), {"suspended"}),
        ("normal", look(configuration=TIGHT), set(), set()),
        ("restricted", look(configuration=TIGHT), set(), set()),
        ("restricted", look(configuration=NORMAL), {"configuration"}, set()),
        ("restricted", look(configuration=None), set(), {"configuration"}),
        ("cautious", look(configuration=NORMAL), set(), set()),
        ("cautious", look(configuration=TIGHT), {"configuration"}, set()),
    ],
)
def test_what_the_broker_shows_against_the_record(
    state: str, seen: Seen, found: set[str], undecided: set[str]
) -> None:
    comparison = compare(TradingState(state), NORMAL, seen, own_suspension=False)
    assert set(comparison.found) == {DriftKind(kind) for kind in found}
    assert comparison.undecided == {DriftKind(kind) for kind in undecided}


def test_a_suspension_of_haltdesks_own_is_no_drift() -> None:
    comparison = compare(TradingState.NORMAL, None, look(True, True), own_suspension=True)
    assert (dict(comparison.found), comparison.undecided) == ({}, frozenset())


def test_without_a_saved_configuration_cautious_has_nothing_to_compare() -> None:
    assert not compare(TradingState.CAUTIOUS, None, look(), own_suspension=False).found


def test_the_words_say_what_both_sides_show() -> None:
    halted = compare(
        TradingState.HALTED,
        None,
        look(False, None, OrderListing((ORDER,) * 5, True)),
        own_suspension=False,
    )
    assert halted.found[DriftKind.LIFTED] == (
        "On record halted; the broker shows suspend_trade off, trade_suspended_by_user not learned."
    )
    assert halted.found[DriftKind.ORDERS].startswith("5 open orders: AAPL buy limit 10 @ 150, ")
    assert halted.found[DriftKind.ORDERS].endswith(" and 2 more.")
    moved = compare(TradingState.RESTRICTED, NORMAL, look(configuration=NORMAL), own_suspension=False)
    assert moved.found[DriftKind.CONFIGURATION] == (
        "restricted means no_shorting true, max_margin_multiplier 1; "
        "the broker shows no_shorting false, max_margin_multiplier 4."
    )
