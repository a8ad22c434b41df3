"""Halting: what is claimed when all goes, orders stick, the suspension fails, or after a crash."""

import json
from collections.abc import Mapping
from decimal import Decimal
from threading import Event
from typing import Any, cast

import pytest

from bot.domain.actions import ActionResult
from bot.domain.words import ActionKind, ActionStatus, StepStatus
from bot.ports.broker import (
    BrokerAnswerUnreadable,
    BrokerError,
    BrokerRefused,
    BrokerTimeout,
    BrokerUnavailable,
    Position,
)
from bot.services.actions.halt import look_again, run_halt
from bot.services.actions.standing import RecordAway
from bot.services.actions.tools import ActionTools, Picture
from tests.unit.actions.desk import Account, HandTime, Notebook, asked, tools_for

SILENT = BrokerTimeout("call", "no answer in 5 s", may_have_acted=True)
BROKEN = BrokerUnavailable("call", "broker error 500", status=500)
REFUSED = BrokerRefused("call", 403, 40310000, "forbidden")
REDIRECTED = BrokerAnswerUnreadable("call", "redirected (302)", may_have_acted=True)


def halt(tools: ActionTools, **params: Any) -> ActionResult:
    result = run_halt(asked(ActionKind.HALT, **params), tools)
    json.dumps(result.evidence)  # the record keeps it as JSON
    return result


def claims_halted(result: ActionResult) -> bool:
    return "halted" in result.headline.lower()


def notebook(tools: ActionTools) -> Notebook:
    return cast(Notebook, tools.record)


def clock(tools: ActionTools) -> HandTime:
    return cast(HandTime, tools.time)


def test_a_halt_is_proved_by_both_flags_and_two_empty_readings() -> None:
    desk = Account()
    desk.open(120)
    tools = tools_for(desk)
    result = halt(tools)
    assert result.status is ActionStatus.DONE
    assert result.headline.startswith("Halted: suspended, all 120 orders gone")
    assert desk.configuration["suspend_trade"] is True
    assert desk.orders == {}
    proof = result.evidence["proof"]
    assert proof["suspend_trade"] is True
    assert proof["trade_suspended_by_user"] is True
    assert proof["second_empty_at"] > proof["first_empty_at"]
    assert (result.evidence["asked"], result.evidence["gone"]) == (120, 120)
    assert result.reading is not None
    assert (result.reading.suspended, result.reading.open_orders) == (True, 0)
    assert clock(tools).seconds >= 2


def test_the_suspension_is_written_down_before_it_is_sent_and_the_steps_tell_the_story() -> None:
    desk = Account()
    desk.open(3)
    tools = tools_for(desk)
    halt(tools)
    assert notebook(tools).names == [
        "suspend", "cancel", "snapshot", "read-back", "sweep", "list", "prove", "positions",
    ]  # fmt: skip
    assert notebook(tools).last("cancel")[1].startswith("3 of 3 accepted")


def test_two_of_120_will_not_go_and_are_named_until_they_do() -> None:
    desk = Account()
    ids = desk.open(120)
    desk.stuck.add(ids[4])
    desk.refusing[ids[9]] = 500
    tools = tools_for(desk)
    result = halt(tools)
    assert result.status is ActionStatus.WATCHING
    assert not claims_halted(result)
    assert "118 of 120 orders gone, 2 unconfirmed" in result.headline
    assert {(o.id, o.why) for o in result.unconfirmed} == {
        (ids[4], "pending cancel"),
        (ids[9], "broker error 500: internal error"),
    }
    assert result.evidence["accepted"] == 119
    assert result.look_again_after is not None
    assert 2 <= result.look_again_after.total_seconds() <= 30

    desk.let_go(ids[9])
    second = look_again(asked(ActionKind.HALT), tools, result.evidence)
    assert second.status is ActionStatus.WATCHING
    assert [o.id for o in second.unconfirmed] == [ids[4]]
    assert "119 of 120" in second.headline

    desk.let_go(ids[4])
    third = look_again(asked(ActionKind.HALT), tools, second.evidence)
    assert third.status is ActionStatus.DONE
    assert claims_halted(third)
    assert third.evidence["gone"] == 120
    assert third.evidence["configuration_before"]["suspend_trade"] is False


