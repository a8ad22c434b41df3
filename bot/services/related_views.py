"""Reads what an incident's message says about others: related ones, those merged into it, and where it went."""

from bot.domain.incident import Incident, incident_key
from bot.domain.relation import gap_words
from bot.rendering.related_models import RelatedLine, RelatedView
from bot.services.desk import Desk
from bot.services.thread import root_key
from bot.store import incidents, merges, messages, relations
from bot.store.database import UnitOfWork

SHOWN = 5
OFFERED = 20  # in the modal


def related_view(unit: UnitOfWork, desk: Desk, incident: Incident) -> RelatedView:
    merge = merges.of_source(unit, incident.id)
    folded = merges.into(unit, incident.id)
    gone = {one.source_id for one in folded} | ({merge.target_id} if merge else set())
    found = relations.related(unit, incident.id, but=gone)
    lines = []
    for one in found[:SHOWN]:
        other = incidents.get(unit, one.other)
        lines.append(_line(unit, desk, one.other, f"same {one.subject}, {gap_words(one.gap)}", other))
    return RelatedView(
        related=tuple(lines),
        more=max(0, len(found) - SHOWN),
        mergeable=incident.open and bool(found) and bool(mergeable(unit, incident)),
        merged=tuple(_line(unit, desk, one.source_id, "") for one in folded[-SHOWN:]),
        merged_more=max(0, len(folded) - SHOWN),
        merged_into=_line(unit, desk, merge.target_id, "") if merge else None,
    )


def mergeable(unit: UnitOfWork, incident: Incident) -> list[Incident]:
    """Related incidents that could be folded into this one: open, and a drill with drills only. Newest first."""
    numbers = relations.related_open(unit, incident.id, drill=incident.drill, limit=OFFERED)
    found = (incidents.get(unit, number) for number in numbers)
    return [one for one in found if one is not None]


def _line(
    unit: UnitOfWork, desk: Desk, number: int, why: str, incident: Incident | None = None
) -> RelatedLine:
    return RelatedLine(
        key=incident_key(number),
        why=why,
        url=link_to(unit, desk, number),
        state="" if incident is None or incident.open else incident.status.value,
    )


def in_slack(unit: UnitOfWork, number: int) -> bool:
    """Whether the incident's message stands in Slack, so that it can be linked to."""
    shown = messages.by_key(unit, root_key(number))
    return shown is not None and shown.ts is not None


def link_to(unit: UnitOfWork, desk: Desk, number: int) -> str | None:
    """The address of the incident's message in Slack; None until it stands there and Slack has said its own."""
    workspace = desk.workspace_url()
    shown = messages.by_key(unit, root_key(number)) if workspace else None
    if workspace is None or shown is None or shown.ts is None:
        return None
    return f"{workspace.rstrip('/')}/archives/{shown.channel}/p{shown.ts.replace('.', '')}"
