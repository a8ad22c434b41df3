"""Reads what a message shows, from one picture of the database, into the values that templates are given."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.actions import UnconfirmedOrder
from bot.domain.checklist import items_for
from bot.domain.incident import Incident, incident_key
from bot.domain.words import ActionKind, ActionStatus, AlertStatus, Phase, TradingState
from bot.rendering.models import (
    AccountLine,
    ActionView,
    AlertLine,
    ChecklistLine,
    IncidentView,
    NoticeView,
    PhaseView,
    PostmortemView,
    TimelineLine,
)
from bot.rendering.related_models import RelatedView
from bot.services import clearance
from bot.services.desk import Desk, DeskAccount
from bot.services.related_views import related_view
from bot.store import (
    accounts,
    action_steps,
    actions,
    alerts,
    deadlines,
    incidents,
    merges,
    sightings,
    surroundings,
    timeline,
)
from bot.store.accounts import AccountRecord
from bot.store.actions import ActionRecordRow
from bot.store.alerts import StoredAlert
from bot.store.database import UnitOfWork
from bot.store.sightings import Sighting

SHOWN_ALERTS = 10
DUE = {"notice": "Notice to stakeholders", "acknowledge": "Acknowledgement"}


def short_number(number: str | None) -> str:
    """`PA3F…0001`: enough to tell accounts apart, not enough to use."""
    if not number:
        return ""
    return number if len(number) <= 8 else f"{number[:4]}…{number[-4:]}"


def account_line(account: DeskAccount, record: AccountRecord | None) -> AccountLine:
    number = short_number(record.account_number) if record else ""
    label = f"{'PAPER' if account.paper else 'LIVE'} {number or account.name}"
    if record is None:
        return AccountLine(account.name, label, account.paper, TradingState.NORMAL, None, None, None, False)
    proved = record.state is not TradingState.HALTED or (record.suspended is True and record.open_orders == 0)
    return AccountLine(
        name=account.name,
        label=label,
        paper=account.paper,
        state=record.state,
        verified_at=record.verified_at,
        suspended=record.suspended,
        open_orders=record.open_orders,
        proved=proved and record.verified_at is not None,
    )


def account_lines(unit: UnitOfWork, desk: Desk) -> tuple[AccountLine, ...]:
    known = {record.name: record for record in accounts.all_of_them(unit)}
    return tuple(account_line(account, known.get(account.name)) for account in desk.accounts)


def _alert(stored: StoredAlert, seen: Mapping[int, Sighting]) -> AlertLine:
    return AlertLine(
        name=stored.name,
        status=stored.status,
        severity=stored.severity,
        summary=stored.summary,
        labels=stored.labels,
        starts_at=stored.starts_at,
        ends_at=stored.ends_at,
        runbook_url=stored.annotations.get("runbook_url") or stored.annotations.get("runbook"),
        generator_url=stored.generator_url,
        muted=seen[stored.id].muted if stored.id in seen else None,
    )


def incident_view(unit: UnitOfWork, desk: Desk, number: int, *, all_alerts: bool = False) -> IncidentView:
    incident = _get(unit, number)
    shown = alerts.of_incident(unit, number, limit=None if all_alerts else SHOWN_ALERTS)
    if all_alerts or len(shown) < SHOWN_ALERTS:
        counts = {status: sum(alert.status is status for alert in shown) for status in AlertStatus}
    else:
        counts = alerts.counts(unit, number)
    beside = surroundings.of(unit, number)
    seen = (
        sightings.of_alerts(unit, [alert.id for alert in shown]) if beside.sighted and not all_alerts else {}
    )
    due = deadlines.next_due(unit, number)
    running = actions.unended(unit, incident_id=number) if beside.running else []
    return IncidentView(
        id=incident.id,
        key=incident.key,
        title=incident.title,
        severity=incident.severity,
        severity_reason=incident.severity_reason,
        status=incident.status,
        phase=incident.phase,
        opened_at=incident.opened_at,
        opened_by=incident.opened_by,
        acknowledge_by=incident.acknowledge_by,
        acknowledged_at=incident.acknowledged_at,
        acknowledged_by=incident.acknowledged_by,
        resolved_at=incident.resolved_at,
        resolved_by=incident.resolved_by,
        accounts=account_lines(unit, desk),
        alerts=tuple(_alert(stored, seen) for stored in shown),
        firing=counts[AlertStatus.FIRING],
        cleared=counts[AlertStatus.RESOLVED],
        next_due=DUE.get(due.kind, due.kind) if due and due.kind != "acknowledge" else None,
        next_due_at=due.due_at if due and due.kind != "acknowledge" else None,
        running=tuple(f"{action.kind.verb} on {action.account}" for action in running),
        drill=incident.drill,
        now=desk.now(),
        others=related_view(unit, desk, incident) if beside.others else RelatedView(),
        undelivered=beside.undelivered,
        left_out=incident.left_out,
    )


def _get(unit: UnitOfWork, number: int) -> Incident:
    incident = incidents.get(unit, number)
    if incident is None:
        raise LookupError(f"{incident_key(number)} is shown in Slack, but is not in the database")
    return incident


def phase_view(unit: UnitOfWork, desk: Desk, number: int, phase: Phase) -> PhaseView:
    incident = _get(unit, number)
    plan = desk.policy.phase(phase)
    marks = incidents.marks(unit, number)
    visit = incidents.visits(unit, number).get(phase)
    notes = _notes(unit, desk, incident, phase)
    lines = []
    for item in items_for(plan, incident.severity):
        mark = marks.get(item.key)
        done = mark is not None and mark.done
        lines.append(
            ChecklistLine(
                key=item.key,
                text=item.text,
                done=done,
                by=mark.by if mark and done else None,
                at=mark.at if mark and done else None,
                note=(mark.note if mark and done else None) or notes.get(item.key),
            )
        )
    following = phase.next
    return PhaseView(
        incident_id=number,
        incident_key=incident.key,
        phase=phase,
        title=plan.title,
        window=plan.window,
        lines=tuple(lines),
        current=incident.phase is phase and (incident.open or phase is Phase.POST_INCIDENT),
        next_title=desk.policy.phase(following).title if following else None,
        left_at=visit.left_at if visit else None,
        left_by=visit.left_by if visit else None,
        left_reason=visit.left_reason if visit else None,
        drill=incident.drill,
    )


def _notes(unit: UnitOfWork, desk: Desk, incident: Incident, phase: Phase) -> dict[str, str]:
    """What Haltdesk knows about an item by itself. The person decides; this is what is on record.

    Of a resolved incident nothing is said: nobody keeps it up to date any more.
    """
    if not incident.open:
        return {}
    if phase is Phase.TRIAGE:
        states = "; ".join(
            f"{line.label}: {line.state}{'' if line.proved or line.verified_at is None else ', not proved'}"
            for line in account_lines(unit, desk)
        )
        return {
            "triage.severity": f"{incident.severity}: {incident.severity_reason}",
            "triage.trading_active": states,
        }
    if phase is Phase.RESOLUTION:
        firing = alerts.counts(unit, incident.id)[AlertStatus.FIRING]
        cleared = f"{firing} firing" if firing else clearance.note(unit, desk, incident)
        return {"resolution.alerts_cleared": cleared}
    return {}


def action_view(unit: UnitOfWork, desk: Desk, action_id: int) -> ActionView:
    action = actions.get(unit, action_id)
    if action is None:
        raise LookupError(f"action {action_id} is shown in Slack, but is not in the database")
    return _action(unit, desk, action)


def _action(unit: UnitOfWork, desk: Desk, action: ActionRecordRow) -> ActionView:
    record = accounts.get(unit, action.account)
    known = [account for account in desk.accounts if account.name == action.account]
    # An account that was taken out of the configuration is still in the record of what was done.
    # Nobody knows any more whether it was paper: the graver one is shown.
    account = known[0] if known else DeskAccount(action.account, paper=False)
    if record is not None and action.status.ended and "account_number" in action.evidence:
        record = replace(record, account_number=action.evidence["account_number"])
    line = account_line(account, record)
    halt = action.kind is ActionKind.HALT and not action.params.get("suspend_only")
    if halt and action.status is ActionStatus.DONE:
        line = replace(line, state=TradingState.HALTED, proved=True)
    return ActionView(
        id=action.id,
        incident_id=action.incident_id,
        incident_key=incident_key(action.incident_id),
        kind=action.kind,
        status=action.status,
        account=line,
        requested_by=action.requested_by,
        requested_at=action.requested_at,
        also_requested_by=tuple(action.joined),
        reason=action.reason,
        steps=action_steps.steps(unit, action.id),
        headline=action.headline,
        next_step=action.next_step,
        unconfirmed=tuple(UnconfirmedOrder(**vars(order)) for order in action.unconfirmed),
        evidence=action.evidence,
        finished_at=action.finished_at,
        drill=action.drill,
    )


def notice_view(unit: UnitOfWork, desk: Desk, number: int) -> NoticeView:
    incident = _get(unit, number)
    resolved_at = incident.resolved_at
    if resolved_at is None:
        raise LookupError(f"{incident.key} is open: there is no resolution to give notice of")
    # What was merged into it is part of what is over: its halts, and since when.
    family = merges.with_merged(unit, number)
    opened_at = min(_get(unit, one).opened_at for one in family)
    return NoticeView(
        incident_key=incident.key,
        title=incident.title,
        severity=incident.severity,
        opened_at=opened_at,
        resolved_at=resolved_at,
        resolved_by=incident.resolved_by or "",
        accounts=account_lines(unit, desk),
        impact=_impact(unit, family, opened_at, resolved_at),
        resolution_note=incident.resolution_note,
        drill=incident.drill,
    )


def _impact(unit: UnitOfWork, family: Sequence[int], opened_at: datetime, resolved_at: datetime) -> str:
    """What the record shows of the impact: halts proved, and for how long the incident was open. No guesses.

    A halt that somebody asked for after the resolution is none of it: the notice may stand since long before.
    """
    minutes = max(0, round((resolved_at - opened_at).total_seconds() / 60))
    halts = [
        action.account
        for number in family
        for action in actions.of_incident(unit, number)
        if action.kind is ActionKind.HALT
        and action.status is ActionStatus.DONE
        and action.requested_at <= resolved_at
    ]
    halted = f"Trading was halted on {', '.join(sorted(set(halts)))}." if halts else "Trading was not halted."
    return f"{halted} The incident was open for {minutes} min."


def postmortem_view(unit: UnitOfWork, desk: Desk, number: int) -> PostmortemView:
    incident = incident_view(unit, desk, number, all_alerts=True)
    visited = incidents.visits(unit, number)
    family = merges.with_merged(unit, number)
    entries = [entry for one in family for entry in timeline.of_incident(unit, one)]
    return PostmortemView(
        incident=incident,
        timeline=tuple(
            TimelineLine(
                entry.at,
                entry.kind,
                entry.actor,
                entry.text
                if entry.incident_id == number
                else f"{incident_key(entry.incident_id or 0)}: {entry.text}",
            )
            for entry in sorted(entries, key=lambda entry: (entry.at, entry.id))
        ),
        actions=tuple(
            _action(unit, desk, action) for one in sorted(family) for action in actions.of_incident(unit, one)
        ),
        phases=tuple(phase_view(unit, desk, number, phase) for phase in Phase if phase in visited),
        all_alerts=incident.alerts,
    )
