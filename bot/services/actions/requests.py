"""Confirmed actions: recorded before they run, joined when one of the kind runs already, concluded with evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.domain.actions import ActionResult
from bot.domain.incident import Incident
from bot.domain.words import ActionKind, ActionStatus, Severity, TradingState
from bot.services import auditing, checklist, shown_accounts
from bot.services import incidents as incident_service
from bot.services.actions import resumed
from bot.services.actions.drills import refuse_live
from bot.services.actions.home import incident_for
from bot.services.actions.learned import learn
from bot.services.breaks_file import want_breaks_file
from bot.services.desk import Desk
from bot.services.thread import action_key, reply, show_action, show_root
from bot.services.undone import NOTICE
from bot.store import accounts, action_steps, actions, incidents, merges, messages, timeline
from bot.store.accounts import AccountRecord
from bot.store.actions import ActionRecordRow, Claim
from bot.store.database import UnitOfWork
from bot.store.messages import Urgency

HALTDESK = "haltdesk"  # the actor of what Haltdesk does by itself


@dataclass(frozen=True)
class Confirmed:
    """One account's action: newly recorded, or `joined` because it was recorded or running already."""

    action_id: int
    incident: Incident
    joined: bool


def confirm(
    desk: Desk,
    kind: ActionKind,
    account_names: Sequence[str],
    *,
    reason: str,
    by: str,
    request_key: str,
    incident_id: int | None = None,
    params: Mapping[str, Any] | None = None,
    claim: Claim | None = None,
) -> list[Confirmed]:
    """Record a confirmed action for each account. `request_key` names the confirmation: twice is once.

    With a `claim`, what is new is started right after the commit, without another look at the database.
    """
    with desk.database.begin(gathers=True) as unit:
        return confirm_in(
            unit,
            desk,
            kind,
            account_names,
            reason=reason,
            by=by,
            request_key=request_key,
            incident_id=incident_id,
            params=params,
            claim=claim,
        )


def confirm_in(
    unit: UnitOfWork,
    desk: Desk,
    kind: ActionKind,
    account_names: Sequence[str],
    *,
    reason: str,
    by: str,
    request_key: str,
    incident_id: int | None = None,
    params: Mapping[str, Any] | None = None,
    claim: Claim | None = None,
    begun_at: datetime | None = None,
) -> list[Confirmed]:
    """As `confirm`, in the caller's transaction. Raises `DrillRefused` for a drill on a live account, unless it has
    begun already (`begun_at`), which only the journal says: what was done must be recorded."""
    now = desk.now()
    asked_at = begun_at or now
    confirmed: list[Confirmed] = []
    incident: Incident | None = None
    for name in account_names:
        account = desk.account(name)
        accounts.lock(unit, account.name)  # two people at once: the second sees the first one's action
        key = f"{request_key}:{account.name}"
        # A halt under way is joined by a second one; once it has ended, a new halt proves it afresh.
        known = actions.same_or_under_way(unit, key, kind, account.name, incident_id=incident_id)
        if known is not None and not _does_less(known, key, params or {}):
            confirmed.append(join(unit, known, by, key, now))
            continue
        if incident is None:
            incident = incident_for(unit, desk, kind, incident_id, reason=reason, by=by)
            if incident.drill and begun_at is None:
                refuse_live(desk, account_names)
        values = {
            "incident_id": incident.id,
            "kind": kind,
            "account": account.name,
            "reason": reason,
            "requested_by": by,
            "requested_at": asked_at,
            "params": dict(params or {}),
            "request_key": key,
            "drill": incident.drill,
        }
        number = actions.confirm(unit, values, claim, begun=begun_at is not None)
        assert number is not None  # looked for above, in this transaction
        text = f"{kind.verb} confirmed for {account.name}" + (f": {reason}" if reason else "")
        timeline.write(
            unit, incident.id, "ActionConfirmed", text, at=asked_at, actor=by, details={"action": number}
        )
        auditing.confirmed(unit, number, values, text)
        show_action(unit, incident, number, now)
        confirmed.append(Confirmed(number, incident, joined=False))
    for touched in {one.incident.id: one.incident for one in confirmed}.values():
        show_root(unit, touched, now)
    return confirmed


