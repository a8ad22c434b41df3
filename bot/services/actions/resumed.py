"""What follows when a resume has been read back at the broker: the new trading state, unless a halt came."""

from dataclasses import replace
from datetime import datetime

from bot.domain.actions import ActionResult
from bot.domain.incident import Incident
from bot.domain.words import ActionStatus, TradingState
from bot.services import auditing, checklist
from bot.services import incidents as incident_service
from bot.services.actions.standing import newer_halt
from bot.services.desk import Desk
from bot.store import accounts, timeline
from bot.store.actions import ActionRecordRow
from bot.store.database import UnitOfWork


def unless_halted(unit: UnitOfWork, action: ActionRecordRow, result: ActionResult) -> ActionResult:
    """The result, or a failure when a halt was confirmed since: in one transaction with the new state."""
    if not result.proved:
        return result
    halted = newer_halt(unit, action.id, action.account)
    if halted is None:
        return result
    return replace(
        result,
        status=ActionStatus.FAILED,
        headline=f"Not resumed to {action.params['to']}: {halted}; the halt goes before.",
        next_step="Resume again, stage by stage, when the halt's reason is gone.",
    )


def record(
    unit: UnitOfWork, desk: Desk, action: ActionRecordRow, incident: Incident, now: datetime
) -> Incident:
    """Set the state that the broker has shown. A drill leaves the desk's state alone."""
    to = TradingState(action.params["to"])
    if action.drill:
        return incident
    was = accounts.get(unit, action.account)
    accounts.set_state(unit, action.account, to, at=now, reason=action.reason, incident_id=incident.id)
    if to is TradingState.NORMAL:
        # Restored: the next halt saves what stands then.
        accounts.read_at_broker(unit, action.account, configuration_before=None)
    text = f"{action.account}: {was.state if was else 'unknown'} to {to}"
    timeline.write(
        unit,
        incident.id,
        "TradingStateChanged",
        text,
        at=now,
        actor=action.requested_by,
        details={"action": action.id, "approved_by": action.params.get("approved_by")},
    )
    auditing.state_changed(unit, action, was, text, at=now)
    if to is TradingState.NORMAL:
        note = f"{action.account} normal again, read back at the broker"
        checklist.mark_if_current(
            unit, desk, incident, "mitigation.resume", by=action.requested_by, note=note
        )
    return incident_service.find(unit, incident.id)
