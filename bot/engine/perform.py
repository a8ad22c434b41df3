"""How each kind of action is done: to add one, write its file under `bot/services/actions` and a line here."""

from collections.abc import Callable, Mapping, Sequence

from bot.domain.actions import ActionRequest, ActionResult
from bot.domain.words import ActionKind
from bot.engine.runner import Perform, Previous
from bot.ports.health import HealthCheck
from bot.ports.record import ActionRecord, Timepiece
from bot.services.actions import cancel, halt
from bot.services.actions.health import run_health
from bot.services.actions.reconcile import run_reconcile
from bot.services.actions.tools import ActionTools

ToolsFor = Callable[[str, ActionRecord], ActionTools]  # by the account's name
ChecksFor = Callable[[str], Sequence[HealthCheck]]


def performers(tools_for: ToolsFor, checks_for: ChecksFor, time: Timepiece) -> Mapping[ActionKind, Perform]:
    """One function a kind; each is given the evidence so far when it is to look again, else None."""

    def do_halt(request: ActionRequest, record: ActionRecord, previous: Previous) -> ActionResult:
        tools = tools_for(request.account, record)
        return (
            halt.run_halt(request, tools) if previous is None else halt.look_again(request, tools, previous)
        )

    def do_cancel(request: ActionRequest, record: ActionRecord, previous: Previous) -> ActionResult:
        tools = tools_for(request.account, record)
        if previous is None:
            return cancel.run_cancel(request, tools)
        return cancel.look_again(request, tools, previous)

    def do_reconcile(request: ActionRequest, record: ActionRecord, previous: Previous) -> ActionResult:
        return run_reconcile(request, tools_for(request.account, record))

    def do_health(request: ActionRequest, record: ActionRecord, previous: Previous) -> ActionResult:
        return run_health(request, checks_for(request.account), record, time)

    return {
        ActionKind.HALT: do_halt,
        ActionKind.CANCEL: do_cancel,
        ActionKind.RECONCILE: do_reconcile,
        ActionKind.HEALTH: do_health,
    }