def _does_less(known: ActionRecordRow, key: str, params: Mapping[str, Any]) -> bool:
    """A halt that leaves the orders alone is not what somebody asks for who wants them cancelled."""
    asked_for_more = known.params.get("suspend_only") is True and not params.get("suspend_only")
    return asked_for_more and known.request_key != key


def join(unit: UnitOfWork, known: ActionRecordRow, by: str, key: str, now: datetime) -> Confirmed:
    """Keep with an action that somebody else asked for the same while it ran; `key` names that confirmation."""
    incident = incident_service.find(unit, known.incident_id)
    if known.request_key != key and by != known.requested_by and by not in known.joined:
        actions.join(unit, known.id, by)
        text = f"{known.kind.verb} for {known.account} asked for again while it runs: joined"
        timeline.write(
            unit, incident.id, "ActionJoined", text, at=now, actor=by, details={"action": known.id}
        )
        auditing.joined(unit, known, text, by=by, at=now)
        messages.refresh(unit, action_key(known.id), at=now, urgency=Urgency.ACTION)
    return Confirmed(known.id, incident, joined=True)


def progressed(unit: UnitOfWork, action_id: int, now: datetime) -> None:
    """A step was written: show it."""
    messages.refresh(unit, action_key(action_id), at=now, urgency=Urgency.ACTION)


def conclude(desk: Desk, action: ActionRecordRow, result: ActionResult) -> None:
    """Write how an action ended (or where it stands), what the broker showed, and what follows from it."""
    with desk.database.begin() as unit:
        conclude_in(unit, desk, action, result)


def conclude_in(unit: UnitOfWork, desk: Desk, action: ActionRecordRow, result: ActionResult) -> None:
    """As `conclude`, in the caller's transaction. `action.attempts` says which run of it came to the result."""
    now = desk.now()
    accounts.lock(unit, action.account)  # before the incident, as whoever confirms an action does
    # All that may be shown anew below, in one order, before any is held by itself.
    standing = merges.standing_for(unit, action.incident_id)
    incidents.lock_open(unit, and_these={action.incident_id, standing})
    incident = incident_service.find(unit, action.incident_id)
    before = actions.get(unit, action.id)
    assert before is not None
    if before.finished_at is not None:
        return  # concluded by another process meanwhile
    if before.attempts > action.attempts and not result.proved:
        return  # taken up again since: that run holds the claim, and tells where it stands
    if action.kind is ActionKind.RESUME:
        result = resumed.unless_halted(unit, action, result)
    was = accounts.get(unit, action.account)
    if result.status.ended:
        result = _with_account_number(result, was)
    actions.conclude(unit, action.id, result, now=now)
    changed = result.status is not before.status or result.headline != before.headline
    if changed:
        kind = {
            ActionStatus.DONE: "ActionProved",
            ActionStatus.FAILED: "ActionFailed",
            ActionStatus.UNKNOWN: "ActionOutcomeUnknown",
        }.get(result.status, "ActionWatched")
        timeline.write(
            unit, incident.id, kind, result.headline, at=now, actor=None, details={"action": action.id}
        )
        auditing.concluded(unit, action, result, kind, at=now)
    learn(unit, action, result)
    if action.kind is ActionKind.HALT and result.proved and not action.params.get("suspend_only"):
        incident = _halted(unit, desk, action, incident, result, now)
    if action.kind is ActionKind.HALT and result.proved:
        # It may have been asked for before the resolution, of which stakeholders have read that nothing was halted.
        messages.refresh_view(unit, standing, NOTICE, at=now)
    if action.kind is ActionKind.RESUME and result.proved:
        incident = resumed.record(unit, desk, action, incident, now)
    if action.kind is ActionKind.RECONCILE and result.status is ActionStatus.DONE:
        incident = _reconciled(unit, desk, action, incident, result, now)
    messages.refresh(unit, action_key(action.id), at=now, urgency=Urgency.ACTION)
    show_root(unit, incident, now)
    shown_accounts.refresh_if_changed(unit, action.account, was, now)


