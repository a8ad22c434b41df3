"""What a message shows at its newest version: read from one picture of the database, then put through a template."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from bot.domain.incident import incident_key
from bot.domain.words import Phase, Severity
from bot.rendering.drift_models import DriftView
from bot.rendering.models import CalledOffView, ReplyView
from bot.rendering.render import Make, Rendered
from bot.services import approval_views, postmortem, views
from bot.services.breaks_file import read_breaks_file
from bot.services.desk import Desk
from bot.services.views import account_line
from bot.store import accounts, documents, drift, incidents
from bot.store.database import UnitOfWork
from bot.store.messages import Message

Read = Callable[[UnitOfWork, Desk, Message], Make]


def read(unit: UnitOfWork, desk: Desk, message: Message) -> Make:
    """The message as it should stand in Slack now: everything is read, and what it gives puts it into words.

    KeyError for a view that this version does not know, LookupError for a row that is not there; what it gives raises
    `RenderingError`.
    """
    reads = _called_off if message.called_off else _READS[message.view]
    return reads(unit, desk, message)


def _root(unit: UnitOfWork, desk: Desk, message: Message) -> Make:
    return partial(desk.renderer.incident_root, views.incident_view(unit, desk, message.incident_id))


def _phase(unit: UnitOfWork, desk: Desk, message: Message) -> Make:
    phase = Phase(str(message.ref))
    return partial(desk.renderer.phase, views.phase_view(unit, desk, message.incident_id, phase))


def _action(unit: UnitOfWork, desk: Desk, message: Message) -> Make:
    return partial(desk.renderer.action, views.action_view(unit, desk, int(str(message.ref))))


def _approval(unit: UnitOfWork, desk: Desk, message: Message) -> Make:
    view = approval_views.approval_view(unit, desk, int(str(message.ref)))
    return partial(desk.renderer.approval, view)


def _reply(unit: UnitOfWork, desk: Desk, message: Message) -> Make:
    content = message.content or {}
    incident = incidents.get(unit, message.incident_id)
    return partial(
        desk.renderer.reply,
        ReplyView(
            incident_id=message.incident_id,
            incident_key=incident_key(message.incident_id),
            heading=str(content.get("heading", "")),
            lines=tuple(str(line) for line in content.get("lines", ())),
            drill=incident is not None and incident.drill,
        ),
    )


def _called_off(unit: UnitOfWork, desk: Desk, message: Message) -> Make:
    content = message.content or {}
    incident = incidents.get(unit, message.incident_id)
    return partial(
        desk.renderer.called_off,
        CalledOffView(
            incident_key=incident_key(message.incident_id),
            heading=content["heading"],
            ended=content["ended"],
            by=content["by"],
            at=datetime.fromisoformat(content["at"]),
            lines=tuple(content["lines"]),
            drill=incident is not None and incident.drill,
        ),
    )


def _drift(unit: UnitOfWork, desk: Desk, message: Message) -> Make:
    episode = drift.get(unit, int(str(message.ref)))
    incident = incidents.get(unit, message.incident_id)
    return partial(
        desk.renderer.drift,
        DriftView(
            incident_id=message.incident_id,
            incident_key=incident_key(message.incident_id),
            account=account_line(desk.account(episode.account), accounts.get(unit, episode.account)),
            heading=episode.kind.heading,
            text=episode.text,
            next_step=episode.kind.next_step,
            button="Halt trading" if episode.kind.severity is Severity.SEV2 else "Halt again",
            began_at=episode.began_at,
            cleared_at=episode.cleared_at,
            drill=incident is not None and incident.drill,
        ),
    )


def _notice(unit: UnitOfWork, desk: Desk, message: Message) -> Make:
    return partial(desk.renderer.notice, views.notice_view(unit, desk, message.incident_id))


def _draft(unit: UnitOfWork, message: Message) -> list[str]:
    found = documents.newest(unit, message.incident_id, postmortem.KIND)
    return postmortem.parts(found[1]) if found else [""]


def _postmortem(unit: UnitOfWork, desk: Desk, message: Message) -> Make:
    if message.content is not None:
        return partial(Rendered, message.content["text"], message.content["blocks"])
    view = views.postmortem_view(unit, desk, message.incident_id)  # a draft of an older version of Haltdesk
    return partial(desk.renderer.postmortem, view, _draft(unit, message)[0])


def _postmortem_part(unit: UnitOfWork, desk: Desk, message: Message) -> Make:
    pieces, number = _draft(unit, message), int(str(message.ref))
    incident = incidents.get(unit, message.incident_id)
    drill = "DRILL · " if incident is not None and incident.drill else ""
    key = incident_key(message.incident_id)
    if number >= len(pieces):
        return partial(
            desk.renderer.document_part,
            f"{drill}Postmortem of {key}: this part is empty in the newest draft.",
            "",
        )
    heading = f"{drill}Postmortem of {key}, part {number + 1}"
    return partial(desk.renderer.document_part, heading, pieces[number])


_READS: dict[str, Read] = {
    "root": _root,
    "phase": _phase,
    "action": _action,
    "approval": _approval,
    "breaks_file": read_breaks_file,
    "reply": _reply,
    "reminder": _reply,
    "drift": _drift,
    "notice": _notice,
    "postmortem": _postmortem,
    "postmortem_part": _postmortem_part,
}
