"""Sends Slack's signed requests over one kept connection, and times the answers."""

import hashlib
import hmac
import http.client
import json
import time
from typing import Any
from urllib.parse import urlencode

SECRET = "simulator-signing-secret"


class Clicker:
    """One person's connection to the bot. `seconds` is from the first byte sent to the whole answer read."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._connection.connect()

    def close(self) -> None:
        self._connection.close()

    def send(self, payload: dict[str, Any]) -> float:
        body = urlencode({"payload": json.dumps(payload)})
        stamp = str(int(time.time()))
        signature = hmac.new(SECRET.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={signature}",
        }
        began = time.perf_counter()
        self._connection.request("POST", "/slack/events", body, headers)
        answer = self._connection.getresponse()
        said = answer.read()
        seconds = time.perf_counter() - began
        if answer.status != 200 or said.strip() not in (b"", b"{}"):
            raise RuntimeError(f"the click was answered {answer.status}: {said[:300]!r}")
        return seconds


def confirmation(kind: str, nonce: str, reason: str = "benchmark") -> dict[str, Any]:
    """The submission of an action's modal, as Slack sends it."""
    return {
        "type": "view_submission",
        "team": {"id": "T0DESK", "domain": "desk"},
        "user": {"id": "U0OPERATOR", "username": "operator", "name": "operator", "team_id": "T0DESK"},
        "api_app_id": "A0HALTDESK",
        "token": "none",
        "trigger_id": f"{nonce}.1.1",
        "view": {
            "id": f"V{nonce}",
            "type": "modal",
            "callback_id": f"{kind}.confirm",
            "private_metadata": json.dumps({"n": nonce, "i": None, "a": ["main"]}),
            "hash": "1.1",
            "state": {"values": {"reason": {"value": {"type": "plain_text_input", "value": reason}}}},
        },
        "response_urls": [],
    }


def press(action_id: str, value: dict[str, Any], channel: str, ts: str) -> dict[str, Any]:
    """A button pressed in the message at `ts`, as Slack sends it."""
    return {
        "type": "block_actions",
        "team": {"id": "T0DESK", "domain": "desk"},
        "user": {"id": "U0OPERATOR", "username": "operator", "name": "operator", "team_id": "T0DESK"},
        "api_app_id": "A0HALTDESK",
        "token": "none",
        "trigger_id": "1.1.1",
        "container": {"type": "message", "message_ts": ts, "channel_id": channel},
        "channel": {"id": channel, "name": "incidents"},
        "message": {"ts": ts},
        "response_url": "http://127.0.0.1/none",
        "actions": [
            {
                "type": "button",
                "block_id": "b",
                "action_id": action_id,
                "value": json.dumps(value),
                "action_ts": "1.1",
            }
        ],
    }
