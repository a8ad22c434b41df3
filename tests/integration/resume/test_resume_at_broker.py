"""A resume at the stand-in broker, over HTTP with the real adapter: stage by stage, and giving way to a halt."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.domain.stages import TIGHT
from bot.domain.words import ActionKind, ActionStatus
from bot.services.actions.resume import GOOD_FOR, look_again, run_resume
from tests.integration.broker.floor import PATIENT, Floor, floor
from tests.integration.resume.record import Record, asked, changes

STAGES = [("halted", "restricted"), ("restricted", "cautious"), ("cautious", "normal")]


@pytest.fixture
def desk() -> Iterator[Floor]:
    with floor(PATIENT) as stage:
        yield stage


def halted(desk: Floor) -> Record:
    """The account as a halt leaves it, with its configuration saved."""
    desk.account.configure(max_margin_multiplier="2", pdt_check="both")
    before = dict(desk.account.configuration)
    desk.account.configure(suspend_trade=True)
    return Record(before)


def test_three_stages_end_in_exactly_the_configuration_from_before_the_halt(desk: Floor) -> None:
    record = halted(desk)
    for was, to in STAGES:
        request = asked(desk, ActionKind.RESUME, **{"from": was, "to": to})
        result = run_resume(request, desk.tools, record)
        assert result.status is ActionStatus.DONE, result.headline
        assert result.headline.startswith(f"Resumed to {to}")
        assert result.reading is not None
        assert result.reading.suspended is False
        tight = {name: desk.account.configuration[name] for name in TIGHT}
        assert (tight == dict(TIGHT)) is (to == "restricted")
    assert dict(desk.account.configuration) == record.before


def test_tightening_comes_before_the_suspension_goes_and_each_is_only_the_difference(desk: Floor) -> None:
    record = halted(desk)
    run_resume(asked(desk, ActionKind.RESUME, **{"from": "halted", "to": "restricted"}), desk.tools, record)
    assert changes(desk) == [dict(TIGHT), {"suspend_trade": False}]
    desk.simulator.forget_requests()
    run_resume(asked(desk, ActionKind.RESUME, **{"from": "restricted", "to": "cautious"}), desk.tools, record)
    assert changes(desk) == [
        {
            "no_shorting": False,
            "max_margin_multiplier": "2",
            "max_options_trading_level": 3,
            "disable_overnight_trading": False,
        }
    ]


def test_the_configuration_is_saved_before_it_is_tightened_when_the_halt_saved_none(desk: Floor) -> None:
    desk.account.configure(suspend_trade=True, no_shorting=False)
    record = Record()
    seen: list[bool] = []
    desk.simulator.on_request(
        1, lambda _: seen.append(record.before is not None), method="PATCH", path=".*/configurations"
    )
    run_resume(asked(desk, ActionKind.RESUME, **{"from": "halted", "to": "restricted"}), desk.tools, record)
    assert seen == [True]
    assert record.before is not None
    assert record.before["no_shorting"] is False


def test_without_a_saved_configuration_normal_says_so_and_touches_only_the_suspension(desk: Floor) -> None:
    desk.account.configure(no_shorting=True)
    desk.account.configure(suspend_trade=True)
    request = asked(desk, ActionKind.RESUME, **{"from": "cautious", "to": "normal"})
    result = run_resume(request, desk.tools, Record())
    assert result.status is ActionStatus.DONE
    assert "no configuration was saved before the halt" in result.headline
    assert changes(desk) == [{"suspend_trade": False}]


@pytest.mark.parametrize("look", [1, 2, 3])
def test_a_halt_that_comes_before_any_write_or_after_the_last_wins(desk: Floor, look: int) -> None:
    """The record is looked at before the tightening, before the lift and after it was read back."""
    record = halted(desk)

    def a_halt_comes(count: int) -> None:
        if count == look:
            record.halt = "a halt was confirmed in INC-2"

    record.on_ask = a_halt_comes
    request = asked(desk, ActionKind.RESUME, **{"from": "halted", "to": "restricted"})
    result = run_resume(request, desk.tools, record)
    assert result.status is ActionStatus.FAILED
    assert result.headline.startswith("Not resumed to restricted: a halt was confirmed in INC-2")
    assert desk.account.suspended
    assert record.asked == look


def test_giving_way_claims_nothing_while_the_suspension_is_not_read(desk: Floor) -> None:
    record = halted(desk)

    def a_halt_comes_and_the_broker_goes(count: int) -> None:
        if count == 3:
            record.halt = "a halt was confirmed in INC-2"
            desk.simulator.faults.add("PATCH", "/account/configurations", status=500)

    record.on_ask = a_halt_comes_and_the_broker_goes
    request = asked(desk, ActionKind.RESUME, **{"from": "halted", "to": "restricted"})
    result = run_resume(request, desk.tools, record)
    assert result.status is ActionStatus.WATCHING
    assert not desk.account.suspended
    desk.simulator.faults.clear()
    record.on_ask = lambda count: None
    result = look_again(request, desk.tools, record, result.evidence)
    assert result.status is ActionStatus.FAILED
    assert desk.account.suspended


def test_a_record_that_cannot_be_read_sends_nothing(desk: Floor) -> None:
    record = halted(desk)
    record.away = True
    request = asked(desk, ActionKind.RESUME, **{"from": "halted", "to": "restricted"})
    result = run_resume(request, desk.tools, record)
    assert result.status is ActionStatus.WATCHING
    assert changes(desk) == []
    assert "the database does not answer" in result.headline
    record.away = False
    assert look_again(request, desk.tools, record, result.evidence).status is ActionStatus.DONE


def test_an_approval_from_long_ago_sends_nothing_any_more(desk: Floor) -> None:
    """The machine was down in between: what the gates found no longer holds."""
    record = halted(desk)
    request = asked(desk, ActionKind.RESUME, resumed=True, **{"from": "halted", "to": "restricted"})
    desk.time.seconds += GOOD_FOR.total_seconds() + 1
    result = run_resume(request, desk.tools, record)
    assert result.status is ActionStatus.FAILED
    assert changes(desk) == []
    assert "Trading stays halted" in result.headline


def test_taken_up_after_a_crash_it_sends_only_what_is_missing(desk: Floor) -> None:
    record = halted(desk)
    desk.account.configure(**TIGHT)
    request = asked(desk, ActionKind.RESUME, resumed=True, **{"from": "halted", "to": "restricted"})
    assert run_resume(request, desk.tools, record).status is ActionStatus.DONE
    assert changes(desk) == [{"suspend_trade": False}]
    desk.simulator.forget_requests()
    assert run_resume(request, desk.tools, record).status is ActionStatus.DONE
    assert changes(desk) == []


def test_a_broker_that_says_no_is_a_failure_with_its_words(desk: Floor) -> None:
    record = halted(desk)
    desk.simulator.faults.add(
        "PATCH", "/account/configurations", status=422, body={"code": 42210000, "message": "not allowed"}
    )
    request = asked(desk, ActionKind.RESUME, **{"from": "halted", "to": "restricted"})
    result = run_resume(request, desk.tools, record)
    assert result.status is ActionStatus.FAILED
    assert "not allowed" in result.headline
    assert desk.account.suspended


def test_a_setting_that_the_account_does_not_follow_is_not_resumed(desk: Floor) -> None:
    record = halted(desk)
    desk.account.shown_suspended = True
    request = asked(desk, ActionKind.RESUME, **{"from": "halted", "to": "restricted"})
    result = run_resume(request, desk.tools, record)
    assert result.status is ActionStatus.WATCHING
    assert result.look_again_after is not None
    assert result.look_again_after > timedelta(0)
