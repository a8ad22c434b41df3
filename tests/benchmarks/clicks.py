"""Sends Slack's signed requests over one kept connection, and times the answers.

As a program (`python -m tests.benchmarks.clicks PORT`) it takes payloads from its input, one a line, as JSON: the
simulated broker's work, in the process that asks, would be measured along.
"""

import hashlib
import hmac
import json
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.benchmarks.load import whole_answer

ROOT = Path(__file__).resolve().parents[2]
SECRET = "simulator-signing-secret"


@dataclass(frozen=True)
class Answered:
    """When the first byte went out, by the machine's monotonic clock, and seconds until the whole answer was read."""

    began: float
    seconds: float


class Clicker:
    """One person's connection to the bot.

    A socket of its own, as for the webhooks: a client library would be measured along.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        self._connection.close()

    def send(self, payload: dict[str, Any]) -> Answered:
        body = urlencode({"payload": json.dumps(payload)})
        stamp = str(int(time.time()))
        signature = hmac.new(SECRET.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        request = (
            f"POST /slack/events HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n"
            f"X-Slack-Request-Timestamp: {stamp}\r\nX-Slack-Signature: v0={signature}\r\n\r\n{body}"
        ).encode()
        began = time.perf_counter()
        self._connection.sendall(request)
        received = b""
        while (answer := whole_answer(received)) is None:
            piece = self._connection.recv(65536)
            if not piece:
                raise RuntimeError(f"the bot closed the connection after {received[:200]!r}")
            received += piece
        seconds = time.perf_counter() - began
        status, said = answer
        if status != 200 or said.strip() not in (b"", b"{}"):
            raise RuntimeError(f"the click was answered {status}: {said[:300]!r}")
        return Answered(began, seconds)


class ClickerProcess:
    """A clicker in a process of its own."""

    def __init__(self, port: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(port)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        """End it. It reads to the end of its input."""
        self._process.communicate(timeout=10)

    def send(self, payload: dict[str, Any]) -> Answered:
        """Raises when the process has ended: what went wrong stands in its error output."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(payload) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the clicking process has ended")
        return Answered(**json.loads(line))


def confirmation(
    kind: str, nonce: str, *, reason: str = "benchmark", incident: int | None = None
) -> dict[str, Any]:
    """The submission of an action's modal, as Slack sends it; `incident` when its button stands in a thread."""
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
            "private_metadata": json.dumps({"n": nonce, "i": incident, "a": ["main"]}),
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


def main(port: str) -> None:
    clicker = Clicker(int(port))
    for line in sys.stdin:
        print(json.dumps(asdict(clicker.send(json.loads(line)))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
