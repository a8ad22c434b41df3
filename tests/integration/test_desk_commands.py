"""The desk's own commands beside a halt: no shell, a limit that holds, the output kept, nothing claimed from it."""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters.commands import LocalCommands
from bot.ports.commands import DeskCommand
from tests.acceptance.trading_desk import TradingDesk, alert, webhook

TOLD = {"HALTDESK_ACTION": "halt"}


def command(*argv: str, seconds: float = 10, **others: object) -> DeskCommand:
    return DeskCommand("trip", "halt", argv, timedelta(seconds=seconds), **others)  # type: ignore[arg-type]


def python(code: str, **others: object) -> DeskCommand:
    return command(sys.executable, "-c", code, **others)


def test_arguments_are_arguments(tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    outcome = LocalCommands().run(command("echo", f"; touch {proof} && $(touch {proof}) | cat"), TOLD)
    assert outcome.well
    assert "touch" in outcome.output
    assert not proof.exists()


def test_it_sees_no_secret_of_haltdesk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tradingbot.settings")
    say = "import os; print(sorted(k for k in os.environ if k.startswith(('SLACK', 'DJANGO', 'HALTDESK'))))"
    assert LocalCommands().run(python(say), TOLD).output == "['HALTDESK_ACTION']"
    passed = LocalCommands().run(python(say, pass_env=("DJANGO_SETTINGS_MODULE",)), TOLD)
    assert passed.output == "['DJANGO_SETTINGS_MODULE', 'HALTDESK_ACTION']"


def test_one_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    """Its child would write a file as soon as the pipe closes; it is killed as well, so the file never comes."""
    child = f"import sys; sys.stdin.read(); open({str(tmp_path / 'late')!r}, 'w')"
    code = (
        "import subprocess, sys, threading\n"
        f"subprocess.Popen([sys.executable, '-c', {child!r}], stdin=subprocess.PIPE)\n"
        "print('waiting', flush=True)\n"
        "threading.Event().wait()\n"
    )
    outcome = LocalCommands().run(python(code, seconds=6), TOLD)
    assert outcome.exit_code is None
    assert outcome.error == "ended after its limit of 6 s"
    assert outcome.output == "waiting"
    assert outcome.seconds < 60
    assert not (tmp_path / "late").exists()


def test_one_that_is_not_there_says_so() -> None:
    outcome = LocalCommands().run(command("/no/such/program"), TOLD)
    assert outcome.error is not None
    assert outcome.error.startswith("could not be started: ")


def test_its_end_is_kept_and_secrets_are_covered() -> None:
    outcome = LocalCommands().run(python("print('x' * 100000); print('token=hunter2hunter2')"), TOLD)
    assert len(outcome.output) <= 2_000
    assert "hunter2" not in outcome.output


POLICY = """
format = 1
[[desk_commands]]
name = "trip_breaker"
on = "halt"
argv = [{python}, "-c", "print('breaker tripped')"]
timeout = "10s"
[[desk_commands]]
name = "page_desk"
on = "halt"
argv = [{python}, "-c", "import sys; sys.exit('no pager')"]
timeout = "10s"
"""


def test_a_halt_trips_the_traders_breaker_too(tmp_path: Path) -> None:
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        desk.policy.write_text(POLICY.format(python=f'"{sys.executable}"'))
        desk.account.add_order("AAPL", "buy", "1", limit_price="100")
        desk.start()
        desk.fire(webhook(alert("CircuitBreakerOpen", started=datetime(2026, 3, 2, tzinfo=UTC))))
        desk.reply("Triage")
        desk.confirm("halt.open")
        told = desk.slack.text_of(desk.reply("HALTED, proved"))
        assert "breaker tripped" in told
        assert "page_desk failed" in told
        evidence = desk.api("/v1/incidents/INC-1")["actions"][0]["evidence"]
        assert [(one["name"], one["exit_code"]) for one in evidence["commands"]] == [
            ("trip_breaker", 0),
            ("page_desk", 1),
        ]


HANGING = """
format = 1
[[desk_commands]]
name = "trip_breaker"
on = "halt"
argv = [{python}, "-c", "import sys; open({pipe!r}).read(); sys.exit('the breaker is stuck')"]
timeout = "2m"
"""


def test_a_command_that_hangs_holds_no_proof_back_and_its_failure_is_told_later(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        desk.policy.write_text(HANGING.format(python=f'"{sys.executable}"', pipe=str(pipe)))
        desk.start()
        desk.fire(webhook(alert("CircuitBreakerOpen", started=datetime(2026, 3, 2, tzinfo=UTC))))
        desk.reply("Triage")
        desk.confirm("halt.open")
        desk.reply("HALTED, proved")
        assert desk.api("/v1/trading-state")["state"] == "halted"
        (action,) = desk.api("/v1/incidents/INC-1")["actions"]
        assert action["status"] == "done"
        assert action["evidence"]["commands"][0]["error"] == "had not ended when this was written"

        pipe.write_text("go on")
        told = desk.slack.text_of(desk.reply("Halt on main: The desk's command trip_breaker failed"))
        assert "do by hand what it does" in told
        assert "the breaker is stuck" in told
        desk.until(
            lambda: "command trip_breaker, failed" in desk.slack.text_of(desk.reply("HALTED, proved")),
            what="the step",
        )
