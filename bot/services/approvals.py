"""What takes two people: asked by an operator, approved or rejected by another. Source: `design.md`, Trading state."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.domain.incident import Incident
from bot.domain.resuming import BLOCKING, Firing, asker_words, next_stage
from bot.domain.words import ActionKind
from bot.services import auditing
from bot.services import incidents as incident_service
from bot.services.actions.drills import refuse_live
from bot.services.actions.home import incident_for
from bot.services.again import again_if_in_the_way
from bot.services.desk import Desk
from bot.services.people import Permission
from bot.services.resume_facts import firing, state_of
from bot.services.thread import show_approval, show_root
from bot.store import accounts, approvals, incidents, merges, timeline
from bot.store.approvals import Approval, ApprovalStatus
from bot.store.database import UnitOfWork


@dataclass(frozen=True)
class Asked:
    """One account's request: newly recorded (`number`), or why there is none."""

    account: str
    number: int | None
    refusal: str | None = None


@dataclass(frozen=True)
class Decided:
    """What a press came to. `to_override`: alerts for which the approver must give a reason first."""

    refusal: str | None = None
    to_override: tuple[Firing, ...] = ()
    approval: Approval | None = None


@again_if_in_the_way
def ask(
    desk: Desk,
    kind: ActionKind,
    account_names: Sequence[str],
    *,
    reason: str,
    by: str,
    request_key: str,
    incident_id: int | None = None,
    override: str | None = None,
    may_override: bool = False,
    asked_as: str | None = None,
) -> list[Asked]:
    """Record a request for each account; its gates are checked afterwards. Raises `DrillRefused`.

    `override`: why firing alerts should not stand in the way; it counts only from an approver (`may_override`).
    `asked_as`: the Slack user that somebody at the command line says to be. That user cannot approve it.
    """
    asked: list[Asked] = []
    with desk.database.begin() as unit:
        for name in account_names:
            accounts.lock(unit, desk.account(name).name)
            asked.append(
                _ask(
                    unit,
                    desk,
                    kind,
                    name,
                    reason=reason,
                    by=by,
                    request_key=f"{request_key}:{name}",
                    incident_id=incident_id,
                    override=override if may_override else None,
                    asked_as=asked_as,
                )
            )
    return asked


def _ask(
    unit: UnitOfWork,
    desk: Desk,
    kind: ActionKind,
    name: str,
    *,
    reason: str,
    by: str,
    request_key: str,
    incident_id: int | None,
    override: str | None,
    asked_as: str | None,
) -> Asked:
    now = desk.now()
    record = accounts.get(unit, name)
    assert record is not None  # every account of the configuration has its row before work begins
    if incident_id is None and record.incident_id is not None:
        halted_in = incidents.get(unit, record.incident_id)
        incident_id = halted_in.id if halted_in is not None and halted_in.open else None
    if incident_id is not None:
        incident_id = merges.standing_for(unit, incident_id)
    given = incident_service.find(unit, incident_id) if incident_id is not None else None
    drill = given is not None and given.drill
    if drill:
        refuse_live(desk, [name])
    params: dict[str, Any] = {}
    if kind is ActionKind.RESUME:
        state = state_of(unit, name, drill_incident=given.id if given is not None and drill else None)
        to = next_stage(state)
        if to is None:
            return Asked(name, None, f"{name}: trading is normal already, so there is nothing to resume.")
        params = {"from": state.value, "to": to.value}
    if asked_as is not None:
        params["asked_as"] = asked_as
    waiting = approvals.open_of(unit, kind, name)
    if waiting and waiting[0].request_key != request_key:
        return Asked(
            name, None, f"{name}: {kind.verb.lower()} was asked already and waits; decide that first."
        )
    against = firing(unit, drill_incident=given.id if given is not None and drill else None)
    blocking = [one.id for one in against if one.severity in BLOCKING]
    incident = given or incident_for(unit, desk, kind, None, reason=reason, by=by)
    number = approvals.insert(
        unit,
        {
            "incident_id": incident.id,
            "kind": kind,
            "account": name,
            "params": params,
            "reason": reason,
            "requested_by": by,
            "requested_at": now,
            "expires_at": now + desk.policy.approvals.expires_after,
            "request_key": request_key,
            "account_version": record.version,
            "alerts": blocking,
            "override": {"by": by, "reason": override, "alerts": blocking} if override and blocking else None,
            "drill": drill,
        },
    )
    if number is None:
        return Asked(name, None)  # this very request, sent twice
    what = stage_words(kind, params)
    text = f"{what} asked for {name}{asker_words(by, asked_as)}: {reason}"
    _write(unit, incident.id, kind, "Requested", text, by=by, number=number, now=now)
    if override and blocking:
        text = f"Firing alerts overridden for this request: {override}"
        _write(unit, incident.id, kind, "AlertsOverridden", text, by=by, number=number, now=now)
    show_approval(unit, incident, number, now)
    return Asked(name, number)


def stage_words(kind: ActionKind, params: Any) -> str:
    """`Resume to restricted`, `Flatten`."""
    return f"{kind.verb} to {params['to']}" if kind is ActionKind.RESUME else kind.verb