def _with_account_number(result: ActionResult, account: AccountRecord | None) -> ActionResult:
    """The broker's number of the account as it is known now: later there may be another one under its name."""
    known = account.account_number if account is not None else None
    read = result.reading.account_number if result.reading is not None else None
    number = result.evidence.get("account_number") or read or known
    return replace(result, evidence={**result.evidence, "account_number": number})


def _halted(
    unit: UnitOfWork,
    desk: Desk,
    action: ActionRecordRow,
    incident: Incident,
    result: ActionResult,
    now: datetime,
) -> Incident:
    if not action.drill:
        was = accounts.get(unit, action.account)
        reason = action.reason or "halted by the desk"
        if was is None or was.state is not TradingState.HALTED:
            accounts.set_state(
                unit, action.account, TradingState.HALTED, at=now, reason=reason, incident_id=incident.id
            )
            text = f"{action.account}: {was.state if was else 'unknown'} to halted"
            timeline.write(unit, incident.id, "TradingStateChanged", text, at=now, actor=action.requested_by)
            auditing.state_changed(unit, action, was, text, at=now)
    checklist.mark_if_current(
        unit, desk, incident, "triage.halt", by=action.requested_by, note="halted, proved at the broker"
    )
    return incident_service.find(unit, incident.id)


def _reconciled(
    unit: UnitOfWork,
    desk: Desk,
    action: ActionRecordRow,
    incident: Incident,
    result: ActionResult,
    now: datetime,
) -> Incident:
    run = result.evidence.get("run")
    if not isinstance(run, Mapping):
        return incident
    action_steps.save_run(unit, action.id, action.account, run, at=now)
    want_breaks_file(unit, incident, action.id, run, now)
    if run.get("clean"):
        for item in ("mitigation.reconcile", "resolution.reconciliation_clean"):
            note = f"clean, action {action.id}"
            checklist.mark_if_current(unit, desk, incident, item, by=action.requested_by, note=note)
        return incident_service.find(unit, incident.id)
    severity = Severity(run["severity"]) if run.get("severity") else None
    reasons = (
        "; ".join(str(reason) for reason in run.get("reasons", ())) or "breaks above the desk's thresholds"
    )
    if severity is not None and incident.open and severity.worse_than(incident.severity):
        incident = incident_service.raise_severity(
            unit, desk, incident, severity, f"reconciliation: {reasons}"
        )
        reply(unit, incident, f"Now {severity}: reconciliation", (reasons,), at=now, loud=True)
    if run.get("halt"):
        _halt_by_policy(unit, desk, action, incident, reasons)
    return incident


def _halt_by_policy(
    unit: UnitOfWork, desk: Desk, action: ActionRecordRow, incident: Incident, reasons: str
) -> None:
    """Breaks over the desk's thresholds halt by themselves. Source: `design.md`, Reconcile."""
    account = accounts.get(unit, action.account)
    if account is not None and account.state is TradingState.HALTED:
        actions.say_next(
            unit, action.id, "The account is halted already. Mend the books, then reconcile again."
        )
        return
    actions.say_next(
        unit, action.id, "The desk's thresholds halt this account now: see the halt in this thread."
    )
    confirm_in(
        unit,
        desk,
        ActionKind.HALT,
        [action.account],
        reason=f"reconciliation: {reasons}"[:500],
        by=HALTDESK,
        request_key=f"reconciliation:{action.id}",
        incident_id=incident.id,
    )
