"""Resume and flatten: asked in a modal by one person, approved or rejected in the thread by another."""

import json
from typing import Any
from uuid import uuid4

from slack_bolt import Ack

from bot.domain.incident import Incident
from bot.domain.resuming import named
from bot.domain.words import ActionKind
from bot.rendering.approval_models import OverrideView, ResumeView
from bot.rendering.models import AccountFigures, ConfirmView
from bot.services import approval_views, approvals, views
from bot.services.actions.drills import DrillRefused
from bot.services.actions.home import incident_to_act_in
from bot.services.incidents import NotFound
from bot.store import incidents
from bot.store.database import DatabaseError, UnitOfWork
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

AWAY = "Haltdesk's database does not answer. Nothing was done: this waits for it. Halting works without it."
MISSING = "This request is not in Haltdesk's database. Use the newest message in the thread."


def register(listening: Listening, services: Services) -> None:
    room = _Room(services)
    for kind in (ActionKind.RESUME, ActionKind.FLATTEN):
        _register_kind(listening, room, kind)
    listening.command("/resume", room.commanded)
    listening.view("resume.override", room.overridden)


def _register_kind(listening: Listening, room: "_Room", kind: ActionKind) -> None:
    def pressed(ack: Ack, body: Body, action: dict[str, Any]) -> None:
        ack()
        room.open(kind, body, value_of(action), reason="")

    def asked(ack: Ack, body: Body, view: dict[str, Any]) -> None:
        room.asked(kind, ack, body, view)

    def approve(ack: Ack, body: Body, action: dict[str, Any]) -> None:
        ack()
        room.approve(body, action)

    def reject(ack: Ack, body: Body, action: dict[str, Any]) -> None:
        ack()
        room.reject(body, action)

    listening.action(f"{kind}.open", pressed)
    listening.action(f"{kind}.approve", approve)
    listening.action(f"{kind}.reject", reject)
    listening.view(f"{kind}.confirm", asked)


