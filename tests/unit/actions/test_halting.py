"""The rules of the proof by themselves: two flags, two empty and complete readings, nothing in between."""

from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.brokerage import CancelReply, OpenOrder, OrderListing, Position
from bot.domain.halting import (
    EmptyReadings,
    Suspension,
    next_look,
    position_changes,
    protective_stops,
    proved,
    sort_replies,
)
from tests.unit.actions.desk import TEN

GAP = timedelta(seconds=2)
EMPTY = OrderListing((), True)
CUT_SHORT = OrderListing((), False, "page 2 failed")
ONE = OrderListing((OpenOrder("a", "AAPL", "buy", Decimal(1), "new"),), True)


def read(*listings: tuple[float, OrderListing | None]) -> EmptyReadings:
    readings = EmptyReadings(GAP)
    for seconds, listing in listings:
        moment = TEN + timedelta(seconds=seconds)
        readings = readings.after(listing, moment, moment + timedelta(seconds=0.1))
    return readings


def test_two_empty_readings_far_enough_apart_are_shown() -> None:
    assert read((0, EMPTY), (2.1, EMPTY)).shown
    assert read((0, EMPTY), (1, EMPTY), (2.1, EMPTY)).shown


@pytest.mark.parametrize(
    "listings",
    [
        [(0, EMPTY)],
        [(0, EMPTY), (2.05, EMPTY)],  # 1.95 s after the first answer
        [(0, EMPTY), (1, ONE), (2.5, EMPTY)],
        [(0, EMPTY), (1, None), (2.5, EMPTY)],
        [(0, EMPTY), (2.5, None)],
        [(0, EMPTY), (2.5, CUT_SHORT)],
        [(0, CUT_SHORT), (2.5, EMPTY)],
        [(0, None), (2.5, None), (5, None)],
    ],
)
def test_anything_less_is_not_shown(listings: list[tuple[float, OrderListing | None]]) -> None:
    assert not read(*listings).shown


@pytest.mark.parametrize("flag", [True, False, None])
@pytest.mark.parametrize("shown", [True, False, None])
def test_only_both_flags_read_true_with_the_readings_prove_a_halt(
    flag: bool | None, shown: bool | None
) -> None:
    readings = read((0, EMPTY), (3, EMPTY))
    suspension = Suspension(flag, shown, TEN)
    assert proved(suspension, readings) is (flag is True and shown is True)
    assert not proved(suspension, read((0, EMPTY)))
    assert suspension.read is (False if False in (flag, shown) else True if flag and shown else None)


def test_an_order_that_stands_twice_in_the_207_is_accepted_only_if_both_are() -> None:
    replies = [CancelReply("a", 200), CancelReply("a", 500), CancelReply("b", 200), CancelReply("b", 200)]
    found = sort_replies([*replies, CancelReply("", None)])
    assert found.accepted == ("b",)
    assert found.summary == "1 of 3 accepted, 1 refused (500), 1 unreadable"


def test_stops_of_both_directions_protect_and_stops_that_open_a_position_do_not() -> None:
    def stop(symbol: str, side: str, kind: str = "stop") -> OpenOrder:
        return OpenOrder(f"{symbol}{side}", symbol, side, Decimal(1), "new", kind, stop_price=Decimal(9))

    held = [Position("LONG", Decimal(5)), Position("SHORT", Decimal(-5)), Position("BTCUSD", Decimal("0.1"))]
    protecting = [
        stop("LONG", "sell"),
        stop("SHORT", "buy", "trailing_stop"),
        stop("BTC/USD", "sell", "stop_limit"),
    ]
    others = [stop("LONG", "buy"), stop("NONE", "sell"), stop("LONG", "sell", "limit")]
    assert list(protective_stops([*protecting, *others], held)) == protecting
    assert len(protective_stops([*protecting, *others], None)) == 5


def test_a_position_that_came_or_went_is_a_change_from_or_to_zero() -> None:
    before = {"AAPL": Decimal(10), "MSFT": Decimal("-2.5")}
    assert position_changes(before, {"AAPL": Decimal("10.0"), "TSLA": Decimal(1)}) == (
        "MSFT -2.5 -> 0",
        "TSLA 0 -> 1",
    )


@pytest.mark.parametrize(
    ("looks", "told", "seconds"), [(0, None, 2), (1, None, 3), (50, None, 30), (0, 40, 40), (0, 9000, 60)]
)
def test_the_next_look_comes_later_each_time_and_respects_the_brokers_word(
    looks: int, told: float | None, seconds: float
) -> None:
    assert next_look(looks, 2, 30, told).total_seconds() == seconds
