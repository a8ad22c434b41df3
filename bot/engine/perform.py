"""How each kind of action is done: to add one, write its file under `bot/services/actions` and a line here."""

from collections.abc import Callable, Mapping, Sequence

from bot.domain.actions import ActionRequest, ActionResult
from bot.domain.words import ActionKind, ActionStatus
from bot.engine.runner import Perform, Previous
from bot.ports.health import HealthCheck
from bot.ports.record import ActionRecord, Timepiece
from bot.services.actions import cancel, flatten, halt, resume
from bot.services.actions.desk_commands import DeskCommands
from bot.services.actions.health import run_health
from bot.services.actions.reconcile import run_reconcile
from bot.services.actions.standing import Standing
from bot.services.actions.tools import ActionTools

ToolsFor = Callable[[str, ActionRecord], ActionTools]  # by the account's name
ChecksFor = Callable[[str], Sequence[HealthCheck]]
StandingFor = Callable[[ActionRequest], Standing]


def performers(
    tools_for: ToolsFor,
    checks_for: ChecksFor,
    time: Timepiece,
    standing_for: StandingFor,
    commands: DeskCommands | None = None,
) -> Mapping[ActionKind, Perform]:
    """One function a kind; each is given the evidence so far when it is to look again, else None."""

    def do_halt(request: ActionRequest, record: ActionRecord, previous: Previous) -> ActionResult:
        tools, kept = tools_for(request.account, record), standing_for(request).kept_in
        if previous is None:
            return halt.run_halt(request, tools, kept)
        return halt.look_again(request, tools, previous, kept)

    def do_cancel(request: ActionRequest, record: ActionRecord, previous: Previous) -> ActionResult:
        tools, kept = tools_for(request.account, record), standing_for(request).kept_in
        if previous is None:
            return cancel.run_cancel(request, tools, kept)
        return cancel.look_again(request, tools, previous, kept)

    def do_reconcile(request: ActionRequest, record: ActionRecord, previous: Previous) -> ActionResult:
        return run_reconcile(request, tools_for(request.account, record))

    def do_health(request: ActionRequest, record: ActionRecord, previous: Previous) -> ActionResult:
        return run_health(request, checks_for(request.account), record, time)

    def do_resume(request: ActionRequest, record: ActionRecord, previous: Previous) -> ActionResult:
        tools, standing = tools_for(request.account, record), standing_for(request)
        if previous is None:
            return resume.run_resume(request, tools, standing)
        return resume.look_again(request, tools, standing, previous)

    def do_flatten(request: ActionRequest, record: ActionRecord, previous: Previous) -> ActionResult:
        tools, standing = tools_for(request.account, record), standing_for(request)
        if previous is None:
            return flatten.run_flatten(request, tools, standing)
        return flatten.look_again(request, tools, standing, previous)

    def with_commands(perform: Perform) -> Perform:
        if commands is None:
            return perform

        def accompanied(request: ActionRequest, record: ActionRecord, previous: Previous) -> ActionResult:
            return commands.beside(
                request, record, previous, lambda shared: perform(request, shared, previous)
            )

        return accompanied

    def never_live_in_a_drill(perform: Perform) -> Perform:
        def guarded(request: ActionRequest, record: ActionRecord, previous: Previous) -> ActionResult:
            if request.drill and not tools_for(request.account, record).broker.paper:
                return _refused_in_drill(request)
            return perform(request, record, previous)

        return guarded

    return {
        kind: never_live_in_a_drill(perform)
        for kind, perform in {
            ActionKind.HALT: with_commands(do_halt),
            ActionKind.CANCEL: do_cancel,
            ActionKind.RECONCILE: do_reconcile,
            ActionKind.HEALTH: do_health,
            ActionKind.RESUME: with_commands(do_resume),
            ActionKind.FLATTEN: do_flatten,
        }.items()
    }


def _refused_in_drill(request: ActionRequest) -> ActionResult:
    """The last door: confirming refuses it too."""
    return ActionResult(
        ActionStatus.FAILED,
        f"DRILL: {request.account} is a live account, and a drill never acts on real money. Nothing was done.",
        next_step="Choose a paper account, or declare a real incident.",
    )
