"""Folds one open incident into another: its alerts and its alert group go on there, and it is closed as merged.

Refused while an action is under way in the source: the thread in which it was confirmed is where people look for its
end. Whatever is under way in the target goes on.
"""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.incident import Incident, incident_key
from bot.domain.words import AlertStatus, IncidentStatus, Phase
from bot.services import auditing, relapse
from bot.services import incidents as service
from bot.services.approvals import end
from bot.services.desk import Desk
from bot.services.thread import reply, show_phase, show_root
from bot.services.undone import hold_back_reminder
from bot.store import actions, alerts, approvals, deadlines, incidents, merges, relations, timeline
from bot.store.approvals import ApprovalStatus
from bot.store.database import DatabaseError, UnitOfWork, of_the_moment
from bot.store.merges import Merge

# A webhook may bring an alert to the source while it is being merged, or hold the source, which it has waited for in
# vain, and wait for the target. Then it begins anew.
ATTEMPTS = 5
NEIGHBOURS = 20  # related incidents that are shown anew because of a merge


class _Moved(Exception):
    """The source got another alert or request between what was held and what is there."""


@dataclass(frozen=True)
class Merged:
    """What came of it. `refusal` says why nothing was done, in words for the person who asked."""

    target: Incident | None
    refusal: str | None = None


def merge(desk: Desk, source: int, target: int, by: str, reason: str | None = None) -> Merged:
    """Fold INC-`source` into INC-`target`. Twice, by two people, or in both directions at once: one result.

    Raises `NotFound` for an incident that does not exist, the database's error when it cannot be written.
    """
    for _ in range(ATTEMPTS):
        try:
            with desk.database.begin() as unit:
                return merge_in(unit, desk, source, target, by, reason)
        except _Moved:
            continue
        except DatabaseError as failure:
            if not of_the_moment(failure):
                raise
    busy = (
        f"{incident_key(source)} is getting new alerts just now. Nothing was merged; try again in a moment."
    )
    return Merged(None, busy)


def merge_in(
    unit: UnitOfWork, desk: Desk, source: int, target: int, by: str, reason: str | None = None
) -> Merged:
    # In the order in which everybody holds things: alerts, accounts, requests, incidents by number.
    held = merges.hold_alerts(unit, source)
    relapse.hold_accounts(unit, desk)
    waiting = merges.open_approvals(unit, source)
    both = {number: service.find(unit, number) for number in sorted({source, target})}
    if merges.alert_numbers(unit, source) != held or merges.open_approvals(unit, source) != waiting:
        raise _Moved
    refusal = _refusal(unit, both[source], both[target])
    if refusal is not None:
        return Merged(both[target], refusal)
    return Merged(_fold(unit, desk, both[source], both[target], by, reason, waiting))


def _refusal(unit: UnitOfWork, source: Incident, target: Incident) -> str | None:
    if source.id == target.id:
        return f"{source.key} cannot be merged into itself."
    for incident in (source, target):
        done = merges.of_source(unit, incident.id)
        if done is not None:
            return f"{incident.key} was merged into {incident_key(done.target_id)} before."
        if not incident.open:
            return f"{incident.key} is {incident.status}; only open incidents are merged."
    if source.drill is not target.drill:
        drill = source if source.drill else target
        return f"{drill.key} is a drill: it is not merged with what is real."
    running = actions.unended(unit, incident_id=source.id)
    if running:
        names = ", ".join(f"{one.kind.verb.lower()} on {one.account}" for one in running[:3])
        return (
            f"Under way in {source.key}: {names}. Its thread is where that reports. Wait until it has ended, "
            f"or merge the other way round, {target.key} into {source.key}."
        )
    return None


def _fold(
    unit: UnitOfWork,
    desk: Desk,
    source: Incident,
    target: Incident,
    by: str,
    reason: str | None,
    waiting: list[int],
) -> Incident:
    now = desk.now()
    counts = alerts.counts(unit, source.id)
    firing, total = counts[AlertStatus.FIRING], sum(counts.values())
    because = f": {reason}" if reason else ""
    merges.record(unit, Merge(source.id, target.id, now, by))
    merges.own_groups(unit, source, target.id)
    merges.carry_over(unit, source.id, target.id)
    relations.carry_over(unit, source.id, target.id, now=now)
    _close(unit, desk, source, target, by, because, waiting)
    brought = f"{total} alert{'s' if total != 1 else ''}, {firing} firing"
    timeline.write(
        unit,
        target.id,
        "IncidentMergedIn",
        f"{source.key} ({source.severity}, {source.title}) merged into this incident, {brought}{because}",
        at=now,
        actor=by,
        details={"incident": source.id, "alerts": total, "firing": firing},
    )
    auditing.record(
        unit,
        "IncidentsMerged",
        f"{source.key} merged into {target.key}{because}",
        at=now,
        incident_id=target.id,
        actor=by,
        details={
            "source": source.id,
            "target": target.id,
            "alerts": total,
            "firing": firing,
            "severity_before": target.severity,
            "severity_of_source": source.severity,
            "drill": source.drill,
        },
    )
    worse = source.severity.worse_than(target.severity)
    if worse:
        why = f"merged with {source.key}: {source.severity_reason}"
        target = service.raise_severity(unit, desk, target, source.severity, why)
    heading = f"{source.key} was merged into this incident" + (f". Now {target.severity}" if worse else "")
    lines = (source.title, f"{brought}.", *((reason,) if reason else ()))
    reply(unit, target, heading, lines, at=now, loud=worse)
    _show(unit, service.find(unit, source.id), target, now)
    return target


def _close(
    unit: UnitOfWork,
    desk: Desk,
    source: Incident,
    target: Incident,
    by: str,
    because: str,
    waiting: list[int],
) -> None:
    """End what the source still waits for. No notice and no postmortem: nothing is over, it goes on elsewhere."""
    now = desk.now()
    note = f"merged into {target.key}"
    for number in waiting:
        asked = approvals.get(unit, number)
        if asked is not None and not asked.status.ended:
            end(
                unit,
                desk,
                asked,
                ApprovalStatus.REFUSED,
                f"{source.key} was {note}; ask again there",
                by=None,
            )
    incidents.change(
        unit,
        source.id,
        status=IncidentStatus.MERGED,
        open_group_key=None,
        resolved_at=now,
        resolved_by=by,
        resolution_note=note,
        phase=Phase.POST_INCIDENT,
    )
    incidents.leave_phase(unit, source.id, source.phase, at=now, by=by, reason=note)
    deadlines.withdraw_all(unit, source.id, note, at=now)
    hold_back_reminder(unit, source, note, now, by=by)
    timeline.write(
        unit,
        source.id,
        "IncidentMerged",
        f"Merged into {target.key}{because}",
        at=now,
        actor=by,
        details={"incident": target.id},
    )
    closed = service.find(unit, source.id)
    show_phase(unit, closed, source.phase, now)
    reply(unit, closed, f"Merged into {target.key}: go on there.", at=now)


def _show(unit: UnitOfWork, source: Incident, target: Incident, now: datetime) -> None:
    """Both, and the open ones in which the source stands as related; newest first, as everybody shows several."""
    shown = {source.id: source, target.id: target}
    for one in relations.related(unit, source.id)[:NEIGHBOURS]:
        other = incidents.get(unit, one.other)
        if other is not None and other.open:
            shown.setdefault(other.id, other)
    for number in sorted(shown, reverse=True):
        show_root(unit, shown[number], now)
