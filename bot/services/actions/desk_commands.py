"""The desk's own commands as further steps of halt and resume, beside what is done at the broker.

They never change what the broker has proved, and nothing waits for them: how one ended is a step of its own, written
when it comes. One that fails is told. After a crash in the middle a command may run again, so it must bear being
repeated, as tripping a breaker does.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from bot.adapters.bounded import Pending
from bot.domain.actions import ActionRequest, ActionResult
from bot.domain.words import ActionKind, StepStatus
from bot.ports.commands import CommandOutcome, DeskCommand, RunsCommands
from bot.ports.record import ActionRecord, Timepiece
from bot.services import incidents as incident_service
from bot.services.desk import Desk
from bot.services.thread import reply
from bot.store import actions

log = logging.getLogger(__name__)

AFTER = 0.2  # seconds that a halt's command waits, so that starting a process takes nothing from the cancels
RUNNING = "had not ended when this was written"

Tell = Callable[[ActionRequest, str], None]
Previous = Mapping[str, Any] | None
Act = Callable[[ActionRecord], ActionResult]


class DeskCommands:
    """The desk's commands, and those under way in this process. `tell` says what is found out after the result."""

    def __init__(
        self,
        commands: Sequence[DeskCommand],
        runs: RunsCommands,
        time: Timepiece,
        tell: Tell = lambda request, text: None,
    ) -> None:
        self._commands, self._runs, self._time, self._tell = tuple(commands), runs, time, tell
        self._lock = threading.Lock()
        self._under_way: list[CommandRun] = []

    def beside(
        self, request: ActionRequest, record: ActionRecord, previous: Previous, act: Act
    ) -> ActionResult:
        """The action, with the commands that belong to it begun once; never waits for one.

        A halt's begin beside its first run, those of a resume with its proof, which a later look may bring.
        """
        mine = [
            one for one in self._commands if one.on == request.kind and one.account in (None, request.account)
        ]
        if not mine:
            return act(record)
        if previous is not None:
            under_way = self._find(request)
            if under_way is not None:
                return under_way.result(act(under_way.record))
            if request.kind is ActionKind.HALT or "commands" in previous:
                return _kept(act(record), previous)
        run = CommandRun(mine, self._runs, request, record, self._time, self._tell)
        if request.kind is ActionKind.HALT:
            self._begin(run)
            return run.result(act(run.record))
        result = act(run.record)
        if not result.proved:
            return result
        self._begin(run)  # a trader is let loose only once the broker has shown the new state
        return run.result(result)

    def _begin(self, run: "CommandRun") -> None:
        with self._lock:
            self._under_way = [one for one in self._under_way if not one.over]
            self._under_way.append(run)
        run.start()

    def _find(self, request: ActionRequest) -> "CommandRun | None":
        with self._lock:
            return next((one for one in self._under_way if one.belongs_to(request)), None)

    def wait(self, seconds: float) -> bool:
        """Wait for the commands under way; false when one is still running after `seconds`."""
        ends = self._time.monotonic() + seconds
        with self._lock:
            runs = list(self._under_way)
        return all(run.wait(max(0.0, ends - self._time.monotonic())) for run in runs)

    def outcomes(self, account: str) -> tuple[tuple[str, str], ...]:
        """The commands begun in this process for the account, each with how it stands, in words."""
        with self._lock:
            runs = [run for run in self._under_way if run.account == account]
        return tuple(one for run in runs for one in run.words())


