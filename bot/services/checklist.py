"""The procedure as people work through it: items done and undone, phases finished and left."""

from dataclasses import dataclass

from bot.domain.checklist import items_for
from bot.domain.incident import Incident, PhaseMove, decide_phase_move
from bot.domain.words import AlertStatus, Phase
from bot.services.again import again_if_in_the_way
from bot.services.desk import Desk
from bot.services.incidents import (
    Outcome,
    acknowledge_in,
    find,
    obstacles,
    open_items,
    resolve_in,
)
from bot.services.thread import show_phase, show_root
from bot.services.undone import NOTICE_ITEM
from bot.store import alerts, checkpoints, incidents, timeline
from bot.store.database import UnitOfWork


@dataclass(frozen=True)
class Advance:
    """What came of asking to leave a phase. `move.needs_reason` with no reason given: nothing was changed."""

    incident: Incident
    move: PhaseMove
    done: bool


@again_if_in_the_way
def toggle(desk: Desk, number: int, item_key: str, by: str, *, done: bool | None = None) -> Outcome:
    """Mark an item done or open again. `done` None turns it round; the state it has already changes nothing."""
    with desk.database.begin() as unit:
        incident = find(unit, number)
        found = desk.item(item_key)
        if found is None:
            return Outcome(incident, f"The procedure has no item {item_key!r} any more.")
        if not incident.open and found.phase is not Phase.POST_INCIDENT:
            return Outcome(incident, f"{incident.key} is {incident.status}; its checklist is closed.")
        mark = incidents.marks(unit, number).get(item_key)
        was = mark is not None and mark.done
        wanted = not was if done is None else done
        if wanted is not was:
            incident = mark_item(unit, desk, incident, item_key, by=by, done=wanted)
        return Outcome(incident)


def mark_item(
    unit: UnitOfWork,
    desk: Desk,
    incident: Incident,
    item_key: str,
    *,
    by: str,
    done: bool,
    note: str | None = None,
) -> Incident:
    """Write the mark, show it, and go on to the next phase when it was the last one open."""
    now = desk.now()
    item = desk.item(item_key)
    assert item is not None
    incidents.mark(unit, incident.id, item_key, done=done, by=by, at=now, note=note)
    text = f"{'Done' if done else 'Opened again'}: {item.text}" + (f" ({note})" if note else "")
    kind = "ChecklistItemDone" if done else "ChecklistItemReopened"
    timeline.write(unit, incident.id, kind, text, at=now, actor=by, details={"item": item_key})
    show_phase(unit, incident, item.phase, now)
    if item_key == "triage.acknowledge" and done:
        incident = acknowledge_in(unit, desk, incident, by)
    if done:
        incident = go_on(unit, desk, incident, by)
    return incident


def mark_if_current(
    unit: UnitOfWork, desk: Desk, incident: Incident, item_key: str, *, by: str, note: str
) -> None:
    """Haltdesk itself has seen an item done (a proved halt, a clean reconciliation): fill it in where the desk is."""
    item = desk.item(item_key)
    if item is None or not incident.open or item.phase is not incident.phase:
        return
    if item.key not in {known.key for known in items_for(desk.policy.phase(item.phase), incident.severity)}:
        return
    mark = incidents.marks(unit, incident.id).get(item_key)
    if mark is None or not mark.done:
        mark_item(unit, desk, incident, item_key, by=by, done=True, note=note)


def go_on(unit: UnitOfWork, desk: Desk, incident: Incident, by: str) -> Incident:
    """Finishing a phase opens the next; finishing the resolution resolves, once the alerts have cleared."""
    if not incident.open:
        return incident
    left = [item for item in open_items(unit, desk, incident, [incident.phase]) if item.key != NOTICE_ITEM]
    if left:
        return incident
    if incident.phase is Phase.RESOLUTION:
        if obstacles(unit, desk, incident):
            checkpoints.soon(unit, desk.now())  # what Alertmanager and Prometheus showed last may be over
            return incident
        return resolve_in(unit, desk, incident, by)
    return _enter_next(unit, desk, incident, by, reason=None)


def cleared(unit: UnitOfWork, desk: Desk, incident: Incident) -> Incident:
    """The last firing alert has cleared: if only that was awaited, the incident is resolved."""
    if incident.phase is not Phase.RESOLUTION or alerts.counts(unit, incident.id)[AlertStatus.FIRING]:
        return incident
    last = max(incidents.marks(unit, incident.id).values(), key=lambda mark: mark.at, default=None)
    return go_on(unit, desk, incident, last.by) if last is not None else incident


@again_if_in_the_way
def advance(desk: Desk, number: int, leaving: Phase, by: str, reason: str | None = None) -> Advance:
    """Leave a phase for the next one. With open items a reason must be given."""
    with desk.database.begin() as unit:
        incident = find(unit, number)
        items = [item.text for item in open_items(unit, desk, incident, [leaving]) if item.key != NOTICE_ITEM]
        move = decide_phase_move(incident, leaving, items)
        if move.refusal or (move.needs_reason and not reason):
            return Advance(incident, move, done=False)
        if move.to is Phase.POST_INCIDENT:
            against = obstacles(unit, desk, incident)
            if against and not reason:
                return Advance(incident, PhaseMove(move.to, against), done=False)
            return Advance(
                resolve_in(unit, desk, incident, by, note=reason, against=against), move, done=True
            )
        return Advance(_enter_next(unit, desk, incident, by, reason=reason), move, done=True)


def _enter_next(unit: UnitOfWork, desk: Desk, incident: Incident, by: str, *, reason: str | None) -> Incident:
    now = desk.now()
    following = incident.phase.next
    if following is None or following is Phase.POST_INCIDENT:
        return incident
    incidents.leave_phase(unit, incident.id, incident.phase, at=now, by=by, reason=reason)
    incidents.enter_phase(unit, incident.id, following, now)
    incidents.change(unit, incident.id, phase=following)
    because = f", left with open items: {reason}" if reason else ""
    timeline.write(
        unit, incident.id, "PhaseEntered", f"{incident.phase} to {following}{because}", at=now, actor=by
    )
    moved = find(unit, incident.id)
    show_root(unit, moved, now)
    show_phase(unit, moved, incident.phase, now)
    show_phase(unit, moved, following, now)
    # Items of the phase just entered may have been filled in earlier.
    return go_on(unit, desk, moved, by)
