"""Listeners by their Slack id, in a real Bolt app."""

import json
from typing import Any

import pytest
from slack_bolt import App, BoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

from handlers.listening import Listening

USER = {"id": "U0OPERATOR"}


def app_of(listening: Listening) -> App:
    app = App(
        client=WebClient("xoxb-of-the-test"),
        signing_secret="of the test",
        request_verification_enabled=False,
        authorize=lambda: AuthorizeResult(enterprise_id=None, team_id="T0DESK", bot_token="xoxb-of-the-test"),
        process_before_response=True,
        raise_error_for_unhandled_request=False,
    )
    listening.listen(app)
    return app


def press(app: App, action_id: str) -> int:
    action = {"action_id": action_id, "block_id": "b", "type": "button", "value": action_id.upper()}
    return asked(app, {"type": "block_actions", "user": USER, "actions": [action]})


def submit(app: App, callback_id: str) -> int:
    view = {"type": "modal", "callback_id": callback_id, "state": {"values": {}}, "private_metadata": "1"}
    return asked(app, {"type": "view_submission", "user": USER, "view": view})


def asked(app: App, body: dict[str, Any]) -> int:
    headers = {"content-type": ["application/x-www-form-urlencoded"]}
    request = BoltRequest(body=f"payload={json.dumps(body)}", headers=headers)
    return int(app.dispatch(request).status)


def command(app: App, name: str) -> int:
    headers = {"content-type": ["application/x-www-form-urlencoded"]}
    body = f"command={name}&text=status&user_id=U0OPERATOR&channel_id=C0INCIDENTS"
    return int(app.dispatch(BoltRequest(body=body, headers=headers)).status)


def test_each_request_reaches_its_listener_and_no_other() -> None:
    heard: list[tuple[str, Any]] = []
    listening = Listening()

    def halt(ack: Any, action: dict[str, Any], body: dict[str, Any]) -> None:
        ack()
        heard.append((f"halt of {body['user']['id']}", action["value"]))

    def toggle(ack: Any, action: dict[str, Any]) -> None:
        ack()
        heard.append(("toggle", action["value"]))

    def confirmed(ack: Any, view: dict[str, Any]) -> None:
        ack()
        heard.append(("confirmed", view["private_metadata"]))

    def told(ack: Any, command: dict[str, Any]) -> None:
        ack()
        heard.append(("told", command["text"]))

    listening.action("halt.open", halt)
    listening.action("checklist.toggle", toggle)
    listening.view("halt.confirm", confirmed)
    listening.command("/incident", told)
    app = app_of(listening)

    assert [press(app, "halt.open"), press(app, "checklist.toggle:triage.health:3")] == [200, 200]
    assert [submit(app, "halt.confirm"), command(app, "/incident")] == [200, 200]
    assert heard == [
        ("halt of U0OPERATOR", "HALT.OPEN"),
        ("toggle", "CHECKLIST.TOGGLE:TRIAGE.HEALTH:3"),
        ("confirmed", "1"),
        ("told", "status"),
    ]


@pytest.mark.parametrize(
    "action_id", ["halt", "halt.opened", "Halt.open", "x:halt.open", "haltXopen", ":", ""]
)
def test_what_only_looks_like_an_id_is_nobodys(action_id: str) -> None:
    listening = Listening()
    listening.action("halt.open", lambda ack: ack())
    listening.view("halt.open", lambda ack: ack())
    listening.command("/halt.open", lambda ack: ack())
    app = app_of(listening)
    assert [press(app, action_id), submit(app, action_id), command(app, f"/{action_id}")] == [404] * 3
    # A modal's id has no suffix.
    assert [press(app, "halt.open:1"), submit(app, "halt.open:1")] == [200, 404]


def test_one_id_has_one_listener() -> None:
    listening = Listening()
    for keep in (listening.action, listening.view, listening.command):
        keep("halt.open", lambda ack: ack())
        with pytest.raises(ValueError, match=r"halt\.open has a listener already"):
            keep("halt.open", lambda ack: ack())