class CommandRun:
    """The commands that belong to one action, each in a thread of its own."""

    def __init__(
        self,
        commands: Sequence[DeskCommand],
        runs: RunsCommands,
        request: ActionRequest,
        record: ActionRecord,
        time: Timepiece,
        tell: Tell,
    ) -> None:
        self._commands, self._runs, self._time, self._tell = commands, runs, time, tell
        self._request = request
        self.record: ActionRecord = _OneAtATime(record)
        self.account = request.account
        self._lock = threading.Lock()
        self._outcomes: dict[str, CommandOutcome] = {}
        self._ends: dict[str, threading.Event] = {}
        self._answered = self._concluded = False

    def belongs_to(self, request: ActionRequest) -> bool:
        mine = self._request
        return (mine.id, mine.kind, mine.account, mine.requested_at) == (
            request.id,
            request.kind,
            request.account,
            request.requested_at,
        )

    @property
    def over(self) -> bool:
        """Nobody asks for it any more."""
        return self._concluded and all(one.is_set() for one in self._ends.values())

    def start(self) -> None:
        """Begin, unless this is a drill: a drill trips no real breaker."""
        if self._request.drill:
            names = ", ".join(command.name for command in self._commands)
            self.record.step("command", StepStatus.OK, f"DRILL: not run: {names}")
            return
        told = {
            "HALTDESK_ACTION": self._request.kind.value,
            "HALTDESK_ACCOUNT": self._request.account,
            "HALTDESK_STATE": str(self._request.params.get("to", "halted")),
        }
        self._ends = {command.name: threading.Event() for command in self._commands}
        for command in self._commands:
            Pending(partial(self._run, command, told), f"command {command.name}")

    def _run(self, command: DeskCommand, told: Mapping[str, str]) -> None:
        try:
            if self._request.kind is ActionKind.HALT:
                self._time.wait(AFTER)
            # On record before it runs: if Haltdesk dies meanwhile, it is seen that nobody knows how it ended.
            limit = f"running, for {command.timeout.total_seconds():g} s at most"
            self._step(command, StepStatus.STARTED, limit)
            self._ended(command, self._runs.run(command, told))
        except Exception:  # nobody waits for this thread: what it raised would be seen by no one
            log.exception("command %s of %s broke off", command.name, self._request.account)
        finally:
            self._ends[command.name].set()

    def _ended(self, command: DeskCommand, outcome: CommandOutcome) -> None:
        status = StepStatus.OK if outcome.well else StepStatus.FAILED
        with self._lock:
            self._outcomes[command.name] = outcome
            late = self._answered
        self._step(command, status, _summary(outcome), outcome.as_evidence(command))
        if late and not outcome.well:
            what = f"{self._request.kind.verb} on {self._request.account}"
            self._tell(
                self._request, f"{what}: {_failed([command.name])} ({outcome.error or _summary(outcome)})"
            )

    def _step(
        self,
        command: DeskCommand,
        status: StepStatus,
        summary: str,
        evidence: Mapping[str, Any] | None = None,
    ) -> None:
        try:
            self.record.step(f"command {command.name}", status, summary, evidence)
        except (
            OSError
        ) as failure:  # neither database nor journal: then the log and the thread are all there is
            log.critical("command %s: %s; not on record: %s", command.name, summary, failure)

    def wait(self, seconds: float) -> bool:
        """Whether all have ended within `seconds` from now."""
        ends = self._time.monotonic() + seconds
        return all(one.wait(max(0.0, ends - self._time.monotonic())) for one in self._ends.values())

    def result(self, result: ActionResult) -> ActionResult:
        """The action's result with what the commands have said so far; the rest comes as a step."""
        with self._lock:
            self._answered, self._concluded = True, result.status.ended
            found = [
                self._outcomes[one.name].as_evidence(one)
                if one.name in self._outcomes
                else CommandOutcome(None, 0.0, "", RUNNING).as_evidence(one)
                for one in self._commands
            ]
        return result if self._request.drill else _with(result, found)

    def words(self) -> list[tuple[str, str]]:
        if self._request.drill:
            return []
        with self._lock:
            return [
                (one.name, _summary(self._outcomes[one.name]) if one.name in self._outcomes else RUNNING)
                for one in self._commands
            ]


class _OneAtATime:
    """An action's record, written by its own thread and by those of its commands: one after the other."""

    def __init__(self, record: ActionRecord) -> None:
        self._record, self._lock = record, threading.Lock()

    def step(
        self, name: str, status: StepStatus, summary: str, evidence: Mapping[str, Any] | None = None
    ) -> None:
        with self._lock:
            self._record.step(name, status, summary, evidence)


def tell_in_thread(desk: Desk, request: ActionRequest, text: str) -> None:
    """Say in the action's incident thread, and in its channel, what came out after the action's result."""
    with desk.database.begin() as unit:
        action = actions.get(unit, request.id)
        if action is None:
            raise LookupError(f"action {request.id} is not in the database")
        incident = incident_service.find(unit, action.incident_id)
        reply(unit, incident, text, at=desk.now(), loud=True)


def _kept(result: ActionResult, previous: Mapping[str, Any]) -> ActionResult:
    """A later look in another process keeps what the commands had said by then."""
    found = previous.get("commands")
    if not isinstance(found, list):
        return result
    open_still = [str(one["name"]) for one in found if one["error"] == RUNNING]
    result = _with(result, found)
    if not open_still:
        return result
    told = f"What the desk's command {', '.join(open_still)} came to is not known here: see its step."
    return replace(result, next_step=" ".join(part for part in (result.next_step, told) if part))


def _with(result: ActionResult, found: list[dict[str, Any]]) -> ActionResult:
    failed = [one["name"] for one in found if one["exit_code"] != 0 and one["error"] != RUNNING]
    told = f"{_failed(failed)}." if failed else None
    return replace(
        result,
        evidence={**result.evidence, "commands": found},
        next_step=" ".join(part for part in (result.next_step, told) if part) or None,
    )


def _failed(names: Sequence[str]) -> str:
    return f"The desk's command {', '.join(names)} failed: do by hand what it does"


def _summary(outcome: CommandOutcome) -> str:
    ended = outcome.error or f"exit code {outcome.exit_code}"
    said = f": {outcome.output[-200:]}" if outcome.output else ""
    return f"{ended}, {outcome.seconds:.2f} s{said}"