@again_if_in_the_way
def approve(
    desk: Desk, number: int, by: str, permission: Permission, *, override: str | None = None
) -> Decided:
    """Another person approves. The gates are checked once more before anything happens; this only notes who."""
    with desk.database.begin() as unit:
        found, refusal = _decidable(unit, desk, number, by, permission)
        if found is None or refusal:
            return Decided(refusal, approval=found)
        left = _to_override(unit, found)
        if left and not override:
            return Decided(to_override=left, approval=found)
        now = desk.now()
        values: dict[str, Any] = {"status": ApprovalStatus.APPROVING, "decided_by": by}
        if left:
            ids = sorted(found.overridden | {one.id for one in left})
            values["override"] = {"by": by, "reason": override, "alerts": ids}
            text = f"Firing alerts overridden: {override}"
            _write(
                unit, found.incident_id, found.kind, "AlertsOverridden", text, by=by, number=number, now=now
            )
        approvals.change(unit, number, **values)
        show_again(unit, found, now)
        return Decided(approval=found)


def _to_override(unit: UnitOfWork, found: Approval) -> tuple[Firing, ...]:
    """Alerts that fired when it was asked and still do. A newer one is no matter of overriding: it refuses."""
    if found.kind is not ActionKind.RESUME:
        return ()
    now = firing(unit, drill_incident=found.incident_id if found.drill else None)
    known = set(found.alerts) - found.overridden
    return tuple(one for one in now if one.id in known and one.severity in BLOCKING)


@again_if_in_the_way
def reject(desk: Desk, number: int, by: str, permission: Permission) -> Decided:
    """An approver says no; the one who asked may take it back."""
    with desk.database.begin() as unit:
        found = approvals.lock(unit, number)
        if found is not None and found.requested_by == by and not found.status.ended:
            end(unit, desk, found, ApprovalStatus.REJECTED, "taken back by the person who asked", by=by)
            return Decided(approval=found)
        found, refusal = _decidable(unit, desk, number, by, permission)
        if found is None or refusal:
            return Decided(refusal, approval=found)
        end(unit, desk, found, ApprovalStatus.REJECTED, "rejected", by=by)
        return Decided(approval=found)


def _decidable(
    unit: UnitOfWork, desk: Desk, number: int, by: str, permission: Permission
) -> tuple[Approval | None, str | None]:
    """The request, and why `by` may not decide it now. A refusal is recorded."""
    found = approvals.lock(unit, number)
    if found is None:
        return None, "This request is not in Haltdesk's database. Use the newest message in the thread."
    now = desk.now()
    what = stage_words(found.kind, found.params)
    if found.status.ended:
        return found, f"{what} was decided before: {found.decision or found.status}."
    if now >= found.expires_at:
        why = f"it was asked at {found.requested_at:%H:%M:%S} UTC and has expired; ask again"
        end(unit, desk, found, ApprovalStatus.EXPIRED, why, by=by)
        return found, f"{what} cannot be approved: {why}."
    refusal = None
    if not permission.granted:
        refusal = permission.refusal
    elif by in (found.requested_by, found.asked_as):
        refusal = "You asked for this yourself: another approver has to approve it."
    elif found.status is not ApprovalStatus.WAITING:
        return found, f"{what} is being checked just now. Look again in a moment."
    if refusal:
        text = f"{what} on {found.account} not approved: {refusal}"
        _write(unit, found.incident_id, found.kind, "ApprovalRefused", text, by=by, number=number, now=now)
    return found, refusal


def end(
    unit: UnitOfWork, desk: Desk, found: Approval, status: ApprovalStatus, why: str, *, by: str | None
) -> None:
    """Close a request without an action, and say why."""
    now = desk.now()
    approvals.change(
        unit, found.id, status=status, decided_by=by, decided_at=now, decision=why, claimed_until=None
    )
    text = f"{stage_words(found.kind, found.params)} on {found.account}: {why}"
    event = {ApprovalStatus.REJECTED: "Rejected", ApprovalStatus.EXPIRED: "Expired"}.get(status, "Refused")
    _write(unit, found.incident_id, found.kind, event, text, by=by, number=found.id, now=now)
    show_again(unit, found, now)


def expire(desk: Desk) -> int:
    """Close the requests that nobody has approved in time. Returns how many."""
    with desk.database.begin() as unit:
        late = approvals.expired(unit, desk.now())
        for found in late:
            end(unit, desk, found, ApprovalStatus.EXPIRED, "nobody approved it in time; ask again", by=None)
    return len(late)


def show_again(unit: UnitOfWork, found: Approval, now: datetime) -> Incident:
    incident = incident_service.find(unit, found.incident_id)
    show_approval(unit, incident, found.id, now)
    show_root(unit, incident, now)
    return incident


def number_matches(unit: UnitOfWork, account: str, typed: str) -> str | None:
    """Why what was typed is not the account's number; None when it is. Case and outer space do not count."""
    record = accounts.get(unit, account)
    number = record.account_number if record is not None else None
    if not number:
        return (
            "The broker has not said this account's number yet. Close this, wait a moment and open it again."
        )
    if typed.strip().upper() != number.upper():
        return f"That is not the number of {account}. Nothing was asked."
    return None


def _write(
    unit: UnitOfWork,
    incident_id: int,
    kind: ActionKind,
    event: str,
    text: str,
    *,
    by: str | None,
    number: int,
    now: datetime,
) -> None:
    name = event if event.startswith(("Approval", "Alerts")) else f"{kind.value.title()}{event}"
    timeline.write(unit, incident_id, name, text, at=now, actor=by, details={"approval": number})
    found = approvals.get(unit, number)
    auditing.record(
        unit,
        name,
        text,
        at=now,
        incident_id=incident_id,
        actor=by,
        account=found.account if found is not None else None,
        before=auditing.account_as_known(unit, found.account) if found is not None else None,
        details={"approval": number},
    )
