"""Halt, cancel, health and reconcile: the button or the command opens a confirmation, the confirmation is recorded."""

import json
from typing import Any
from uuid import uuid4

from slack_bolt import Ack

from bot.adapters.bounded import StillRunning, bounded
from bot.domain.incident import Incident
from bot.domain.words import ActionKind
from bot.engine.record import PATIENCE
from bot.rendering.models import AccountFigures, AccountLine, ConfirmView
from bot.services import views
from bot.services.actions.drills import DrillRefused, refuse_live
from bot.services.actions.home import incident_to_act_in
from bot.services.views import account_line
from bot.store import incidents
from bot.store.database import DatabaseError
from handlers.context import Services
from handlers.listening import Listening
from handlers.pressed import (
    Body,
    chosen,
    has_input,
    incident_of,
    metadata_of,
    text_input,
    user_of,
    value_of,
)

AWAY = "Haltdesk's database does not answer."
NO_PAPER = "DRILL: the desk has no paper account, and a drill never acts on real money. Nothing was done."


def register(listening: Listening, services: Services) -> None:
    for kind in services.confirmable:
        _register_kind(listening, services, kind)


def _register_kind(listening: Listening, services: Services, kind: ActionKind) -> None:
    def pressed(ack: Ack, body: Body, action: dict[str, Any]) -> None:
        ack()
        # The button says so too: the database, which knows it, may be away.
        drill = value_of(action).get("drill") is True
        _open(services, kind, body, incident_of_press(services, body, action), reason="", drill=drill)

    def commanded(ack: Ack, body: Body, command: dict[str, Any]) -> None:
        refusal = services.people.may_act(user_of(body)).refusal
        if refusal:
            services.note_refusal(body, kind.verb, refusal)
            ack(text=refusal)
            return
        ack()
        _open(services, kind, body, None, reason=str(command.get("text") or "").strip())

    def confirmed(ack: Ack, body: Body, view: dict[str, Any]) -> None:
        _confirm(services, kind, ack, body, view)

    listening.view(f"{kind}.confirm", confirmed)
    listening.action(f"{kind}.open", pressed)
    listening.command(f"/{kind}", commanded)


def incident_of_press(services: Services, body: Body, action: dict[str, Any]) -> int | None:
    """The incident pressed on; None when it cannot be told, for instance because the database is away."""
    try:
        return bounded(
            lambda: incident_of(services.desk, body, value_of(action)), PATIENCE, "incident of press"
        )
    except (DatabaseError, StillRunning):
        return None


def _open(
    services: Services,
    kind: ActionKind,
    body: Body,
    incident_id: int | None,
    *,
    reason: str,
    drill: bool = False,
) -> None:
    permission = services.people.may_act(user_of(body))
    if not permission.granted:
        services.refuse(body, kind.verb, permission.refusal)
        return
    trigger = str(body.get("trigger_id") or "")
    channel = str((body.get("channel") or {}).get("id") or body.get("channel_id") or "")
    view = _view(services, kind, incident_id, reason=reason, channel=channel, drill=drill)
    if not view.figures:
        services.whisper(body, NO_PAPER)
        return
    services.background.submit(
        services.modals.confirm, trigger, view, lambda text: services.whisper(body, text)
    )


def _view(
    services: Services, kind: ActionKind, incident_id: int | None, *, reason: str, channel: str, drill: bool
) -> ConfirmView:
    desk = services.desk
    notes: tuple[str, ...] = ()
    key = None

    def read() -> tuple[Incident | None, tuple[AccountLine, ...]]:
        with desk.database.read() as unit:
            found = incidents.get(unit, incident_id) if incident_id is not None else incident_to_act_in(unit)
            return found, views.account_lines(unit, desk)

    try:
        # A database that hangs is one that is away: whoever wants to halt sees the window all the same.
        incident, lines = bounded(read, PATIENCE, "view")
        if incident is not None:
            incident_id, key, drill = incident.id, incident.key, incident.drill
    except (DatabaseError, StillRunning):
        # A halt must be possible all the same; the journal takes its record.
        lines = tuple(account_line(account, None) for account in desk.accounts)
        notes = (f"{AWAY} The record goes to the journal file.",)
    live = [line.name for line in lines if not line.paper]
    if drill and live:
        lines = tuple(line for line in lines if line.paper)
        notes = (*notes, f"{', '.join(live)} is live: a drill never acts on real money.")
    names = [line.name for line in lines]
    metadata = {"n": uuid4().hex, "i": incident_id, "a": names, "c": channel, "d": drill}
    return ConfirmView(
        kind=kind,
        incident_key=key,
        figures=tuple(AccountFigures(account=line, loading=True) for line in lines),
        selected=tuple(line.name for line in lines),
        private_metadata=json.dumps(metadata, separators=(",", ":")),
        drill=drill,
        notes=notes,
        reason=reason,
    )


def _confirm(services: Services, kind: ActionKind, ack: Ack, body: Body, view: dict[str, Any]) -> None:
    user = user_of(body)
    permission = services.people.may_act(user)
    if not permission.granted:
        services.note_refusal(body, kind.verb, permission.refusal)
        ack(response_action="update", view=services.renderer.refusal_modal("Not allowed", permission.refusal))
        return
    metadata = metadata_of(view)
    known = [account.name for account in services.desk.accounts]
    accounts = chosen(view, "accounts") if has_input(view, "accounts") else metadata.get("a") or known
    accounts = [name for name in accounts if name in known]
    if not accounts:
        ack(response_action="errors", errors={"accounts": "Choose at least one account."})
        return
    incident_id, drill = metadata.get("i"), metadata.get("d") is True
    try:
        if drill:
            refuse_live(services.desk, accounts)  # here too, because a halt goes on without the database
        services.emergency.confirm(
            kind,
            accounts,
            reason=text_input(view, "reason")[:1000],
            by=user,
            request_key=_request_key(body, view, metadata),
            incident_id=incident_id if isinstance(incident_id, int) else None,
            params={"suspend_only": True} if "suspend_only" in chosen(view, "options") else {},
            drill=drill,
        )
    except DrillRefused as refusal:
        ack(response_action="update", view=services.renderer.refusal_modal("Not in a drill", str(refusal)))
        return
    except DatabaseError:
        text = (
            f"{AWAY} Nothing was done. Halt and cancel work without it; this does not. Try again in a minute."
        )
        ack(response_action="update", view=services.renderer.refusal_modal("Not done", text))
        return
    ack()


def _request_key(body: Body, view: dict[str, Any], metadata: dict[str, Any]) -> str:
    """What makes this confirmation this one: the modal's own mark, and Slack's when it carries none."""
    nonce = metadata.get("n")
    return str(nonce) if nonce else f"view:{view.get('id')}:{body.get('trigger_id') or view.get('hash')}"