def test_looks_grow_further_apart_up_to_thirty_seconds() -> None:
    desk = Account()
    desk.stuck.update(desk.open(1))
    tools = tools_for(desk)
    result = halt(tools)
    waits = []
    for _ in range(12):
        assert result.look_again_after is not None
        waits.append(result.look_again_after.total_seconds())
        result = look_again(asked(ActionKind.HALT), tools, result.evidence)
    assert waits[0] == 2
    assert waits == sorted(waits)
    assert waits[-1] == 30


def test_an_order_that_slips_in_before_the_suspension_is_swept_away() -> None:
    desk = Account()
    desk.open(5)
    desk.on_cancel_all.append(lambda: desk.open(1, "TSLA") and None)
    result = halt(tools_for(desk))
    assert result.status is ActionStatus.DONE
    assert desk.calls.count("cancel_all") == 2


@pytest.mark.parametrize("error", [SILENT, BROKEN, REFUSED, REDIRECTED])
def test_when_suspending_fails_cancelling_goes_on_and_people_are_told_to_revoke_the_key(
    error: BrokerError,
) -> None:
    desk = Account()
    desk.open(10)
    desk.fail("change_configuration", error)
    tools = tools_for(desk)
    result = halt(tools)
    assert result.status is ActionStatus.WATCHING
    assert not claims_halted(result)
    assert "Not suspended" in result.headline
    assert error.last_word in result.headline
    assert result.next_step is not None
    assert "revoke the API key" in result.next_step
    assert desk.how_to_revoke in result.next_step
    assert desk.orders == {}
    assert desk.calls.count("cancel_all") >= 3
    desk.mend()
    desk.open(2)
    assert look_again(asked(ActionKind.HALT), tools, result.evidence).status is ActionStatus.DONE


def test_a_setting_that_the_account_does_not_follow_proves_nothing() -> None:
    desk = Account()
    desk.flag_follows = False
    result = halt(tools_for(desk))
    assert result.status is ActionStatus.WATCHING
    assert not claims_halted(result)
    assert result.evidence["suspension"]["read"] is False


@pytest.mark.parametrize("call", ["read_configuration", "read_account"])
@pytest.mark.parametrize("error", [SILENT, BROKEN, REDIRECTED])
def test_a_read_back_that_fails_is_not_taken_for_a_yes_nor_for_a_no(call: str, error: BrokerError) -> None:
    desk = Account()
    desk.open(2)
    desk.fail(call, error)
    result = halt(tools_for(desk))
    assert result.status is ActionStatus.WATCHING
    assert result.headline.startswith("It is not known whether")
    assert result.reading is not None
    assert result.reading.suspended is None


@pytest.mark.parametrize("error", [SILENT, BROKEN, REFUSED, REDIRECTED])
def test_without_a_listing_nothing_is_proved_and_every_order_stays_named(error: BrokerError) -> None:
    desk = Account()
    ids = desk.open(4)
    desk.fail("list_open_orders", error)
    result = halt(tools_for(desk))
    assert result.status is ActionStatus.WATCHING
    assert not claims_halted(result)
    assert {o.id for o in result.unconfirmed} == set(ids)
    assert {o.symbol for o in result.unconfirmed} == {"AAPL"}
    assert result.reading is not None
    assert result.reading.open_orders is None
    assert result.evidence["gone"] is None


def test_an_empty_listing_that_may_not_be_complete_proves_nothing() -> None:
    desk = Account()
    desk.partial = True
    result = halt(tools_for(desk))
    assert result.status is ActionStatus.WATCHING
    assert "could not be read to its end" in result.headline


