"""`/incident`: declare, list, show, drill, contacts, help."""

import json
from typing import Any
from uuid import uuid4

from slack_bolt import Ack

from bot.domain.incident import parse_incident_key
from bot.domain.words import IncidentStatus, Severity
from bot.rendering.models import DeclareView
from bot.services import incidents as service
from bot.services import views
from bot.store import incidents
from handlers.context import Services
from handlers.listening import Listening
from handlers.pressed import Body, chosen, metadata_of, text_input, user_of

HELP = (
    "*Haltdesk*\n"
    "`/halt [reason]` halt trading · `/cancel [reason]` cancel all orders · `/health` check every component · "
    "`/reconcile` compare the ledger with the broker\n"
    "`/incident declare [title]` · `/incident drill [title]` · `/incident list` · `/incident show INC-1` · "
    "`/incident contacts`\n"
    "Slack has no slash commands in threads: there, use the buttons of the incident."
)


def register(listening: Listening, services: Services) -> None:
    command = _Command(services)
    listening.command("/incident", command.run)
    listening.view("incident.declare", command.declared)
    listening.event("app_mention", command.mentioned)


class _Command:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._words = {
            "declare": self._declare,
            "drill": self._drill,
            "list": self._list,
            "show": self._show,
            "contacts": self._contacts,
        }

    def run(self, ack: Ack, body: Body, command: dict[str, Any]) -> None:
        word, _, rest = str(command.get("text") or "").strip().partition(" ")
        chosen_word = self._words.get(word.lower())
        if chosen_word is None:
            ack(
                text=HELP
                if word.lower() in ("", "help")
                else f"There is no `/incident {_plain(word)}`.\n{HELP}"
            )
            return
        chosen_word(ack, body, rest.strip())

    def _declare(self, ack: Ack, body: Body, rest: str) -> None:
        self._ask(ack, body, rest, drill=False)

    def _drill(self, ack: Ack, body: Body, rest: str) -> None:
        self._ask(ack, body, rest, drill=True)

    def _ask(self, ack: Ack, body: Body, title: str, *, drill: bool) -> None:
        permission = self._services.people.may_act(user_of(body))
        if not permission.granted:
            self._services.note_refusal(body, "Declare an incident", permission.refusal)
            ack(text=permission.refusal)
            return
        ack()
        metadata = json.dumps({"n": uuid4().hex, "d": drill})
        view = self._services.renderer.declare(
            DeclareView(title=title[:150], private_metadata=metadata, drill=drill)
        )
        self._services.background.submit(
            self._services.modals.open,
            str(body.get("trigger_id") or ""),
            view,
            lambda text: self._services.whisper(body, text),
        )

    def mentioned(self, event: dict[str, Any]) -> None:
        """Whoever calls Haltdesk by its name is told what it listens to."""
        person, channel = str(event.get("user") or ""), str(event.get("channel") or "")
        if person and channel and not event.get("bot_id"):
            whisper, services = self._services.modals.whisper, self._services
            services.background.submit(whisper, channel, person, HELP, event.get("thread_ts"))

    def declared(self, ack: Ack, body: Body, view: dict[str, Any]) -> None:
        permission = self._services.people.may_act(user_of(body))
        if not permission.granted:
            self._services.note_refusal(body, "Declare an incident", permission.refusal)
            refusal = self._services.renderer.refusal_modal("Not allowed", permission.refusal)
            ack(response_action="update", view=refusal)
            return
        title = text_input(view, "title")
        if not title:
            ack(response_action="errors", errors={"title": "Say in a few words what is wrong."})
            return
        severities = chosen(view, "severity")
        metadata = metadata_of(view)
        service.declare(
            self._services.desk,
            title=title[:300],
            severity=Severity(severities[0]) if severities else Severity.SEV3,
            by=user_of(body),
            description=text_input(view, "description")[:3000],
            drill=bool(chosen(view, "drill")) or metadata.get("d") is True,
            request_key=str(metadata["n"]) if metadata.get("n") else None,
        )
        ack()

    def _list(self, ack: Ack, body: Body, rest: str) -> None:
        status = None if rest == "all" else IncidentStatus.OPEN
        with self._services.desk.database.read() as unit:
            found = incidents.listed(unit, status=status, limit=20)
        if not found:
            ack(text="No incident is open. `/incident list all` shows the resolved ones.")
            return
        ack(
            text="\n".join(
                f"{one.severity} · {one.key} · {_plain(one.title)[:100]} · {one.phase}" for one in found
            )
        )

    def _show(self, ack: Ack, body: Body, rest: str) -> None:
        number = parse_incident_key(rest)
        with self._services.desk.database.read() as unit:
            incident = incidents.get(unit, number) if number is not None else None
            if incident is None:
                ack(
                    text=f"There is no incident {_plain(rest) or 'of that name'}. `/incident list` shows the open ones."
                )
                return
            rendered = self._services.renderer.incident_root(
                views.incident_view(unit, self._services.desk, incident.id)
            )
        ack(text=rendered.text, blocks=[block for block in rendered.blocks if block.get("type") != "actions"])

    def _contacts(self, ack: Ack, body: Body, rest: str) -> None:
        desk = self._services.desk
        lines = [
            f"*{_plain(one.role)}*: {_plain(one.contact)} · {_plain(one.escalation)}"
            for one in desk.policy.contacts_for(desk.primary_operator)
        ]
        ack(text="\n".join(lines))


def _plain(text: str) -> str:
    """Text from outside as text: no mention, no link, no code."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")[:500]
