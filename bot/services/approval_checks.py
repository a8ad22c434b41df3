"""Decides a request whose gates are being checked: when it was asked, and again when another person approved it."""

from dataclasses import asdict, dataclass
from typing import Any

from bot.domain.resuming import STATE, UNDER_WAY, Activity, Gate, asker_words, gates, unmet
from bot.domain.words import ActionKind, TradingState
from bot.services import auditing
from bot.services.actions.drills import DrillRefused
from bot.services.actions.requests import confirm_in
from bot.services.again import again_if_in_the_way
from bot.services.approvals import end, show_again, stage_words
from bot.services.desk import Desk
from bot.services.resume_facts import facts, under_way
from bot.services.thread import approval_key
from bot.store import accounts, approvals, messages, timeline
from bot.store.approvals import Approval, ApprovalStatus
from bot.store.database import UnitOfWork


@dataclass(frozen=True)
class Settled:
    """What to tell the approver alone, and where. None: the thread says it."""

    user: str | None = None
    text: str = ""
    channel: str = ""
    thread_ts: str | None = None


def needs_broker(found: Approval) -> bool:
    return found.kind is ActionKind.RESUME


@again_if_in_the_way
def settle(desk: Desk, number: int, activity: Activity | None) -> Settled:
    """Decide in one transaction. `activity`: the latest order activity, asked for a moment before."""
    with desk.database.begin() as unit:
        seen = approvals.get(unit, number)
        if seen is None:
            return Settled()
        accounts.lock(unit, seen.account)
        found = approvals.lock(unit, number)
        assert found is not None
        if found.status is ApprovalStatus.CHECKING:
            return _asked(unit, desk, found, _gates(unit, desk, found, activity))
        if found.status is ApprovalStatus.APPROVING:
            return _approved(unit, desk, found, _gates(unit, desk, found, activity))
        return Settled()


def _gates(unit: UnitOfWork, desk: Desk, found: Approval, activity: Activity | None) -> tuple[Gate, ...]:
    if found.account not in {account.name for account in desk.accounts}:
        text = f"{found.account} is not in the configuration any more"
        return (Gate(STATE, False, text, "Ask for an account that is."),)
    if found.kind is not ActionKind.RESUME:
        busy = under_way(unit, found.account)
        if busy:
            text = f"still under way: {', '.join(busy)}"
            return (Gate(UNDER_WAY, False, text, "Wait until it has ended, then ask again."),)
        return (Gate(UNDER_WAY, True, "no halt, cancel, resume or flatten is under way"),)
    known = facts(
        unit,
        found.account,
        wanted_from=TradingState(found.params["from"]),
        drill_incident=found.incident_id if found.drill else None,
        version=found.account_version,
        activity=activity,
        overridden=found.overridden,
    )
    return gates(known, now=desk.now(), fresh_for=desk.policy.reconciliation.fresh_for)


def _asked(unit: UnitOfWork, desk: Desk, found: Approval, checked: tuple[Gate, ...]) -> Settled:
    _keep(unit, desk, found, checked)
    against = [gate for gate in unmet(checked) if not gate.overridable]
    if against:
        end(unit, desk, found, ApprovalStatus.REFUSED, _reasons(against), by=None)
        return Settled()
    approvals.change(unit, found.id, status=ApprovalStatus.WAITING, claimed_until=None)
    show_again(unit, found, desk.now())
    return Settled()


def _approved(unit: UnitOfWork, desk: Desk, found: Approval, checked: tuple[Gate, ...]) -> Settled:
    now = desk.now()
    what = f"{stage_words(found.kind, found.params)} on {found.account}"
    _keep(unit, desk, found, checked)
    if now >= found.expires_at:
        end(
            unit, desk, found, ApprovalStatus.EXPIRED, "it expired before it was approved; ask again", by=None
        )
        return _whisper(unit, found, f"{what} was not approved: the request has expired. Ask again.")
    refused = [gate for gate in checked if gate.met is False]
    if refused:
        reasons = _reasons(refused)
        end(unit, desk, found, ApprovalStatus.REFUSED, f"at approval: {reasons}", by=found.decided_by)
        return _whisper(unit, found, f"{what} was not approved: {reasons}")
    unknown = [gate for gate in checked if gate.met is None]
    if unknown:
        reasons = _reasons(unknown)
        approvals.change(unit, found.id, status=ApprovalStatus.WAITING, decided_by=None, claimed_until=None)
        _write(unit, found, "ApprovalRefused", f"{what} not approved yet: {reasons}", desk)
        show_again(unit, found, now)
        return _whisper(unit, found, f"{what} was not approved yet: {reasons} Press Approve again then.")
    try:
        confirmed = confirm_in(
            unit,
            desk,
            found.kind,
            [found.account],
            reason=found.reason,
            by=found.requested_by,
            request_key=f"approval:{found.id}",
            incident_id=found.incident_id,
            params={**found.params, "approval": found.id, "approved_by": found.decided_by},
        )
    except DrillRefused as refusal:
        end(unit, desk, found, ApprovalStatus.REFUSED, str(refusal), by=found.decided_by)
        return _whisper(unit, found, str(refusal))
    approvals.change(
        unit,
        found.id,
        status=ApprovalStatus.APPROVED,
        decided_at=now,
        decision=f"approved, action {confirmed[0].action_id}",
        action_id=confirmed[0].action_id,
        claimed_until=None,
    )
    asker = asker_words(found.requested_by, found.asked_as)
    said = f"{what} approved" + (f"; asked{asker}" if asker else "")
    _write(unit, found, f"{found.kind.value.capitalize()}Approved", said, desk)
    show_again(unit, found, now)
    return Settled()


def _keep(unit: UnitOfWork, desk: Desk, found: Approval, checked: tuple[Gate, ...]) -> None:
    shown: list[dict[str, Any]] = [asdict(gate) for gate in checked]
    approvals.change(unit, found.id, gates=shown, checked_at=desk.now())


def _reasons(against: list[Gate]) -> str:
    """Each reason, and what to do about the first: one sentence for a person."""
    text = "; ".join(gate.text for gate in against)
    return f"{text}. {against[0].next_step}".strip()


def _write(unit: UnitOfWork, found: Approval, kind: str, text: str, desk: Desk) -> None:
    details = {"approval": found.id, "requested_by": found.requested_by, "asked_as": found.asked_as}
    timeline.write(
        unit, found.incident_id, kind, text, at=desk.now(), actor=found.decided_by, details=details
    )
    auditing.record(
        unit,
        kind,
        text,
        at=desk.now(),
        incident_id=found.incident_id,
        actor=found.decided_by,
        account=found.account,
        before=auditing.account_as_known(unit, found.account),
        details=details | {"override": found.override},
    )


def _whisper(unit: UnitOfWork, found: Approval, text: str) -> Settled:
    shown = messages.by_key(unit, approval_key(found.id))
    if shown is None:
        return Settled()
    parent = messages.get(unit, shown.parent_id) if shown.parent_id is not None else None
    said = f"DRILL · {text}" if found.drill else text
    return Settled(found.decided_by, said, shown.channel, parent.ts if parent is not None else shown.ts)