def test_an_order_between_the_two_readings_undoes_the_first() -> None:
    desk = Account()
    tools = tools_for(desk)
    clock(tools).at(2.0, lambda: desk.stuck.update(desk.open(1, "TSLA")))
    result = halt(tools)
    assert result.status is ActionStatus.WATCHING
    assert [o.symbol for o in result.unconfirmed] == ["TSLA"]


def test_a_suspension_lifted_between_the_readings_is_seen_and_set_again() -> None:
    desk = Account()
    tools = tools_for(desk)
    clock(tools).at(2.0, lambda: desk.configuration.update(suspend_trade=False))
    result = halt(tools)
    assert result.status is ActionStatus.DONE
    assert desk.calls.count("change_configuration") == 2


def test_a_broker_that_is_gone_leaves_a_bounded_run_and_a_next_step() -> None:
    desk = Account()
    for call in ("change_configuration", "cancel_all", "list_open_orders", "list_positions", "read_account"):
        desk.fail(call, SILENT)
    desk.fail("read_configuration", SILENT)
    desk.fail("list_latest_orders", SILENT)
    tools = tools_for(desk)
    result = halt(tools)
    assert result.status is ActionStatus.WATCHING
    assert "not known" in result.headline
    assert result.evidence["asked"] is None
    assert result.evidence["positions_after"] is None
    assert clock(tools).seconds <= 30
    assert result.next_step is not None
    assert len(desk.calls) < 60


def test_a_snapshot_that_fails_says_so_and_does_not_stop_the_halt() -> None:
    desk = Account()
    desk.open(3)
    desk.fail("list_positions", BROKEN, times=1)
    tools = tools_for(desk)
    result = halt(tools)
    assert result.status is ActionStatus.DONE
    assert result.evidence["positions_before"] is None
    assert result.evidence["positions_changed"] is None
    assert "positions not learned: broker error 500" in notebook(tools).last("snapshot")[1]


def test_protective_stops_that_go_and_fills_that_raced_are_named() -> None:
    desk = Account()
    desk.hold("MSFT", "5", "400")
    desk.hold("AAPL", "10", "190")
    desk.open(1, "MSFT", side="sell", type="stop", qty=Decimal(5), stop_price=Decimal("380.00"))
    desk.open(1, "TSLA", side="sell", type="stop", qty=Decimal(1), stop_price=Decimal(200))
    desk.on_cancel_all.append(lambda: desk.hold("AAPL", "12", "190"))
    result = halt(tools_for(desk))
    assert result.status is ActionStatus.DONE
    assert result.evidence["lost_stops"] == ["MSFT sell stop 5 @ 380"]
    assert result.evidence["positions_changed"] == ["AAPL 10 -> 12"]
    assert result.next_step is not None
    assert "1 protective stop" in result.next_step


def test_suspend_only_leaves_the_orders_and_says_so() -> None:
    desk = Account()
    ids = desk.open(12)
    result = halt(tools_for(desk), suspend_only=True)
    assert result.status is ActionStatus.DONE
    assert not claims_halted(result)
    assert "12 open orders left as they are" in result.headline
    assert list(desk.orders) == ids
    assert "cancel_all" not in desk.calls
    assert "cancel" not in desk.calls


def test_a_second_halt_proves_it_afresh_without_a_new_configuration_to_restore() -> None:
    desk = Account()
    tools = tools_for(desk)
    first = halt(tools)
    assert first.evidence["configuration_before"] == {"suspend_trade": False, "no_shorting": False}
    clock(tools).wait(60)
    second = halt(tools)
    assert second.status is ActionStatus.DONE
    assert "configuration_before" not in second.evidence
    assert second.evidence["proof"]["first_empty_at"] > first.evidence["proof"]["second_empty_at"]


