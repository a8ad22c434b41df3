"""Every kind of broken answer at every call of every action: only what was seen is claimed.

A cell breaks one call for the whole run. The run must end without a false "halted", "cancelled" or "clean";
when the broker is well again, the next look must bring the halt and the cancel to their proof.
"""

import time
from collections.abc import Callable
from typing import Any

import pytest

from bot.domain.actions import ActionResult
from bot.domain.words import ActionKind, ActionStatus
from bot.services.actions import cancel, halt
from bot.services.actions.reconcile import run_reconcile
from tests.integration.broker.floor import Floor, floor, for_fault

TARGETS = {
    "suspend": (("PATCH", "/account/configurations"),),
    "read-back": (("GET", "/account/configurations"), ("GET", "/account")),
    "cancel": (("DELETE", "/orders"), ("DELETE", "/orders/.+")),
    "list": (("GET", "/orders"),),
    "positions": (("GET", "/positions"),),
}
FAULTS: dict[str, dict[str, Any]] = {
    "500": {"kind": "status", "status": 500},
    "429 with reset": {"kind": "status", "status": 429, "reset_in": 3.0},
    "302": {"kind": "redirect"},
    "html": {"kind": "html"},
    "hang": {"kind": "hang", "seconds": 5.0},
    "reset": {"kind": "reset"},
    "cut": {"kind": "cut"},
    "unknown words": {"kind": "unknown_enums"},
    "text in the 207": {"kind": "string_body"},
}
HARMLESS = {"unknown words", "text in the 207"}
LONGEST_CELL = 60.0  # real seconds, with the small timeouts of these tests
PROVES = {  # the calls without which an action cannot be shown done
    ActionKind.HALT: {"suspend", "read-back", "cancel", "list"},
    ActionKind.CANCEL: {"cancel", "list"},
    ActionKind.RECONCILE: {"positions"},
}
RUNS: dict[ActionKind, Callable[..., ActionResult]] = {
    ActionKind.HALT: halt.run_halt,
    ActionKind.CANCEL: cancel.run_cancel,
    ActionKind.RECONCILE: run_reconcile,
}
LOOKS: dict[ActionKind, Callable[..., ActionResult]] = {
    ActionKind.HALT: halt.look_again,
    ActionKind.CANCEL: cancel.look_again,
}


def strike(desk: Floor, target: str, fault: dict[str, Any], **more: Any) -> None:
    for method, path in TARGETS[target]:
        desk.simulator.faults.add(method, path, **fault, **more)


def acts_although_broken(target: str, fault: str) -> bool:
    """A "cut" lets the call take effect and spoils its answer: what was changed is then seen by reading."""
    return fault == "cut" and target in ("suspend", "cancel")


def expected(kind: ActionKind, target: str, fault: str) -> ActionStatus:
    if fault in HARMLESS or target not in PROVES[kind] or acts_although_broken(target, fault):
        return ActionStatus.DONE
    return ActionStatus.FAILED if kind is ActionKind.RECONCILE else ActionStatus.WATCHING


def no_false_claim(desk: Floor, kind: ActionKind, result: ActionResult) -> None:
    headline = result.headline.lower()
    done = result.status is ActionStatus.DONE
    if kind is ActionKind.HALT:
        assert ("halted" in headline) is done
        assert not done or desk.is_halted
    elif kind is ActionKind.CANCEL:
        assert headline.startswith("cancelled") is done
        assert not done or not desk.account.open_orders
    else:
        assert headline.startswith("clean") is done
        assert result.evidence["run"]["clean"] is done


@pytest.mark.parametrize("kind", list(RUNS))
@pytest.mark.parametrize("fault", list(FAULTS))
@pytest.mark.parametrize("target", list(TARGETS))
def test_a_cell_of_the_matrix(target: str, fault: str, kind: ActionKind) -> None:
    with floor(for_fault(fault)) as desk:
        desk.orders(3)
        strike(desk, target, FAULTS[fault])
        began = time.monotonic()
        result = RUNS[kind](desk.asked(kind), desk.tools)
        assert time.monotonic() - began < LONGEST_CELL
        assert desk.time.seconds <= 31
        assert result.status is expected(kind, target, fault), result.headline
        no_false_claim(desk, kind, result)
        if result.status is ActionStatus.WATCHING:
            assert result.next_step
            assert result.look_again_after is not None
            assert kind is ActionKind.HALT or result.unconfirmed
            desk.simulator.faults.clear()
            for _ in range(3):
                result = LOOKS[kind](desk.asked(kind), desk.tools, result.evidence)
                no_false_claim(desk, kind, result)
            assert result.status is ActionStatus.DONE
            assert result.evidence["lost_stops"] == []


@pytest.mark.parametrize("fault", ["500", "302", "html", "hang", "reset", "cut"])
@pytest.mark.parametrize("target", ["suspend", "cancel"])
def test_a_call_that_took_effect_with_its_answer_lost_is_seen_by_reading(target: str, fault: str) -> None:
    with floor(for_fault(fault)) as desk:
        desk.orders(3)
        strike(desk, target, FAULTS[fault], after=True)
        result = halt.run_halt(desk.asked(ActionKind.HALT), desk.tools)
        assert result.status is ActionStatus.DONE
        assert desk.is_halted


@pytest.mark.parametrize("fault", ["500", "429 with reset", "302", "hang", "reset"])
def test_faults_that_pass_are_overcome_within_the_first_run(fault: str) -> None:
    with floor(for_fault(fault)) as desk:
        desk.orders(5)
        for target in TARGETS:
            strike(desk, target, FAULTS[fault], times=1)
        result = halt.run_halt(desk.asked(ActionKind.HALT), desk.tools)
        assert result.status is ActionStatus.DONE
        assert desk.is_halted
