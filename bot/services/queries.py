"""What programs ask: the trading state of each account, incidents and their timelines, as JSON-ready values."""

from datetime import datetime
from typing import Any

from bot.adapters.journal import Journal
from bot.domain.incident import Incident, incident_key
from bot.domain.words import ActionKind, AlertStatus, TradingState
from bot.services.actions.journaled import unrecorded_halts
from bot.services.desk import Desk
from bot.store import accounts, action_history, actions, alerts, incidents, merges, relations, timeline
from bot.store.actions import ActionRecordRow

# position_multiplier, new_strategies. Source: design.md, Trading state
ALLOWED: dict[TradingState, tuple[str, bool]] = {
    TradingState.HALTED: ("0", False),
    TradingState.RESTRICTED: ("0.25", False),
    TradingState.CAUTIOUS: ("0.5", True),
    TradingState.NORMAL: ("1", True),
}


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def trading_states(desk: Desk, journal: Journal | None = None) -> list[dict[str, Any]]:
    """One for each account. While a halt is under way nothing may be traded, although nothing is proved yet.

    Nor while it stands in the `journal` only, nor after one whose outcome nobody knows.
    """
    found = []
    # The journal first: what is brought in meanwhile is then seen twice, and not overlooked.
    unrecorded = _unrecorded(desk, journal) if journal is not None else {}
    with desk.database.read() as unit:
        known = {record.name: record for record in accounts.all_of_them(unit)}
        under_way = actions.unended(unit, kind=ActionKind.HALT)
        unknown = {action.account: action for action in action_history.unknown_halts(unit)}
    halting = {action.account: action for action in under_way if not action.drill}
    for account in desk.accounts:
        record = known.get(account.name)
        state = record.state if record else TradingState.NORMAL
        multiplier, new_strategies = ALLOWED[state]
        reason = record.reason if record else None
        incident_id = record.incident_id if record else None
        if record is not None and record.suspended and state is not TradingState.HALTED:
            # Suspended by somebody else, or with orders left resting: no order would be taken.
            multiplier, new_strategies, reason = "0", False, "suspended at the broker"
        doubtful = unknown.get(account.name)
        if doubtful is not None and (record is None or _ended(doubtful) >= record.since):
            multiplier, new_strategies = "0", False
            reason = f"the outcome of a halt is not known, halt again: {doubtful.headline or doubtful.reason}"
            incident_id = doubtful.incident_id
        if account.name in unrecorded:
            multiplier, new_strategies, reason = "0", False, unrecorded[account.name]
        halt = halting.get(account.name)
        if halt is not None:
            multiplier, new_strategies = "0", False
            reason = f"halt under way, not proved yet: {halt.reason or 'no reason given'}"
            incident_id = halt.incident_id
        found.append(
            {
                "account": account.name,
                "state": state.value,
                "position_multiplier": float(multiplier),
                "new_strategies": new_strategies,
                "reason": reason,
                "incident": incident_key(incident_id) if incident_id else None,
                "since": _time(record.since) if record else None,
                "version": record.version if record else 0,
                "broker": {
                    "verified_at": _time(record.verified_at) if record else None,
                    "suspended": record.suspended if record else None,
                    "open_orders": record.open_orders if record else None,
                },
            }
        )
    return found


def _unrecorded(desk: Desk, journal: Journal) -> dict[str, str]:
    """Why nothing may be traded on an account, as far as only the journal knows it."""
    try:
        halts = unrecorded_halts(journal)
    except OSError as failure:
        why = f"the journal file, where a halt may stand, cannot be read ({failure.strerror})"
        return {account.name: why for account in desk.accounts}
    return {
        name: f"a halt that is not in the database yet: {reason or 'no reason given'}"
        for name, reason in halts.items()
    }


def _ended(action: ActionRecordRow) -> datetime:
    return action.finished_at or action.requested_at


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "key": incident.key,
        "title": incident.title,
        "severity": incident.severity.value,
        "severity_reason": incident.severity_reason,
        "status": incident.status.value,
        "phase": incident.phase.value,
        "drill": incident.drill,
        "opened_at": _time(incident.opened_at),
        "opened_by": incident.opened_by,
        "acknowledge_by": _time(incident.acknowledge_by),
        "acknowledged_at": _time(incident.acknowledged_at),
        "acknowledged_by": incident.acknowledged_by,
        "resolved_at": _time(incident.resolved_at),
        "resolved_by": incident.resolved_by,
    }


def incident_list(desk: Desk, limit: int = 200) -> list[dict[str, Any]]:
    """Newest first."""
    with desk.database.read() as unit:
        return [_incident(one) for one in incidents.listed(unit, limit=limit)]


def incident(desk: Desk, number: int) -> dict[str, Any] | None:
    """One incident with its alerts, checklist, actions and timeline; None when there is none."""
    with desk.database.read() as unit:
        found = incidents.get(unit, number)
        if found is None:
            return None
        counts = alerts.counts(unit, number)
        merge = merges.of_source(unit, number)
        return _incident(found) | {
            "merged_into": incident_key(merge.target_id) if merge else None,
            "merged": [incident_key(one.source_id) for one in merges.into(unit, number)],
            "related": [
                {"key": incident_key(one.other), "kind": one.subject.kind.value, "value": one.subject.value}
                for one in relations.related(unit, number)
            ],
            "alerts": {"firing": counts[AlertStatus.FIRING], "resolved": counts[AlertStatus.RESOLVED]},
            "checklist": [
                {"item": mark.item, "done": mark.done, "by": mark.by, "at": _time(mark.at)}
                for mark in incidents.marks(unit, number).values()
            ],
            "actions": [
                {
                    "id": action.id,
                    "kind": action.kind.value,
                    "account": action.account,
                    "status": action.status.value,
                    "headline": action.headline,
                    "requested_by": action.requested_by,
                    "requested_at": _time(action.requested_at),
                    "finished_at": _time(action.finished_at),
                    "evidence": action.evidence,
                }
                for action in actions.of_incident(unit, number)
            ],
            "timeline": [
                {"at": _time(entry.at), "kind": entry.kind, "actor": entry.actor, "text": entry.text}
                for entry in timeline.of_incident(unit, number)
            ],
        }
