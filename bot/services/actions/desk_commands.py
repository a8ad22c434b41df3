"""The desk's own commands as a further step of halt and resume, beside what is done at the broker.

They never change what the broker has proved: a command that fails is shown as a failed step, with what it said.
After a crash in the middle a command may run again, so it must bear being repeated, as tripping a breaker does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.adapters.bounded import Pending, StillRunning
from bot.domain.actions import ActionRequest, ActionResult
from bot.domain.words import ActionKind, StepStatus
from bot.ports.commands import CommandOutcome, DeskCommand, RunsCommands
from bot.ports.record import ActionRecord, Timepiece

AFTER = 0.2  # seconds that a halt's command waits, so that starting a process takes nothing from the cancels
GRACE = 5.0  # beyond a command's own limit


class CommandRun:
    """The commands that belong to one action, each in a thread of its own."""

    def __init__(
        self, commands: Sequence[DeskCommand], runs: RunsCommands, request: ActionRequest, time: Timepiece
    ) -> None:
        self._commands = [
            command
            for command in commands
            if command.on == request.kind and command.account in (None, request.account)
        ]
        self._runs, self._request, self._time = runs, request, time
        self._pending: list[tuple[DeskCommand, Pending[CommandOutcome]]] = []

    def start(self) -> None:
        """Begin, unless this is a drill: a drill trips no real breaker."""
        if self._request.drill:
            return
        wait = AFTER if self._request.kind is ActionKind.HALT else 0.0
        told = {
            "HALTDESK_ACTION": self._request.kind.value,
            "HALTDESK_ACCOUNT": self._request.account,
            "HALTDESK_STATE": str(self._request.params.get("to", "halted")),
        }
        for command in self._commands:
            self._pending.append(
                (command, Pending(self._later(command, told, wait), f"command {command.name}"))
            )

    def _later(self, command: DeskCommand, told: Mapping[str, str], wait: float) -> Any:
        def run() -> CommandOutcome:
            self._time.wait(wait)
            return self._runs.run(command, told)

        return run

    def finish(self, record: ActionRecord, result: ActionResult) -> ActionResult:
        """Wait for them, record each as a step, and put them into the evidence."""
        if self._request.drill and self._commands:
            names = ", ".join(command.name for command in self._commands)
            record.step("command", StepStatus.OK, f"DRILL: not run: {names}")
            return result
        found: list[dict[str, Any]] = []
        for command, pending in self._pending:
            limit = command.timeout.total_seconds() + AFTER + GRACE
            try:
                outcome = pending.result(limit)
            except StillRunning:
                outcome = CommandOutcome(None, limit, "", f"no end within {limit:g} s")
            status = StepStatus.OK if outcome.well else StepStatus.FAILED
            record.step(f"command {command.name}", status, _summary(outcome), outcome.as_evidence(command))
            found.append(outcome.as_evidence(command))
        if not found:
            return result
        failed = [one["name"] for one in found if one["exit_code"] != 0]
        told = f"The desk's command {', '.join(failed)} failed: do by hand what it does." if failed else None
        return replace(
            result,
            evidence={**result.evidence, "commands": found},
            next_step=" ".join(part for part in (result.next_step, told) if part) or None,
        )


def kept(result: ActionResult, previous: Mapping[str, Any]) -> ActionResult:
    """A later look keeps what the commands said at first."""
    if "commands" not in previous:
        return result
    return replace(result, evidence={**result.evidence, "commands": previous["commands"]})


def _summary(outcome: CommandOutcome) -> str:
    ended = outcome.error or f"exit code {outcome.exit_code}"
    said = f": {outcome.output[-200:]}" if outcome.output else ""
    return f"{ended}, {outcome.seconds:.2f} s{said}"