def test_after_a_crash_a_finished_halt_is_only_proved() -> None:
    desk = Account()
    desk.configuration["suspend_trade"] = True
    tools = tools_for(desk)
    result = run_halt(asked(ActionKind.HALT, resumed=True), tools)
    assert result.status is ActionStatus.DONE
    assert "cancel_all" not in desk.calls
    assert "change_configuration" not in desk.calls
    assert notebook(tools).names[0] == "look"


def test_after_a_crash_before_the_first_call_everything_is_still_sent() -> None:
    desk = Account()
    desk.open(6)
    tools = tools_for(desk)
    result = run_halt(asked(ActionKind.HALT, resumed=True), tools)
    assert result.status is ActionStatus.DONE
    assert desk.orders == {}
    assert result.evidence["asked"] is None  # perhaps there were more


def test_when_the_process_is_to_stop_the_halt_hands_over_unproved() -> None:
    desk = Account()
    tools = tools_for(desk)
    clock(tools).stop = True
    result = halt(tools)
    assert result.status is ActionStatus.WATCHING
    assert not claims_halted(result)
    assert desk.configuration["suspend_trade"] is True


def test_a_rate_limit_is_respected_within_the_run_and_between_looks() -> None:
    desk = Account()
    desk.open(2)
    limited = BrokerUnavailable("call", "rate limit (429)", status=429, retry_after=40, may_have_acted=False)
    for call in ("change_configuration", "cancel_all", "list_open_orders", "list_positions"):
        desk.fail(call, limited)
    tools = tools_for(desk)
    result = halt(tools)
    assert result.status is ActionStatus.WATCHING
    assert clock(tools).seconds <= 30
    assert result.look_again_after is not None
    assert result.look_again_after.total_seconds() == 40
    status, summary = notebook(tools).last("suspend")
    assert status is StepStatus.FAILED
    assert "rate limit (429)" in summary


@pytest.mark.parametrize("call", ["list_open_orders", "read_account", "read_configuration"])
def test_a_second_reading_that_fails_is_no_second_reading(call: str) -> None:
    desk = Account()
    tools = tools_for(desk)
    clock(tools).at(2.0, lambda: desk.fail(call, BROKEN))
    result = halt(tools)
    assert result.status is ActionStatus.WATCHING
    assert not claims_halted(result)
    assert result.evidence["proof"]["second_empty_at"] is None


def test_a_defect_in_one_reading_does_not_stop_the_halt(caplog: pytest.LogCaptureFixture) -> None:
    class Odd(Account):
        def list_positions(self, *, within: float | None = None) -> tuple[Position, ...]:
            raise TypeError("a defect")

    desk = Odd()
    desk.open(2)
    result = halt(tools_for(desk))
    assert result.status is ActionStatus.DONE
    assert result.evidence["positions_after"] is None
    assert "broke off on a defect" in caplog.text


class Remembered(Notebook):
    """The record as the next life finds it. `dies_at`: the process is killed once that step is written."""

    def __init__(self, dies_at: tuple[str, StepStatus] | None = None) -> None:
        super().__init__()
        self.evidence: dict[str, Mapping[str, Any]] = {}
        self.dies_at = dies_at

    def step(
        self, name: str, status: StepStatus, summary: str, evidence: Mapping[str, Any] | None = None
    ) -> None:
        super().step(name, status, summary, evidence)
        self.evidence[name] = json.loads(json.dumps(dict(evidence or {})))
        if self.dies_at == (name, status):
            self.dies_at = None
            raise KeyboardInterrupt


def with_three_stops() -> Account:
    desk = Account()
    desk.hold("MSFT", "15", "400")
    for price in (380, 370, 360):
        desk.open(1, "MSFT", side="sell", type="stop", qty=Decimal(5), stop_price=Decimal(price))
    return desk


def pictured(desk: Account, tools: ActionTools) -> Picture:
    """What the confirmation modal has read a moment ago."""
    return Picture(
        tools.time.now(),
        desk.list_open_orders(),
        desk.list_positions(),
        desk.read_configuration(),
        desk.read_account(),
    )


