"""What every handler is given: the desk, its people, and the pieces that do the waiting."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.domain.words import ActionKind
from bot.ports.chat import Chat
from bot.rendering.models import ConfirmView
from bot.rendering.render import Renderer
from bot.services import auditing
from bot.services.desk import Desk
from bot.services.people import People
from bot.store.database import DatabaseError

log = logging.getLogger(__name__)


class Confirms(Protocol):
    """Takes a confirmed action. Raises the database's error for what cannot be done without it."""

    def confirm(
        self,
        kind: ActionKind,
        accounts: Sequence[str],
        *,
        reason: str,
        by: str,
        request_key: str,
        incident_id: int | None = None,
        params: Mapping[str, Any] | None = None,
        drill: bool = False,
    ) -> object: ...


class OpensModals(Protocol):
    """Talks to Slack, so every call belongs into the background. `complain` tells the person what went wrong."""

    def open(self, trigger_id: str, view: Mapping[str, Any], complain: Callable[[str], None]) -> None: ...

    def confirm(self, trigger_id: str, view: ConfirmView, complain: Callable[[str], None]) -> None: ...

    def whisper(self, channel: str, user: str, text: str, thread_ts: str | None = None) -> None: ...


@dataclass(frozen=True)
class Services:
    """`background` runs what must not hold up an answer to Slack, such as a word to the person who pressed.

    It never waits for the database, or a database that hangs would keep the window of a halt from opening. What
    does wait for it is for `recording`.
    """

    desk: Desk
    people: People
    chat: Chat
    modals: OpensModals
    emergency: Confirms
    background: Executor
    recording: Executor
    # How Slack's requests name this bot; None is not known (yet), and not checked.
    team_id: Callable[[], str | None] = lambda: None
    app_id: Callable[[], str | None] = lambda: None
    confirmable: frozenset[ActionKind] = field(
        default_factory=lambda: frozenset(
            {ActionKind.HALT, ActionKind.CANCEL, ActionKind.HEALTH, ActionKind.RECONCILE}
        )
    )

    # Checks the gates of what was just asked or approved; it waits for the broker.
    approver: Callable[[], object] = lambda: None

    def check_approvals(self) -> None:
        """Check at once what waits for it, in the background. What is missed here, the clock takes up."""
        self.recording.submit(_logged, self.approver)

    @property
    def renderer(self) -> Renderer:
        return self.desk.renderer

    def refuse(
        self, body: Mapping[str, Any], what: str, refusal: str, *, incident_id: int | None = None
    ) -> None:
        """Tell the person who pressed why not, and keep it for the audit."""
        self.whisper(body, refusal)
        self.note_refusal(body, what, refusal, incident_id=incident_id)

    def note_refusal(
        self,
        body: Mapping[str, Any],
        what: str,
        refusal: str,
        *,
        incident_id: int | None = None,
        kind: str = "ActionRefused",
    ) -> None:
        """Keep for the audit that somebody asked for what they may not do, without holding up the answer."""
        by = str((body.get("user") or {}).get("id") or body.get("user_id") or "unknown")[:64]
        self.recording.submit(_keep_refusal, self.desk, what, refusal, by, kind, incident_id)

    def whisper(self, body: Mapping[str, Any], text: str) -> None:
        """Tell the person who pressed something, in the place where it was pressed."""
        user = str((body.get("user") or {}).get("id") or body.get("user_id") or "")
        channel = str((body.get("channel") or {}).get("id") or body.get("channel_id") or "")
        message = body.get("message") or {}
        thread = message.get("thread_ts") or message.get("ts")
        if user and channel:
            self.background.submit(self.modals.whisper, channel, user, text, thread)


def _logged(check: Callable[[], object]) -> None:
    try:
        check()
    except DatabaseError as failure:
        log.error("requests wait to be checked, the database is away (%s); the clock tries again", failure)
    except Exception:
        log.exception("requests could not be checked; the clock tries again")


def _keep_refusal(desk: Desk, what: str, refusal: str, by: str, kind: str, incident_id: int | None) -> None:
    try:
        auditing.refused(
            desk.database, what, refusal, by=by, at=desk.now(), kind=kind, incident_id=incident_id
        )
    except DatabaseError as failure:
        log.error("not in the audit, the database is away (%s): %s by %s refused", failure, what, by)
