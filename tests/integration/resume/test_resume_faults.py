"""Every kind of broken answer at every call of a resume and a flatten: never a false "resumed" or "flat"."""

import time
from typing import Any

import pytest

from bot.domain.actions import ActionResult
from bot.domain.resuming import Activity
from bot.domain.stages import TIGHT
from bot.domain.words import ActionKind, ActionStatus
from bot.services.actions import flatten, resume
from bot.services.resume_facts import latest_activity
from tests.integration.broker.floor import Floor, floor, for_fault
from tests.integration.broker.test_fault_matrix import FAULTS, LONGEST_CELL
from tests.integration.resume.record import Record, asked

TARGETS = {
    "suspend-lift": (("PATCH", "/account/configurations"),),
    "read-back": (("GET", "/account"),),
    "configuration": (("GET", "/account/configurations"),),
    "list": (("GET", "/orders"),),
    "positions": (("GET", "/positions"),),
}
NEEDED = {"suspend-lift", "read-back", "configuration"}
HARMLESS = {"unknown words", "text in the 207"}
STAGES = [("halted", "restricted"), ("restricted", "cautious"), ("cautious", "normal")]


def strike(desk: Floor, target: str, fault: dict[str, Any], **more: Any) -> None:
    for method, path in TARGETS[target]:
        desk.simulator.faults.add(method, path, **fault, **more)


def at_stage(desk: Floor, was: str) -> Record:
    """The account as the stage before has left it."""
    before = dict(desk.account.configuration)
    desk.account.configure(**({**TIGHT} if was == "restricted" else {}))
    desk.account.configure(suspend_trade=was == "halted")
    return Record(before)


def is_at(desk: Floor, record: Record, to: str) -> bool:
    """What the broker really has."""
    configuration = dict(desk.account.configuration)
    want = {**(record.before or {}), **(TIGHT if to == "restricted" else {}), "suspend_trade": False}
    return configuration == want


def no_false_claim(desk: Floor, record: Record, to: str, result: ActionResult) -> None:
    done = result.status is ActionStatus.DONE
    assert result.headline.startswith("Resumed to") is done
    assert not done or is_at(desk, record, to)
    if result.status is ActionStatus.FAILED:
        assert not is_at(desk, record, to)


@pytest.mark.parametrize("stage", STAGES, ids=[to for _, to in STAGES])
@pytest.mark.parametrize("fault", list(FAULTS))
@pytest.mark.parametrize("target", list(TARGETS))
def test_a_cell_of_the_matrix(target: str, fault: str, stage: tuple[str, str]) -> None:
    was, to = stage
    with floor(for_fault(fault)) as desk:
        record = at_stage(desk, was)
        strike(desk, target, FAULTS[fault])
        request = asked(desk, ActionKind.RESUME, **{"from": was, "to": to})
        began = time.monotonic()
        result = resume.run_resume(request, desk.tools, record)
        assert time.monotonic() - began < LONGEST_CELL
        assert desk.time.seconds <= 31
        no_false_claim(desk, record, to, result)
        nothing_to_change = to == "normal" and target == "suspend-lift"
        acts_all_the_same = fault == "cut" and target == "suspend-lift"  # takes effect, its answer is spoilt
        # Words that nobody knows in the place of settings: the settings are then not shown restored.
        unlike = to != "restricted" and target == "configuration" and fault == "unknown words"
        harmless = fault in HARMLESS or nothing_to_change or acts_all_the_same
        broken = target in NEEDED and (unlike or not harmless)
        assert result.status is (ActionStatus.WATCHING if broken else ActionStatus.DONE), result.headline
        if broken:
            assert result.next_step
            assert result.look_again_after is not None
            desk.simulator.faults.clear()
            result = resume.look_again(request, desk.tools, record, result.evidence)
            no_false_claim(desk, record, to, result)
            assert result.status is ActionStatus.DONE


