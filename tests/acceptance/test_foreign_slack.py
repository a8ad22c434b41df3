"""`haltdesk run` against a Slack that says `ok` and little else, and people whose requests carry the bare minimum."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import requests

from tests.acceptance.trading_desk import INCIDENTS, TradingDesk, alert, webhook

# Everything that this Slack documents for a message bot; anything else must not be needed.
DOCUMENTED = {
    "auth.test",
    "bots.info",
    "chat.postMessage",
    "chat.update",
    "chat.postEphemeral",
    "conversations.history",
    "conversations.replies",
    "views.open",
    "views.update",
    "usergroups.users.list",
}


class MinimalSlack:
    """Answers `{"ok": true}`, with a ts for a post and an id for a view."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._numbers = count(1)
        self._lock = threading.Lock()

    def answer(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self.calls.append((method, arguments))
            number = next(self._numbers)
        if method == "chat.postMessage":
            return {"ok": True, "channel": arguments["channel"], "ts": f"1700000000.{number:06d}"}
        if method == "views.open":
            return {"ok": True, "view": {"id": "V0SAME"}}
        return {"ok": True}

    def of(self, method: str) -> list[dict[str, Any]]:
        with self._lock:
            return [arguments for name, arguments in self.calls if name == method]

    @contextmanager
    def serving(self) -> Iterator[str]:
        slack = self

        class Handler(BaseHTTPRequestHandler):
            def _respond(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                path, _, query = self.path.partition("?")
                arguments: dict[str, Any] = dict(parse_qsl(query))
                if raw and self.headers.get("Content-Type", "").startswith("application/json"):
                    arguments |= json.loads(raw)
                else:
                    arguments |= dict(parse_qsl(raw))
                body = json.dumps(slack.answer(path.rpartition("/")[2], arguments)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = _respond

            def log_message(self, format: str, *args: Any) -> None:
                """The calls are recorded."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api/"
        finally:
            server.shutdown()
            server.server_close()


def send(desk: TradingDesk, fields: dict[str, str]) -> requests.Response:
    body = urlencode(fields)
    stamp = str(int(time.time()))
    digest = hmac.new(b"simulator-signing-secret", f"v0:{stamp}:{body}".encode(), hashlib.sha256)
    return requests.post(
        f"{desk.url}/slack/events",
        data=body,
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest.hexdigest()}",
        },
        timeout=10,
    )


def pressed(action_id: str, trigger: str) -> dict[str, str]:
    payload = {
        "type": "block_actions",
        "user": {"id": "U0OPERATOR"},
        "trigger_id": trigger,
        "channel": {"id": INCIDENTS},
        "actions": [{"type": "button", "action_id": action_id, "block_id": "b", "action_ts": "1.1"}],
    }
    return {"payload": json.dumps(payload)}


def submitted(callback_id: str, trigger: str, reason: str) -> dict[str, str]:
    payload = {
        "type": "view_submission",
        "user": {"id": "U0OPERATOR"},
        "trigger_id": trigger,
        "view": {
            "id": "V0SAME",
            "type": "modal",
            "callback_id": callback_id,
            "state": {"values": {"reason": {"value": {"type": "plain_text_input", "value": reason}}}},
        },
    }
    return {"payload": json.dumps(payload)}


def test_a_halt_with_the_barest_slack(tmp_path: Path) -> None:
    slack = MinimalSlack()
    desk = TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}")
    with slack.serving() as url, desk:
        desk.settings["SLACK_API_URL"] = url
        desk.account.add_order("AAPL", "buy", "1", limit_price="100")
        desk.start()
        assert desk.fire(webhook(alert("CircuitBreakerOpen"))).status_code == 200
        desk.until(lambda: len(slack.of("chat.postMessage")) >= 2, what="the incident and its checklist")
        root = slack.of("chat.postMessage")[0]
        assert root["channel"] == INCIDENTS
        assert any(message.get("thread_ts") for message in slack.of("chat.postMessage"))

        assert send(desk, pressed("halt.open", "1.1.a")).status_code == 200
        opened = desk.until(lambda: slack.of("views.open"), what="the modal")
        assert opened[0]["trigger_id"] == "1.1.a"
        assert opened[0]["view"]["callback_id"] == "halt.confirm"

        assert send(desk, submitted("halt.confirm", "1.1.b", "by hand")).status_code == 200
        desk.until(lambda: desk.api("/v1/trading-state")["state"] == "halted", what="the proof")
        assert desk.account.suspended
        # The same view id again, another press: a second halt, which proves it afresh.
        assert send(desk, submitted("halt.confirm", "1.1.c", "to be sure")).status_code == 200
        desk.until(
            lambda: [one["status"] for one in desk.api("/v1/incidents/INC-1")["actions"]] == ["done", "done"],
            what="the second proof",
        )
        assert (
            send(desk, {"command": "/incident", "text": "list", "user_id": "U0OPERATOR"}).status_code == 200
        )
        assert {method for method, _ in slack.calls} <= DOCUMENTED
