"""The postmortem: drafted from the timeline when an incident is resolved, kept as versions, posted to the channel."""

import logging

from bot.domain.incident import Incident
from bot.rendering.slots import RenderingError
from bot.services import views
from bot.services.desk import Desk
from bot.services.thread import show_part
from bot.store import documents, messages, timeline
from bot.store.database import UnitOfWork
from bot.store.messages import Urgency

log = logging.getLogger(__name__)

KIND = "postmortem"
# Slack takes 12,000 characters of Markdown in a message; the rest of the draft goes into the message's thread.
PART = 9_500
MOST_PARTS = 20


def postmortem_key(incident_id: int) -> str:
    return f"incident:{incident_id}:postmortem"


def draft_in(unit: UnitOfWork, desk: Desk, incident: Incident) -> None:
    """Make a draft from the record, keep it as a version, and ask for it to be posted.

    A template that the desk has broken must not keep an incident from being resolved: that is written into the
    timeline, with the place to mend, and `haltdesk postmortem` makes the draft once it is mended.
    """
    now = desk.now()
    timeline.write(unit, incident.id, "PostmortemDrafted", "Postmortem draft made from the timeline", at=now)
    try:
        view = views.postmortem_view(unit, desk, incident.id)
        body = desk.renderer.postmortem_markdown(view)
        shown = desk.renderer.postmortem(view, parts(body)[0])
    except RenderingError as broken:
        log.error("the postmortem of %s could not be drafted: %s", incident.key, broken)
        text = f"The postmortem could not be drafted: {broken}"
        timeline.write(unit, incident.id, "PostmortemFailed", text[:1000], at=now)
        return
    documents.save(unit, incident.id, KIND, body, at=now)
    key = postmortem_key(incident.id)
    messages.want(
        unit,
        key,
        "postmortem",
        incident.id,
        channel=incident.channel,
        at=now,
        urgency=Urgency.NOTICE,
        # As it was drafted: what comes later is in the next draft, and the head must not differ from its own body.
        content={"text": shown.text, "blocks": list(shown.blocks)},
    )
    for number in range(1, len(parts(body))):
        show_part(unit, incident, key, "postmortem_part", number, now)


def parts(body: str) -> list[str]:
    """The draft in pieces that fit into a message, cut between lines."""
    pieces: list[str] = [""]
    for line in body.splitlines(keepends=True):
        if len(pieces[-1]) + len(line) > PART and pieces[-1]:
            pieces.append("")
        pieces[-1] += line[:PART]
    return pieces[:MOST_PARTS]
