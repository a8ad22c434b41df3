"""A flatten at the stand-in broker: closed by what is held, the suspension lifted only if it must be, and put back."""

from collections.abc import Iterator
from typing import Any

import pytest

from bot.domain.words import ActionKind, ActionStatus
from bot.services.actions.flatten import HELD, LIFT, look_again, run_flatten
from tests.integration.broker.floor import PATIENT, Floor, floor
from tests.integration.resume.record import Record, asked, changes


@pytest.fixture
def desk() -> Iterator[Floor]:
    with floor(PATIENT) as stage:
        yield stage


def sold(desk: Floor) -> dict[str, str]:
    """What was asked to be closed, by path."""
    return {
        one.path.rpartition("/")[2]: one.query["qty"]
        for one in desk.simulator.requests
        if one.method == "DELETE" and "/positions/" in one.path
    }


def test_long_short_and_fractional_positions_are_closed_by_what_is_held(desk: Floor) -> None:
    desk.orders(3)
    desk.account.add_position("TSLA", -4, 200)
    desk.account.add_position("NVDA", "0.5", 100)
    result = run_flatten(asked(desk, ActionKind.FLATTEN), desk.tools, Record())
    assert result.status is ActionStatus.DONE, result.headline
    assert result.headline == "Flat: the 4 positions held at the start are closed, no position is left."
    assert sold(desk) == {"AAPL": "10", "MSFT": "5", "TSLA": "4", "NVDA": "0.5"}
    assert not desk.account.positions
    assert not desk.account.open_orders
    assert changes(desk) == []  # nothing was suspended, so nothing is lifted


def test_a_suspension_is_lifted_for_closing_and_reads_on_again_at_the_end(desk: Floor) -> None:
    desk.account.configure(suspend_trade=True)
    result = run_flatten(asked(desk, ActionKind.FLATTEN), desk.tools, Record())
    assert result.status is ActionStatus.DONE, result.headline
    assert "lifted for it and reads on again" in result.headline
    assert changes(desk) == [{"suspend_trade": False}, {"suspend_trade": True}]
    assert desk.account.suspended


def test_a_strategys_order_that_slips_in_meanwhile_is_cancelled_and_what_it_bought_is_closed(
    desk: Floor,
) -> None:
    desk.account.configure(suspend_trade=True)

    def slips_in(_: Any) -> None:
        desk.account.add_order("NVDA", "buy", 1, limit_price=1)
        desk.account.add_position("TSLA", 2, 200)

    desk.simulator.on_request(1, slips_in, method="DELETE", path="/v2/positions/MSFT")
    record = Record()
    result = run_flatten(asked(desk, ActionKind.FLATTEN), desk.tools, record)
    assert result.status is ActionStatus.DONE, result.headline
    assert not desk.account.positions
    assert not desk.account.open_orders


def test_while_the_market_is_closed_one_closing_order_waits_and_no_second_is_sent(desk: Floor) -> None:
    desk.simulator.market.mode = "closed"
    desk.account.configure(suspend_trade=True)
    request, record = asked(desk, ActionKind.FLATTEN), Record()
    result = run_flatten(request, desk.tools, record)
    for _ in range(3):
        assert result.status is ActionStatus.WATCHING
        assert "2 positions left, AAPL 10" in result.headline
        assert len(desk.account.open_orders) == 2
        assert desk.account.suspended
        result = look_again(request, desk.tools, record, result.evidence)
    desk.simulator.market.mode = "open"
    desk.account.settle()
    result = look_again(request, desk.tools, record, result.evidence)
    assert result.status is ActionStatus.DONE, result.headline


def test_a_halt_that_comes_stops_the_closing_and_the_suspension_is_back(desk: Floor) -> None:
    desk.account.configure(suspend_trade=True)
    record = Record()

    def a_halt_comes(count: int) -> None:
        if count == 4:
            record.halt = "a halt was confirmed in INC-2"

    record.on_ask = a_halt_comes
    result = run_flatten(asked(desk, ActionKind.FLATTEN), desk.tools, record)
    assert result.status is ActionStatus.FAILED
    assert "It gave way: a halt was confirmed" in result.headline
    assert desk.account.suspended
    assert "MSFT" in desk.account.positions


def test_a_crash_between_lift_and_restore_is_put_right_by_whoever_takes_it_up(desk: Floor) -> None:
    record = Record(begun=(LIFT,))
    desk.account.remove_position("AAPL")
    desk.account.remove_position("MSFT")
    result = run_flatten(asked(desk, ActionKind.FLATTEN, resumed=True), desk.tools, record)
    assert result.status is ActionStatus.DONE
    assert desk.account.suspended


def test_after_a_crash_the_record_still_says_what_was_held_at_the_start(desk: Floor) -> None:
    record = Record()
    record.kept[HELD] = {"held": {"AAPL": "10", "MSFT": "5"}}
    desk.account.remove_position("AAPL")
    result = run_flatten(asked(desk, ActionKind.FLATTEN, resumed=True), desk.tools, record)
    assert result.headline == "Flat: the 2 positions held at the start are closed, no position is left."
    assert result.evidence["positions_before"] == {"AAPL": "10", "MSFT": "5"}


def test_an_order_that_will_not_go_keeps_its_position_and_is_named(desk: Floor) -> None:
    order = desk.account.add_order("AAPL", "sell", 10, limit_price=500)
    desk.account.stick(order.id)
    result = run_flatten(asked(desk, ActionKind.FLATTEN), desk.tools, Record())
    assert result.status is ActionStatus.WATCHING
    assert "AAPL 10 (an order on it is open)" in result.headline
    assert "AAPL" not in sold(desk)
    assert "MSFT" not in desk.account.positions
