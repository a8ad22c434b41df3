"""What a message shows at its newest version: one picture of the database, through one template."""

from collections.abc import Callable
from datetime import datetime

from bot.domain.incident import incident_key
from bot.domain.words import Phase, Severity
from bot.rendering.drift_models import DriftView
from bot.rendering.models import CalledOffView, ReplyView
from bot.rendering.render import Rendered
from bot.services import approval_views, postmortem, views
from bot.services.breaks_file import render_breaks_file
from bot.services.desk import Desk
from bot.services.views import account_line
from bot.store import accounts, documents, drift, incidents
from bot.store.database import UnitOfWork
from bot.store.messages import Message

Show = Callable[[UnitOfWork, Desk, Message], Rendered]


def render(unit: UnitOfWork, desk: Desk, message: Message) -> Rendered:
    """The message as it should stand in Slack now. KeyError for a view that this version does not know."""
    show = _called_off if message.called_off else _SHOWS[message.view]
    return show(unit, desk, message)


def _root(unit: UnitOfWork, desk: Desk, message: Message) -> Rendered:
    return desk.renderer.incident_root(views.incident_view(unit, desk, message.incident_id))


def _phase(unit: UnitOfWork, desk: Desk, message: Message) -> Rendered:
    phase = Phase(str(message.ref))
    return desk.renderer.phase(views.phase_view(unit, desk, message.incident_id, phase))


def _action(unit: UnitOfWork, desk: Desk, message: Message) -> Rendered:
    return desk.renderer.action(views.action_view(unit, desk, int(str(message.ref))))


def _approval(unit: UnitOfWork, desk: Desk, message: Message) -> Rendered:
    return desk.renderer.approval(approval_views.approval_view(unit, desk, int(str(message.ref))))


def _reply(unit: UnitOfWork, desk: Desk, message: Message) -> Rendered:
    content = message.content or {}
    incident = incidents.get(unit, message.incident_id)
    return desk.renderer.reply(
        ReplyView(
            incident_id=message.incident_id,
            incident_key=incident_key(message.incident_id),
            heading=str(content.get("heading", "")),
            lines=tuple(str(line) for line in content.get("lines", ())),
            drill=incident is not None and incident.drill,
        )
    )


def _called_off(unit: UnitOfWork, desk: Desk, message: Message) -> Rendered:
    content = message.content or {}
    incident = incidents.get(unit, message.incident_id)
    return desk.renderer.called_off(
        CalledOffView(
            incident_key=incident_key(message.incident_id),
            heading=content["heading"],
            ended=content["ended"],
            by=content["by"],
            at=datetime.fromisoformat(content["at"]),
            lines=tuple(content["lines"]),
            drill=incident is not None and incident.drill,
        )
    )


def _drift(unit: UnitOfWork, desk: Desk, message: Message) -> Rendered:
    episode = drift.get(unit, int(str(message.ref)))
    incident = incidents.get(unit, message.incident_id)
    return desk.renderer.drift(
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
        )
    )


def _notice(unit: UnitOfWork, desk: Desk, message: Message) -> Rendered:
    return desk.renderer.notice(views.notice_view(unit, desk, message.incident_id))


def _draft(unit: UnitOfWork, message: Message) -> list[str]:
    found = documents.newest(unit, message.incident_id, postmortem.KIND)
    return postmortem.parts(found[1]) if found else [""]


def _postmortem(unit: UnitOfWork, desk: Desk, message: Message) -> Rendered:
    if message.content is not None:
        return Rendered(message.content["text"], message.content["blocks"])
    view = views.postmortem_view(unit, desk, message.incident_id)  # a draft of an older version of Haltdesk
    return desk.renderer.postmortem(view, _draft(unit, message)[0])


def _postmortem_part(unit: UnitOfWork, desk: Desk, message: Message) -> Rendered:
    pieces, number = _draft(unit, message), int(str(message.ref))
    incident = incidents.get(unit, message.incident_id)
    drill = "DRILL · " if incident is not None and incident.drill else ""
    key = incident_key(message.incident_id)
    if number >= len(pieces):
        return desk.renderer.document_part(
            f"{drill}Postmortem of {key}: this part is empty in the newest draft.", ""
        )
    return desk.renderer.document_part(f"{drill}Postmortem of {key}, part {number + 1}", pieces[number])


_SHOWS: dict[str, Show] = {
    "root": _root,
    "phase": _phase,
    "action": _action,
    "approval": _approval,
    "breaks_file": render_breaks_file,
    "reply": _reply,
    "reminder": _reply,
    "drift": _drift,
    "notice": _notice,
    "postmortem": _postmortem,
    "postmortem_part": _postmortem_part,
}
