"""The buttons of an incident and its checklist: acknowledge, resolve, items done and undone, phases left."""

import json
import math
from typing import Any

from slack_bolt import Ack

from bot.domain.words import Phase
from bot.rendering.models import LeavePhaseView, ResolveView
from bot.services import checklist
from bot.services import incidents as service
from bot.services.incidents import NotFound
from bot.store import messages
from handlers.context import Services
from handlers.listening import Listening
from handlers.pressed import Body, incident_of, metadata_of, suffix_of, text_input, user_of, value_of

GONE = "This incident is not in Haltdesk's database. Use the newest message in the channel."


def register(listening: Listening, services: Services) -> None:
    thread = _Thread(services)
    listening.action("incident.acknowledge", thread.acknowledge)
    listening.action("incident.resolve", thread.resolve)
    listening.action("checklist.toggle", thread.toggle)
    listening.action("phase.advance", thread.advance)
    listening.view("phase.leave", thread.leave)
    listening.view("incident.resolve.confirm", thread.resolve_confirmed)


class _Thread:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._desk = services.desk

    def _allowed(self, body: Body, what: str, number: int) -> bool:
        permission = self._services.people.may_act(user_of(body))
        if not permission.granted:
            self._services.refuse(body, what, permission.refusal, incident_id=number)
        return permission.granted

    def _incident(self, body: Body, action: dict[str, Any]) -> int | None:
        number = incident_of(self._desk, body, value_of(action))
        if number is None:
            self._services.whisper(body, GONE)
        return number

    def acknowledge(self, ack: Ack, body: Body, action: dict[str, Any]) -> None:
        number = self._incident(body, action)
        if number is not None and self._allowed(body, "Acknowledge", number):
            self._told(body, lambda: service.acknowledge(self._desk, number, user_of(body)))
        ack()

    def toggle(self, ack: Ack, body: Body, action: dict[str, Any]) -> None:
        value = value_of(action)
        number = self._incident(body, action)
        item = str(value.get("item") or suffix_of(action))
        done = value.get("done")
        if number is not None and self._allowed(body, "Checklist item", number):
            wanted = done if isinstance(done, bool) else None
            self._told(body, lambda: checklist.toggle(self._desk, number, item, user_of(body), done=wanted))
        ack()

    def _told(self, body: Body, change: Any) -> None:
        try:
            outcome = change()
        except NotFound as missing:
            self._services.whisper(body, f"{missing} {GONE}")
            return
        if outcome.refusal:
            self._services.whisper(body, outcome.refusal)

    def advance(self, ack: Ack, body: Body, action: dict[str, Any]) -> None:
        ack()
        number = self._incident(body, action)
        if number is None or not self._allowed(body, "Next phase", number):
            return
        leaving = self._phase(body, action, number)
        try:
            result = checklist.advance(self._desk, number, leaving, user_of(body))
        except NotFound as missing:
            self._services.whisper(body, f"{missing} {GONE}")
            return
        if result.move.refusal:
            self._services.whisper(body, result.move.refusal)
        elif not result.done and result.move.to is not None:
            view = LeavePhaseView(
                incident_key=result.incident.key,
                phase_title=self._desk.policy.phase(leaving).title,
                next_title=self._desk.policy.phase(result.move.to).title,
                open_items=result.move.open_items,
                private_metadata=json.dumps({"i": number, "p": leaving}),
                drill=result.incident.drill,
            )
            self._open(body, self._services.renderer.leave_phase(view))

    def _phase(self, body: Body, action: dict[str, Any], number: int) -> Phase:
        """The phase that is being left: as the button says, else that of the message it stands in."""
        said = value_of(action).get("phase") or suffix_of(action)
        with self._desk.database.read() as unit:
            if said not in set(Phase):
                channel = str((body.get("channel") or {}).get("id") or "")
                ts = str((body.get("message") or {}).get("ts") or "")
                shown = messages.at_place(unit, channel, ts)
                said = shown.ref if shown is not None and shown.view == "phase" else None
            if said in set(Phase):
                return Phase(str(said))
            return service.find(unit, number).phase

    def leave(self, ack: Ack, body: Body, view: dict[str, Any]) -> None:
        reason = text_input(view, "reason")
        if not reason:
            ack(response_action="errors", errors={"reason": "Say why the phase is left with open items."})
            return
        metadata = metadata_of(view)
        if not self._may_submit(ack, body, "Next phase", int(metadata["i"])):
            return
        phase = Phase(str(metadata["p"]))
        result = checklist.advance(self._desk, int(metadata["i"]), phase, user_of(body), reason[:1000])
        self._close(ack, result.move.refusal)

    def resolve(self, ack: Ack, body: Body, action: dict[str, Any]) -> None:
        ack()
        number = self._incident(body, action)
        if number is None or not self._allowed(body, "Resolve", number):
            return
        try:
            outcome = service.resolve(self._desk, number, user_of(body))
        except NotFound as missing:
            self._services.whisper(body, f"{missing} {GONE}")
            return
        if outcome.refusal:
            self._services.whisper(body, outcome.refusal)
        elif outcome.obstacles and outcome.incident is not None:
            delay = self._desk.policy.resolution_delay
            view = ResolveView(
                incident_key=outcome.incident.key,
                obstacles=outcome.obstacles,
                notice_in_minutes=math.ceil(delay.total_seconds() / 60),
                private_metadata=json.dumps({"i": number}),
                drill=outcome.incident.drill,
            )
            self._open(body, self._services.renderer.resolve(view))

    def resolve_confirmed(self, ack: Ack, body: Body, view: dict[str, Any]) -> None:
        reason = text_input(view, "reason")
        if not reason:
            ack(response_action="errors", errors={"reason": "Say why it is resolved all the same."})
            return
        number = int(metadata_of(view)["i"])
        if not self._may_submit(ack, body, "Resolve", number):
            return
        outcome = service.resolve(self._desk, number, user_of(body), reason[:1000])
        self._close(ack, outcome.refusal)

    def _may_submit(self, ack: Ack, body: Body, what: str, number: int) -> bool:
        permission = self._services.people.may_act(user_of(body))
        if not permission.granted:
            self._services.note_refusal(body, what, permission.refusal, incident_id=number)
            view = self._services.renderer.refusal_modal("Not allowed", permission.refusal)
            ack(response_action="update", view=view)
        return permission.granted

    def _close(self, ack: Ack, refusal: str | None) -> None:
        if refusal:
            ack(
                response_action="update",
                view=self._services.renderer.refusal_modal("Nothing changed", refusal),
            )
        else:
            ack()

    def _open(self, body: Body, view: dict[str, Any]) -> None:
        trigger = str(body.get("trigger_id") or "")
        self._services.background.submit(
            self._services.modals.open, trigger, view, lambda text: self._services.whisper(body, text)
        )
