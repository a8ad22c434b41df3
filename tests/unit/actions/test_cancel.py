"""Cancelling without suspending: shown gone, honest about what sticks and about what came after."""

import json
from decimal import Decimal
from typing import Any, cast

import pytest

from bot.domain.actions import ActionResult
from bot.domain.words import ActionKind, ActionStatus
from bot.ports.broker import BrokerTimeout, BrokerUnavailable
from bot.services.actions.cancel import look_again, run_cancel
from bot.services.actions.tools import ActionTools
from tests.unit.actions.desk import Account, HandTime, asked, tools_for

SILENT = BrokerTimeout("call", "no answer in 5 s", may_have_acted=True)
BROKEN = BrokerUnavailable("call", "broker error 500", status=500)


def cancel(tools: ActionTools, **params: Any) -> ActionResult:
    result = run_cancel(asked(ActionKind.CANCEL, **params), tools)
    json.dumps(result.evidence)
    return result


def test_all_orders_are_shown_gone_and_the_account_stays_open_for_trading() -> None:
    desk = Account()
    desk.open(30)
    result = cancel(tools_for(desk))
    assert result.status is ActionStatus.DONE
    assert result.headline.startswith("Cancelled: all 30 orders gone")
    assert desk.configuration["suspend_trade"] is False
    assert result.reading is not None
    assert result.reading.suspended is None
    assert result.reading.open_orders == 0


def test_what_sticks_is_named_and_looked_at_again() -> None:
    desk = Account()
    ids = desk.open(30)
    desk.stuck.add(ids[0])
    tools = tools_for(desk)
    result = cancel(tools)
    assert result.status is ActionStatus.WATCHING
    assert "29 of 30 orders gone, 1 unconfirmed" in result.headline
    assert [(o.id, o.why) for o in result.unconfirmed] == [(ids[0], "pending cancel")]
    desk.let_go(ids[0])
    assert look_again(asked(ActionKind.CANCEL), tools, result.evidence).status is ActionStatus.DONE


def test_a_trader_that_keeps_sending_is_not_hidden_behind_cancelled() -> None:
    desk = Account()
    desk.open(10)
    tools = tools_for(desk)

    def send() -> None:
        desk.open(1, "TSLA")
        cast(HandTime, tools.time).at(cast(HandTime, tools.time).seconds + 0.5, send)

    cast(HandTime, tools.time).at(0.5, send)
    desk.on_cancel_all.append(send)
    result = cancel(tools)
    assert result.status is ActionStatus.DONE
    assert "10 orders open at the start are gone, but" in result.headline
    assert not result.headline.startswith("Cancelled")
    assert result.evidence["came_after"]
    assert result.next_step is not None
    assert "Halt" in result.next_step
    assert result.reading is not None
    assert result.reading.open_orders


@pytest.mark.parametrize("error", [SILENT, BROKEN])
def test_a_cancel_all_that_fails_is_asked_again_and_the_orders_are_asked_singly(
    error: BrokerTimeout | BrokerUnavailable,
) -> None:
    desk = Account()
    desk.open(3)
    desk.fail("cancel_all", error)
    result = cancel(tools_for(desk))
    assert result.status is ActionStatus.DONE
    assert desk.calls.count("cancel_all") >= 1
    assert desk.calls.count("cancel") == 3
    assert result.evidence["gone"] == 3


@pytest.mark.parametrize("error", [SILENT, BROKEN])
def test_without_a_listing_nothing_is_called_cancelled(error: BrokerTimeout | BrokerUnavailable) -> None:
    desk = Account()
    ids = desk.open(3)
    desk.fail("list_open_orders", error)
    result = cancel(tools_for(desk))
    assert result.status is ActionStatus.WATCHING
    assert "could not be learned" in result.headline
    assert {o.id for o in result.unconfirmed} == set(ids)


def test_after_a_crash_with_nothing_open_nothing_is_sent() -> None:
    desk = Account()
    result = cancel(tools_for(desk), resumed=True)
    assert result.status is ActionStatus.DONE
    assert "cancel_all" not in desk.calls


def test_after_a_crash_the_cancel_tells_of_the_orders_that_its_first_life_took_away() -> None:
    desk = Account()
    desk.hold("MSFT", "5", "400")
    kept = {
        "snapshot": {"orders": [], "all_at_start": False, "positions": {"MSFT": "5"}},
        "cancel": {
            "total": 2,
            "ids": desk.open(2, "MSFT", side="sell", type="stop", stop_price=Decimal(380)),
        },
    }
    desk.let_go(*desk.orders)
    result = run_cancel(asked(ActionKind.CANCEL, resumed=True), tools_for(desk), kept.get)
    assert result.headline.startswith("Cancelled: all 2 orders gone")
    assert result.evidence["lost_stops"] == ["MSFT sell stop 10 @ 380"] * 2


def test_after_a_crash_without_a_record_of_its_start_the_cancel_says_so() -> None:
    desk = Account()
    result = cancel(tools_for(desk), resumed=True)
    assert "which orders were open before it was interrupted is not known" in result.headline
    assert "protective stops" in str(result.next_step)