@pytest.mark.parametrize("fault", ["500", "302", "html", "hang", "reset", "cut"])
def test_a_change_that_took_effect_with_its_answer_lost_is_seen_by_reading(fault: str) -> None:
    with floor(for_fault(fault)) as desk:
        record = at_stage(desk, "halted")
        strike(desk, "suspend-lift", FAULTS[fault], after=True)
        request = asked(desk, ActionKind.RESUME, **{"from": "halted", "to": "restricted"})
        result = resume.run_resume(request, desk.tools, record)
        assert result.status is ActionStatus.DONE
        assert is_at(desk, record, "restricted")


@pytest.mark.parametrize("fault", ["500", "429 with reset", "302", "hang", "reset"])
def test_a_lift_that_cannot_be_proved_is_never_claimed_however_long_it_is_watched(fault: str) -> None:
    with floor(for_fault(fault)) as desk:
        record = at_stage(desk, "halted")
        strike(desk, "read-back", FAULTS[fault])
        request = asked(desk, ActionKind.RESUME, **{"from": "halted", "to": "restricted"})
        result = resume.run_resume(request, desk.tools, record)
        for _ in range(3):
            result = resume.look_again(request, desk.tools, record, result.evidence)
            assert result.status is ActionStatus.WATCHING
        desk.time.seconds += resume.LOOKED_AT_FOR.total_seconds()
        result = resume.look_again(request, desk.tools, record, result.evidence)
        assert result.status is ActionStatus.UNKNOWN
        assert "Not proved" in result.headline
        assert desk.account.suspended  # nothing was lifted on a reading that did not come


@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in HARMLESS])
@pytest.mark.parametrize("path", ["/orders", "/clock"])
def test_order_activity_that_cannot_be_read_is_not_known(path: str, fault: str) -> None:
    with floor(for_fault(fault)) as desk:
        desk.orders(2)
        desk.simulator.faults.add("GET", path, **FAULTS[fault])
        found = latest_activity(desk.broker, desk.time.now)
        assert found.error is not None
        assert found.at is None


def test_order_activity_is_told_in_the_desks_own_time() -> None:
    """The desk's clock stands in another year than the broker's: the span since the order is what counts."""
    with floor() as desk:
        assert latest_activity(desk.broker, desk.time.now) == Activity()
        desk.orders(1)
        found = latest_activity(desk.broker, desk.time.now)
        assert found.at is not None
        assert abs((desk.time.now() - found.at).total_seconds()) < 5
        assert "AAPL buy new" in found.words


@pytest.mark.parametrize("fault", list(FAULTS))
@pytest.mark.parametrize("target", [*TARGETS, "close"])
def test_a_flatten_under_faults_never_says_flat_before_it_is_and_leaves_the_suspension_on(
    target: str, fault: str
) -> None:
    with floor(for_fault(fault)) as desk:
        desk.orders(2)
        desk.account.configure(suspend_trade=True)
        record = Record()
        if target == "close":
            desk.simulator.faults.add("DELETE", "/positions/.+", **FAULTS[fault])
        else:
            strike(desk, target, FAULTS[fault])
        request = asked(desk, ActionKind.FLATTEN)
        began = time.monotonic()
        result = flatten.run_flatten(request, desk.tools, record)
        assert time.monotonic() - began < LONGEST_CELL
        for mended in (False, True, True, True):
            done = result.status is ActionStatus.DONE
            assert result.headline.startswith("Flat:") is done
            assert not done or (not desk.account.positions and desk.account.suspended)
            if done:
                break
            assert result.status is ActionStatus.WATCHING
            if mended:
                desk.simulator.faults.clear()
            result = flatten.look_again(request, desk.tools, record, result.evidence)
        desk.simulator.faults.clear()
        if result.status is not ActionStatus.DONE:
            result = flatten.look_again(request, desk.tools, record, result.evidence)
        assert result.status is ActionStatus.DONE, result.headline
        assert desk.account.suspended
        assert not desk.account.positions
