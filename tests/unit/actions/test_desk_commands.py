"""The desk's own commands beside an action: nothing waits for them, and what they come to is told when it comes."""

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from bot.domain.actions import ActionRequest, ActionResult
from bot.domain.words import ActionKind, ActionStatus, StepStatus
from bot.ports.commands import CommandOutcome, DeskCommand
from bot.ports.record import ActionRecord
from bot.services.actions.desk_commands import DeskCommands
from bot.services.actions.halt import look_again, run_halt
from tests.unit.actions.desk import Account, HandTime, Notebook, asked, tools_for

PATIENCE = 20.0


class Trader:
    """The trader's breaker: tripping it takes until `let_go`, and comes to `outcome`."""

    def __init__(self, outcome: CommandOutcome) -> None:
        self.outcome = outcome
        self.let_go = threading.Event()
        self.runs = 0

    def run(self, command: DeskCommand, told: Mapping[str, str]) -> CommandOutcome:
        self.runs += 1
        assert self.let_go.wait(PATIENCE)
        return self.outcome


TRIPPED = CommandOutcome(0, 40.0, "tripped")
HUNG = CommandOutcome(None, 120.0, "", "ended after its limit of 120 s")


class Desk:
    def __init__(self, outcome: CommandOutcome = TRIPPED, on: str = "halt") -> None:
        self.trader, self.told = Trader(outcome), list[str]()
        self.said = threading.Event()
        command = DeskCommand("trip_breaker", on, ("trip",), timedelta(seconds=120))
        self.commands = DeskCommands([command], self.trader, HandTime(), self._tell)
        self.notebook = Notebook()

    def _tell(self, request: ActionRequest, text: str) -> None:
        self.told.append(text)

    def act(
        self,
        request: ActionRequest,
        result: ActionResult | Callable[[ActionRecord], ActionResult],
        previous: Mapping[str, Any] | None = None,
    ) -> ActionResult:
        act = result if callable(result) else lambda record: result
        return self.commands.beside(request, self.notebook, previous, act)

    def trader_answers(self) -> None:
        self.trader.let_go.set()
        assert self.commands.wait(PATIENCE)


def test_a_proved_halt_is_concluded_while_the_command_hangs_and_its_failure_is_told_when_it_comes() -> None:
    desk = Desk(HUNG)
    result = desk.act(
        asked(ActionKind.HALT), lambda record: run_halt(asked(ActionKind.HALT), tools_for(Account()))
    )
    assert result.status is ActionStatus.DONE
    assert result.evidence["commands"][0]["error"] == "had not ended when this was written"
    assert "failed" not in str(result.next_step)
    assert desk.told == []

    desk.trader_answers()
    status, words = desk.notebook.last("command trip_breaker")
    assert status is StepStatus.FAILED
    assert "ended after its limit of 120 s" in words
    assert desk.told == [
        "Halt on paper: The desk's command trip_breaker failed: do by hand what it does "
        "(ended after its limit of 120 s)"
    ]


def test_an_account_that_does_not_suspend_is_cancelled_again_while_the_command_hangs() -> None:
    desk, account = Desk(), Account()
    account.flag_follows = False
    first = desk.act(
        asked(ActionKind.HALT), lambda record: run_halt(asked(ActionKind.HALT), tools_for(account))
    )
    assert first.status is ActionStatus.WATCHING
    cancelled = account.calls.count("cancel_all")
    again = desk.act(
        asked(ActionKind.HALT, resumed=True),
        lambda record: look_again(asked(ActionKind.HALT, resumed=True), tools_for(account), first.evidence),
        first.evidence,
    )
    assert account.calls.count("cancel_all") > cancelled
    assert again.evidence["commands"][0]["error"] == "had not ended when this was written"
    desk.trader_answers()
    assert desk.trader.runs == 1


def test_a_later_look_has_what_the_command_came_to_meanwhile() -> None:
    desk = Desk(HUNG)
    watching = ActionResult(ActionStatus.WATCHING, "Not proved yet", look_again_after=timedelta(seconds=2))
    first = desk.act(asked(ActionKind.HALT), watching)
    desk.trader_answers()
    again = desk.act(asked(ActionKind.HALT, resumed=True), watching, first.evidence)
    assert again.evidence["commands"][0]["error"] == "ended after its limit of 120 s"
    assert "trip_breaker failed: do by hand what it does" in str(again.next_step)
    assert len(desk.told) == 1