def halted_by_two_lives(dies_at: tuple[str, StepStatus], *, with_picture: bool) -> ActionResult:
    desk, record = with_three_stops(), Remembered(dies_at)
    tools = ActionTools(desk, None, record, HandTime())
    tools.picture = pictured(desk, tools) if with_picture else None
    taken = Event()
    desk.on_cancel_all += [taken.set, lambda: desk.hold("MSFT", "12", "400")]  # a stop fills meanwhile
    with pytest.raises(KeyboardInterrupt):
        run_halt(asked(ActionKind.HALT), tools, record.evidence.get)
    assert taken.wait(10)
    assert desk.orders == {}
    tools.picture = None
    result = run_halt(asked(ActionKind.HALT, resumed=True), tools, record.evidence.get)
    json.dumps(result.evidence)
    return result


@pytest.mark.parametrize(
    ("dies_at", "with_picture"),
    [
        pytest.param(("snapshot", StepStatus.OK), True, id="before the answer, after a modal"),
        pytest.param(("cancel", StepStatus.OK), True, id="after the answer, after a modal"),
        pytest.param(("read-back", StepStatus.STARTED), False, id="at the read-back, without a modal"),
    ],
)
def test_after_a_crash_the_halt_still_tells_what_was_open_before_it(
    dies_at: tuple[str, StepStatus], with_picture: bool
) -> None:
    """Killed when the broker has taken the cancel-all: what the next life finds is empty, and was not at the start."""
    result = halted_by_two_lives(dies_at, with_picture=with_picture)
    assert result.headline.startswith("Halted: suspended, all 3 orders gone")
    assert result.evidence["asked"] == 3
    assert result.evidence["lost_stops"] == [f"MSFT sell stop 5 @ {price}" for price in (360, 370, 380)]
    assert result.evidence["positions_changed"] == ["MSFT 15 -> 12"]
    assert result.evidence["configuration_before"]["suspend_trade"] is False
    assert result.evidence["start_lost"] is False
    assert result.next_step == "3 protective stops went with the orders: decide how to cover them."


@pytest.mark.parametrize("away", [False, True])
def test_after_a_crash_whose_record_does_not_say_what_was_open_the_halt_says_so(away: bool) -> None:
    desk, record = with_three_stops(), Remembered(("suspend", StepStatus.STARTED))
    tools = ActionTools(desk, None, record, HandTime())
    with pytest.raises(KeyboardInterrupt):
        run_halt(asked(ActionKind.HALT), tools, record.evidence.get)

    def kept(step: str) -> Mapping[str, Any] | None:
        if away:
            raise RecordAway("the database does not answer")
        return record.evidence.get(step)

    result = run_halt(asked(ActionKind.HALT, resumed=True), tools, kept)
    assert result.status is ActionStatus.DONE
    assert "which orders were open before it was interrupted is not known" in result.headline
    assert "no order was open" not in result.headline
    assert (result.evidence["asked"], result.evidence["start_lost"]) == (None, True)
    assert (result.evidence["positions_before"], result.evidence["positions_changed"]) == (None, None)
    assert "Whether protective stops went" in str(result.next_step)


def test_a_halt_that_broke_off_before_it_had_a_result_finds_its_start_when_it_looks_again() -> None:
    desk, record = with_three_stops(), Remembered(("read-back", StepStatus.STARTED))
    tools = ActionTools(desk, None, record, HandTime())
    with pytest.raises(KeyboardInterrupt):
        run_halt(asked(ActionKind.HALT), tools, record.evidence.get)
    result = look_again(asked(ActionKind.HALT, resumed=True), tools, {}, record.evidence.get)
    assert result.headline.startswith("Halted: suspended, all 3 orders gone")
    assert len(result.evidence["lost_stops"]) == 3
