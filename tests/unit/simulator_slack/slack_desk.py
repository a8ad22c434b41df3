"""A small bot on Bolt and a desk to show, for the tests of the stand-in Slack."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from slack_bolt import Ack, App
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_sdk import WebClient
from werkzeug.serving import WSGIRequestHandler, make_server

from bot.simulator.slack import SlackSimulator

INCIDENTS = "C0INCIDENTS"


class HandClock:
    """Seconds since 1970, moved by hand."""

    def __init__(self, start: float = 1_790_000_000.0) -> None:
        self.seconds = start

    def __call__(self) -> float:
        return self.seconds

    def forward(self, seconds: float) -> None:
        self.seconds += seconds


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def section(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(text: str, action_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain(text), "action_id": action_id, **more}


def actions(*elements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements), **more}


def reason_input(**more: Any) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": "value", "min_length": 3}
    return {"type": "input", "block_id": "reason", "label": plain("Reason"), "element": element, **more}


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    base = {"type": "modal", "callback_id": "halt.confirm", "title": plain("Halt trading")}
    return {**base, "submit": plain("Halt"), "blocks": list(blocks), **more}


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Tests speak for themselves."""


@contextmanager
def bolt_bot(slack: SlackSimulator) -> Iterator[App]:
    """A real Bolt app behind HTTP, known to the workspace. Listeners may be added while it runs."""
    app = App(
        client=WebClient(token="xoxb-simulator", base_url=slack.api_url),
        signing_secret="simulator-signing-secret",
        process_before_response=True,
    )
    server = make_server("127.0.0.1", 0, SlackRequestHandler(app), threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    slack.app_url = f"http://127.0.0.1:{server.port}"
    try:
        yield app
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def acknowledge(ack: Ack) -> None:
    ack()