class _Room:
    def __init__(self, services: Services) -> None:
        self._services, self._desk = services, services.desk

    # Asking

    def commanded(self, ack: Ack, body: Body, command: dict[str, Any]) -> None:
        refusal = self._services.people.may_act(user_of(body)).refusal
        if refusal:
            self._services.note_refusal(body, ActionKind.RESUME.verb, refusal)
            ack(text=refusal)
            return
        ack()
        self.open(ActionKind.RESUME, body, {}, reason=str(command.get("text") or "").strip())

    def open(self, kind: ActionKind, body: Body, value: dict[str, Any], *, reason: str) -> None:
        permission = self._services.people.may_act(user_of(body))
        if not permission.granted:
            self._services.refuse(body, kind.verb, permission.refusal)
            return
        try:
            number = incident_of(self._desk, body, value)
            with self._desk.database.read() as unit:
                incident = incidents.get(unit, number) if number is not None else incident_to_act_in(unit)
                opened = self._opened(kind, unit, body, incident, reason)
        except DatabaseError:
            self._services.whisper(body, AWAY)
            return
        trigger = str(body.get("trigger_id") or "")
        modals = self._services.modals
        if isinstance(opened, str):
            self._services.whisper(body, opened)
        elif isinstance(opened, ConfirmView):
            self._services.background.submit(modals.confirm, trigger, opened, self._complain(body))
        else:
            self._services.background.submit(modals.open, trigger, opened, self._complain(body))

    def _opened(
        self, kind: ActionKind, unit: UnitOfWork, body: Body, incident: Incident | None, reason: str
    ) -> ConfirmView | dict[str, Any] | str:
        """The modal, or why there is none."""
        if kind is ActionKind.RESUME:
            return self._resume(unit, body, incident, reason)
        view = self._flatten(unit, incident)
        if not view.figures:
            return "DRILL: the desk has no paper account, and a drill never acts on real money."
        return view

    def _complain(self, body: Body) -> Any:
        return lambda text: self._services.whisper(body, text)

    def _resume(
        self, unit: UnitOfWork, body: Body, incident: Incident | None, reason: str
    ) -> dict[str, Any] | str:
        """The modal, or why there is none."""
        found = approval_views.stages(unit, self._desk, incident)
        drill = incident is not None and incident.drill
        if not found:
            where = "in this drill" if drill else "on every account"
            return f"{'DRILL: ' if drill else ''}Trading is normal {where}: there is nothing to resume."
        names = [stage.account.name for stage in found]
        may_override = self._services.people.may_approve(user_of(body)).granted
        view = ResumeView(
            incident_key=incident.key if incident is not None else None,
            stages=found,
            selected=tuple(names),
            override=approval_views.alerts_in_the_way(unit, incident) if may_override else None,
            private_metadata=_metadata(incident, names),
            drill=drill,
            expires_after=self._desk.policy.approvals.expires_after,
            reason=reason,
        )
        return self._services.renderer.resume(view)

    def _flatten(self, unit: UnitOfWork, incident: Incident | None) -> ConfirmView:
        drill = incident is not None and incident.drill
        lines = views.account_lines(unit, self._desk)
        lines = tuple(line for line in lines if line.paper or not drill)
        return ConfirmView(
            kind=ActionKind.FLATTEN,
            incident_key=incident.key if incident is not None else None,
            figures=tuple(AccountFigures(account=line, loading=True) for line in lines),
            # With several accounts the choice is the person's: none is ticked beforehand.
            selected=tuple(line.name for line in lines) if len(lines) == 1 else (),
            private_metadata=_metadata(incident, [line.name for line in lines]),
            drill=drill,
            notes=("Two people: you ask, another person, who is an approver, approves in the thread.",),
        )

    def asked(self, kind: ActionKind, ack: Ack, body: Body, view: dict[str, Any]) -> None:
        user = user_of(body)
        permission = self._services.people.may_act(user)
        if not permission.granted:
            self._services.note_refusal(body, kind.verb, permission.refusal)
            self._refuse(ack, "Not allowed", permission.refusal)
            return
        metadata = metadata_of(view)
        known = [account.name for account in self._desk.accounts]
        names = chosen(view, "accounts") if has_input(view, "accounts") else metadata.get("a") or known
        names = [name for name in names if name in known]
        reason = text_input(view, "reason")[:1000]
        errors = {} if reason else {"reason": "Say why: the approver reads it, and it is kept."}
        if not names:
            errors["accounts"] = "Choose an account."
        incident_id = metadata.get("i")
        try:
            if kind is ActionKind.FLATTEN and not errors:
                errors = self._check_number(names, text_input(view, "account_number"))
            if errors:
                ack(response_action="errors", errors=errors)
                return
            found = approvals.ask(
                self._desk,
                kind,
                names,
                reason=reason,
                by=user,
                request_key=str(metadata.get("n") or f"view:{view.get('id')}"),
                incident_id=incident_id if isinstance(incident_id, int) else None,
                override=text_input(view, "override")[:1000] or None,
                may_override=self._services.people.may_approve(user).granted,
            )
        except DatabaseError:
            self._refuse(ack, "Not done", AWAY)
            return
        except (DrillRefused, NotFound) as refusal:
            self._refuse(ack, "Not done", str(refusal))
            return
        if any(one.number is not None for one in found):
            self._services.check_approvals()
        refusals = [one.refusal for one in found if one.refusal]
        if refusals:
            self._refuse(ack, "Not asked", " ".join(refusals))
            return
        ack()

    def _check_number(self, names: list[str], typed: str) -> dict[str, str]:
        if len(names) > 1:
            return {"accounts": "Flatten one account at a time."}
        with self._desk.database.read() as unit:
            wrong = approvals.number_matches(unit, names[0], typed)
        return {"account_number": wrong} if wrong else {}

    def _refuse(self, ack: Ack, title: str, text: str) -> None:
        ack(response_action="update", view=self._services.renderer.refusal_modal(title, text))

    # Deciding

    def approve(self, body: Body, action: dict[str, Any]) -> None:
        number = value_of(action).get("approval")
        if not isinstance(number, int):
            self._services.whisper(body, MISSING)
            return
        user = user_of(body)
        try:
            decided = approvals.approve(self._desk, number, user, self._services.people.may_approve(user))
        except DatabaseError:
            self._services.whisper(body, AWAY)
            return
        if decided.refusal:
            self._services.whisper(body, decided.refusal)
        elif decided.to_override and decided.approval is not None:
            self._ask_override(body, decided)
        else:
            self._services.check_approvals()

    def _ask_override(self, body: Body, decided: approvals.Decided) -> None:
        found = decided.approval
        assert found is not None
        view = OverrideView(
            incident_key=f"INC-{found.incident_id}",
            stage=approvals.stage_words(found.kind, found.params),
            alerts=named(decided.to_override),
            private_metadata=json.dumps({"approval": found.id}),
            drill=found.drill,
        )
        trigger = str(body.get("trigger_id") or "")
        modal = self._services.renderer.override(view)
        self._services.background.submit(self._services.modals.open, trigger, modal, self._complain(body))

    def overridden(self, ack: Ack, body: Body, view: dict[str, Any]) -> None:
        reason = text_input(view, "reason")[:1000]
        if not reason:
            ack(response_action="errors", errors={"reason": "Say why: it is recorded under your name."})
            return
        user, number = user_of(body), metadata_of(view).get("approval")
        try:
            decided = approvals.approve(
                self._desk,
                number if isinstance(number, int) else 0,
                user,
                self._services.people.may_approve(user),
                override=reason,
            )
        except DatabaseError:
            self._refuse(ack, "Not done", AWAY)
            return
        if decided.refusal:
            self._refuse(ack, "Not approved", decided.refusal)
            return
        self._services.check_approvals()
        ack()

    def reject(self, body: Body, action: dict[str, Any]) -> None:
        number = value_of(action).get("approval")
        if not isinstance(number, int):
            self._services.whisper(body, MISSING)
            return
        user = user_of(body)
        try:
            decided = approvals.reject(self._desk, number, user, self._services.people.may_approve(user))
        except DatabaseError:
            self._services.whisper(body, AWAY)
            return
        if decided.refusal:
            self._services.whisper(body, decided.refusal)


def _metadata(incident: Incident | None, names: list[str]) -> str:
    found = {"n": uuid4().hex, "i": incident.id if incident is not None else None, "a": names}
    return json.dumps(found, separators=(",", ":"))
