"""The Merge button of an incident with related ones, and the modal that folds one of those into it."""

import json
from typing import Any

from slack_bolt import Ack

from bot.domain.words import AlertStatus
from bot.rendering.related_models import MergeChoice, MergeView
from bot.services import merging
from bot.services.incidents import NotFound
from bot.services.related_views import mergeable
from bot.store import alerts, incidents
from handlers.context import Services
from handlers.incident_thread import GONE
from handlers.listening import Listening
from handlers.pressed import Body, chosen, incident_of, metadata_of, text_input, user_of, value_of

NOTHING = "No related incident is open any more, so there is nothing to merge."


def register(listening: Listening, services: Services) -> None:
    room = _Merging(services)
    listening.action("incident.merge", room.open)
    listening.view("incident.merge", room.confirmed)


class _Merging:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._desk = services.desk

    def open(self, ack: Ack, body: Body, action: dict[str, Any]) -> None:
        ack()
        permission = self._services.people.may_act(user_of(body))
        if not permission.granted:
            self._services.refuse(body, "Merge", permission.refusal)
            return
        number = incident_of(self._desk, body, value_of(action))
        view = self._view(number) if number is not None else None
        if number is None:
            self._services.whisper(body, GONE)
        elif view is None:
            self._services.whisper(body, NOTHING)
        else:
            self._services.background.submit(
                self._services.modals.open,
                str(body.get("trigger_id") or ""),
                self._services.renderer.merge(view),
                lambda text: self._services.whisper(body, text),
            )

    def _view(self, number: int) -> MergeView | None:
        """What can be folded into the incident now; None when nothing can."""
        with self._desk.database.read() as unit:
            incident = incidents.get(unit, number)
            found = mergeable(unit, incident) if incident is not None and incident.open else []
            if incident is None or not found:
                return None
            choices = tuple(
                MergeChoice(
                    value=str(one.id),
                    key=one.key,
                    severity=one.severity,
                    title=one.title,
                    firing=alerts.counts(unit, one.id)[AlertStatus.FIRING],
                )
                for one in found
            )
        return MergeView(incident.key, choices, json.dumps({"i": number}), incident.drill)

    def confirmed(self, ack: Ack, body: Body, view: dict[str, Any]) -> None:
        permission = self._services.people.may_act(user_of(body))
        if not permission.granted:
            self._services.note_refusal(body, "Merge", permission.refusal)
            self._refused(ack, "Not allowed", permission.refusal)
            return
        picked = chosen(view, "incident")
        if not picked or not picked[0].isdigit():
            ack(response_action="errors", errors={"incident": "Choose the incident to fold in."})
            return
        reason = text_input(view, "reason")[:1000] or None
        target = int(metadata_of(view)["i"])
        try:
            done = merging.merge(self._desk, int(picked[0]), target, user_of(body), reason)
        except NotFound as missing:
            self._refused(ack, "Nothing changed", f"{missing} {GONE}")
            return
        if done.refusal:
            self._refused(ack, "Nothing changed", done.refusal)
        else:
            ack()

    def _refused(self, ack: Ack, title: str, why: str) -> None:
        ack(response_action="update", view=self._services.renderer.refusal_modal(title, why))