def test_what_has_come_by_the_result_stands_in_it_and_is_not_told_twice() -> None:
    desk = Desk(CommandOutcome(1, 0.1, "no pager"))

    def act(record: ActionRecord) -> ActionResult:
        desk.trader_answers()
        return ActionResult(ActionStatus.DONE, "Halted")

    result = desk.act(asked(ActionKind.HALT), act)
    assert result.evidence["commands"][0]["exit_code"] == 1
    assert result.next_step == "The desk's command trip_breaker failed: do by hand what it does."
    assert desk.told == []


def test_a_command_that_ends_well_is_a_step_and_nothing_more() -> None:
    desk = Desk()
    desk.act(asked(ActionKind.HALT), ActionResult(ActionStatus.DONE, "Halted"))
    desk.trader_answers()
    assert desk.notebook.last("command trip_breaker") == (StepStatus.OK, "exit code 0, 40.00 s: tripped")
    assert desk.told == []


def test_a_resume_is_concluded_at_once_and_lets_the_trader_loose_only_when_it_was_proved() -> None:
    desk = Desk(on="resume")
    request = asked(ActionKind.RESUME, to="restricted")
    desk.act(request, ActionResult(ActionStatus.FAILED, "Not resumed"))
    assert desk.trader.runs == 0
    result = desk.act(request, ActionResult(ActionStatus.DONE, "Resumed"))
    assert result.proved
    desk.trader_answers()
    assert desk.trader.runs == 1


def test_a_resume_that_is_proved_at_a_later_look_lets_the_trader_loose_then_and_once() -> None:
    """The broker's flag lagged behind; the resume was done, and the breaker stayed tripped without a word."""
    desk = Desk(on="resume")
    request = asked(ActionKind.RESUME, to="restricted")
    lags = ActionResult(
        ActionStatus.WATCHING,
        "Not resumed yet",
        evidence={"looks": 1},
        look_again_after=timedelta(seconds=2),
    )
    first = desk.act(request, lags)
    assert desk.act(request, lags, first.evidence).status is ActionStatus.WATCHING
    assert desk.trader.runs == 0
    done = desk.act(request, ActionResult(ActionStatus.DONE, "Resumed"), first.evidence)
    assert done.evidence["commands"][0]["error"] == "had not ended when this was written"
    # The database did not take that it is done, and it is looked at once more.
    again = desk.act(request, ActionResult(ActionStatus.DONE, "Resumed"), first.evidence)
    assert [one["name"] for one in again.evidence["commands"]] == ["trip_breaker"]
    desk.trader_answers()
    assert desk.trader.runs == 1
    assert desk.notebook.last("command trip_breaker")[0] is StepStatus.OK


def test_after_a_restart_a_resume_whose_command_has_run_does_not_run_it_again() -> None:
    before = Desk(on="resume")
    request = asked(ActionKind.RESUME, to="restricted")
    done = before.act(request, ActionResult(ActionStatus.DONE, "Resumed"))
    before.trader_answers()
    desk = Desk(on="resume")
    again = desk.act(request, ActionResult(ActionStatus.DONE, "Resumed"), done.evidence)
    assert desk.trader.runs == 0
    assert "commands" in again.evidence


def test_after_a_restart_a_later_look_keeps_what_the_command_had_said() -> None:
    said = {
        "commands": [HUNG.as_evidence(DeskCommand("trip_breaker", "halt", ("trip",), timedelta(seconds=120)))]
    }
    result = Desk().act(asked(ActionKind.HALT, resumed=True), ActionResult(ActionStatus.DONE, "Halted"), said)
    assert result.evidence["commands"] == said["commands"]
    assert "trip_breaker failed" in str(result.next_step)


def test_after_a_restart_it_is_not_known_what_a_command_under_way_came_to() -> None:
    before = Desk()
    watching = ActionResult(ActionStatus.WATCHING, "Not proved yet", look_again_after=timedelta(seconds=2))
    first = before.act(asked(ActionKind.HALT), watching)
    again = Desk().act(asked(ActionKind.HALT, resumed=True), watching, first.evidence)
    assert again.next_step == "What the desk's command trip_breaker came to is not known here: see its step."
    before.trader_answers()
    assert before.notebook.written[-2][1:] == (StepStatus.STARTED, "running, for 120 s at most")
