"""Reads what requests for a second person show: the message in the thread, and the modal that asks for a stage."""

from dataclasses import replace

from bot.domain.incident import Incident, incident_key
from bot.domain.resuming import BLOCKING, gates, named, next_stage
from bot.domain.stages import SUSPEND, TIGHT, in_words
from bot.domain.words import ActionKind, TradingState
from bot.rendering.approval_models import ApprovalView, GateLine, StageView
from bot.services.approvals import stage_words
from bot.services.desk import Desk, DeskAccount
from bot.services.resume_facts import facts, firing, state_of
from bot.services.views import account_line
from bot.store import accounts, approvals
from bot.store.database import UnitOfWork


def at_broker(to: TradingState, *, saved: bool) -> str:
    """What a stage changes in the account, in words."""
    if to is TradingState.RESTRICTED:
        return (
            f"{in_words(TIGHT)} (as far as the account has these), then {SUSPEND} off. "
            "Reduce only is kept by the traders' own gate: quarter size, no new strategies."
        )
    size = "half size" if to is TradingState.CAUTIOUS else "full size"
    if not saved:
        return f"{SUSPEND} off. No configuration was saved before the halt, so none is restored; {size}."
    return (
        f"the configuration from before the halt is restored, {SUSPEND} off; {size}, new strategies allowed."
    )


def stages(unit: UnitOfWork, desk: Desk, incident: Incident | None) -> tuple[StageView, ...]:
    """Each account that can be resumed by a stage, with the gates as far as the record tells."""
    drill = incident.id if incident is not None and incident.drill else None
    found = []
    for account in desk.accounts:
        if drill is not None and not account.paper:
            continue
        state = state_of(unit, account.name, drill_incident=drill)
        to = next_stage(state)
        if to is None:
            continue
        record = accounts.get(unit, account.name)
        known = facts(unit, account.name, wanted_from=state, drill_incident=drill)
        checked = gates(known, now=desk.now(), fresh_for=desk.policy.reconciliation.fresh_for)
        saved = record is not None and record.configuration_before is not None
        found.append(
            StageView(
                account=account_line(account, record),
                stage=f"{state} to {to}",
                at_broker=at_broker(to, saved=saved or drill is not None),
                gates=tuple(GateLine(gate.name, gate.met, gate.text) for gate in checked),
            )
        )
    return tuple(found)


def alerts_in_the_way(unit: UnitOfWork, incident: Incident | None) -> str | None:
    drill = incident.id if incident is not None and incident.drill else None
    against = tuple(one for one in firing(unit, drill_incident=drill) if one.severity in BLOCKING)
    return named(against) if against else None


def approval_view(unit: UnitOfWork, desk: Desk, number: int) -> ApprovalView:
    found = approvals.get(unit, number)
    if found is None:
        raise LookupError(f"approval {number} is shown in Slack, but is not in the database")
    record = accounts.get(unit, found.account)
    known = [account for account in desk.accounts if account.name == found.account]
    line = account_line(known[0] if known else DeskAccount(found.account, paper=False), record)
    if record is None:
        line = replace(line, proved=False)
    saved = record is not None and record.configuration_before is not None
    override = found.override or {}
    return ApprovalView(
        id=found.id,
        incident_id=found.incident_id,
        incident_key=incident_key(found.incident_id),
        kind=found.kind,
        what=stage_words(found.kind, found.params),
        account=line,
        status=found.status.value,
        at_broker=at_broker(TradingState(found.params["to"]), saved=saved or found.drill)
        if found.kind is ActionKind.RESUME
        else "every order is cancelled and every position closed at market; a suspension that is in the way is "
        "lifted for that and put back.",
        reason=found.reason,
        requested_by=found.requested_by,
        requested_at=found.requested_at,
        expires_at=found.expires_at,
        gates=tuple(
            GateLine(str(gate.get("name")), gate.get("met"), str(gate.get("text"))) for gate in found.gates
        ),
        decided_by=found.decided_by,
        decided_at=found.decided_at,
        decision=found.decision,
        override_by=override.get("by"),
        override_reason=override.get("reason"),
        from_command_line=found.requested_by.endswith("(command line)"),
        asked_as=found.asked_as,
        drill=found.drill,
    )
