"""Halt and cancel from the command line: no account goes unmentioned, no proof is printed that was not read."""

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.cli import acting
from bot.domain.actions import ActionResult
from bot.domain.words import ActionKind, ActionStatus
from bot.services.actions.cancel import run_cancel
from bot.services.actions.halt import run_halt
from bot.services.desk import DeskAccount
from tests.unit.actions.desk import Account, HandTime, asked, tools_for


@dataclass
class Stage:
    """Haltdesk put together, as far as the command line sees it: what the actions and commands come to is given."""

    results: dict[str, ActionResult]
    commands: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)

    def application(self) -> Any:
        return SimpleNamespace(
            desk=SimpleNamespace(
                accounts=(DeskAccount("A", True), DeskAccount("B", True)),
                database=SimpleNamespace(dispose=lambda: None),
            ),
            emergency=SimpleNamespace(
                alone=lambda *given, **more: None, wait=lambda seconds: True, results=self.results
            ),
            commands=SimpleNamespace(
                wait=lambda seconds: True, outcomes=lambda name: self.commands.get(name, ())
            ),
            bring_in_journal=lambda: None,
            time=HandTime(),
        )


def act(
    monkeypatch: pytest.MonkeyPatch, stage: Stage, command: str = "halt", *, as_json: bool = False
) -> int:
    monkeypatch.setattr(acting, "load_configuration", lambda environment: None)
    monkeypatch.setattr(acting, "set_up_for", lambda configuration, level: None)
    monkeypatch.setattr(acting, "build", lambda configuration: stage.application())
    return acting.act(
        command, accounts=None, reason="breaks", suspend_only=False, confirmed=True, as_json=as_json
    )


DONE = ActionResult(ActionStatus.DONE, "Halted: suspended, nothing open.")


def test_an_account_without_a_result_is_named_and_is_not_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert act(monkeypatch, Stage({"A": DONE})) == 3
    said = capsys.readouterr().out
    assert "A: Halted" in said
    assert "B: Halt gave no result: what was done at the broker is not known." in said


def test_an_account_without_a_result_stands_in_the_json_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert act(monkeypatch, Stage({"A": DONE}), as_json=True) == 3
    told = json.loads(capsys.readouterr().out)
    assert [(name, one["status"], one["proved"]) for name, one in told.items()] == [
        ("A", "done", True),
        ("B", "unknown", False),
    ]


def test_every_account_done_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    assert act(monkeypatch, Stage({"A": DONE, "B": DONE})) == 0


def test_what_the_desks_commands_came_to_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage({"A": DONE, "B": DONE}, {"B": (("trip_breaker", "ended after its limit of 20 s"),)})
    assert act(monkeypatch, stage) == 0
    assert "B: the desk's command trip_breaker: ended after its limit of 20 s" in capsys.readouterr().out


def printed(
    result: ActionResult, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> str:
    assert result.status is ActionStatus.DONE
    assert act(monkeypatch, Stage({"A": result, "B": result}), command) == 0
    return capsys.readouterr().out


def test_suspending_only_proves_no_order_gone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Account()
    desk.open(12)
    result = run_halt(asked(ActionKind.HALT, suspend_only=True), tools_for(desk))
    said = printed(result, monkeypatch, capsys, "halt")
    assert "12 open orders left as they are" in said
    assert "proof: suspended True, read at 2026-11-20" in said
    assert "no live order" not in said


def test_a_cancel_with_newcomers_proves_only_the_orders_of_the_start_gone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Account()
    desk.open(2)
    tools = tools_for(desk)
    for second in range(60):
        cast(HandTime, tools.time).at(second, lambda: desk.open(1, "TSLA"))
    result = run_cancel(asked(ActionKind.CANCEL), tools)
    said = printed(result, monkeypatch, capsys, "cancel")
    assert "the trader sent on" in said
    assert "none of the orders open at the start is open at 2026-11-20" in said
    assert "no live order" not in said
    assert "suspended" not in said
    assert "None" not in said


def test_a_halt_and_a_cancel_that_are_proved_print_what_was_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    halted = run_halt(asked(ActionKind.HALT), tools_for(Account()))
    assert "proof: suspended True, no live order at 2026-11-20" in printed(
        halted, monkeypatch, capsys, "halt"
    )
    cancelled = run_cancel(asked(ActionKind.CANCEL), tools_for(Account()))
    assert "proof: no live order at 2026-11-20" in printed(cancelled, monkeypatch, capsys, "cancel")
