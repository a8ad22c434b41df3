"""The Bolt app: who is let in, what is listened to, and what a person is told when a listener fails."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import App, BoltRequest, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

from handlers import (
    approvals,
    channel_alerts,
    emergency_actions,
    incident_command,
    incident_thread,
    merging,
)
from handlers.context import Services
from handlers.listening import Listening
from handlers.slack_places import PlacedApp

log = logging.getLogger(__name__)

FAILED = "That did not work: Haltdesk failed on it, and its log says why. Nothing is known to have been done."


def build(services: Services, *, client: WebClient) -> App:
    """The app with every listener registered. Signatures are checked before it (handlers/slack_signature.py)."""
    quiet = logging.getLogger("haltdesk.bolt")
    quiet.setLevel(logging.ERROR)  # Bolt warns that what is given twice is used once, which is meant here

    def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        # One workspace, one token, known beforehand: asking Slack here would make every ack wait for a network.
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=client.token)

    app = PlacedApp(
        _foreign(services),
        client=client,
        signing_secret="checked before Bolt",
        request_verification_enabled=False,
        authorize=authorize,
        process_before_response=True,
        logger=quiet,
        raise_error_for_unhandled_request=False,
        # The one thing that a bot could say to itself is a message: its listener knows its own.
        ignoring_self_events_enabled=False,
        # Answered with the signature's check, before Bolt; the other is for functions.
        ssl_check_enabled=False,
        attaching_function_token_enabled=False,
    )
    quiet.setLevel(logging.WARNING)  # at INFO, it logs the whole body of a request with a bad signature
    app.error(_failed(services))
    listening = Listening()
    for room in (emergency_actions, incident_thread, approvals, incident_command, merging, channel_alerts):
        room.register(listening, services)
    listening.listen(app)
    return app


def _foreign(services: Services) -> Callable[[Mapping[str, Any]], BoltResponse | None]:
    def check(body: Mapping[str, Any]) -> BoltResponse | None:
        """Refuse requests for another workspace or app: a valid signature does not say whose they are."""
        team = (body.get("team") or {}).get("id") or body.get("team_id")
        app_id = body.get("api_app_id")
        if _fits(services.team_id(), team) and _fits(services.app_id(), app_id):
            return None
        log.warning("a request of team %s, app %s was refused: not this workspace's", team, app_id)
        services.note_refusal(
            body,
            f"A request of team {str(team)[:32]}, app {str(app_id)[:32]}",
            "not of this workspace and app",
            kind="ForeignRequestRefused",
        )
        return BoltResponse(status=403, body="this request is not of Haltdesk's workspace and app")

    return check


def _fits(expected: str | None, given: object) -> bool:
    return expected is None or given is None or given == expected


def _failed(services: Services) -> Callable[..., BoltResponse]:
    def failed(error: Exception, body: dict[str, Any], request: BoltRequest) -> BoltResponse:
        log.error("a listener failed", exc_info=error)
        services.whisper(body, FAILED)
        return BoltResponse(status=500, body="Haltdesk failed on this request")

    return failed
