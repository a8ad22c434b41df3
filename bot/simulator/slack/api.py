"""The Web API over HTTP: reads a call, lets faults strike, runs the method, answers as Slack does."""

import json
import socket
from typing import Any

from werkzeug.wrappers import Request, Response

from bot.simulator.slack.faults import Fault, Faults
from bot.simulator.slack.methods import METHODS
from bot.simulator.slack.records import Call, Json, SlackError
from bot.simulator.slack.workspace import Workspace


class Dropped(ConnectionError):
    """The connection is closed without an answer."""


def json_response(body: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(body), status, headers, content_type="application/json; charset=utf-8")


class WebApi:
    """Answers `/api/METHOD`. Every call is recorded with its outcome, refused and spoiled ones too."""

    def __init__(self, workspace: Workspace, faults: Faults, calls: list[Call]) -> None:
        self._workspace = workspace
        self._faults = faults
        self._calls = calls

    def __call__(self, request: Request, method: str) -> Response:
        at = self._workspace.clock()
        args, malformed = _arguments(request)
        struck = self._faults.draw(method, str(args.get("channel") or args.get("channel_id") or ""))
        for fault in struck:
            if fault.delay:
                self._faults.released.wait(fault.delay)
        spoiled = next((fault for fault in struck if fault.spoils), None)
        if spoiled is not None and not spoiled.after:
            return self._spoil(spoiled, request, method, args, at)
        answer = self._answer(request, method, args, malformed)
        if spoiled is not None:
            return self._spoil(spoiled, request, method, args, at)
        self._record(method, args, at, 200, None if answer["ok"] else answer["error"])
        return json_response(answer)

    def _answer(self, request: Request, method: str, args: Json, malformed: bool) -> Json:
        """Runs the method under the workspace's lock."""
        try:
            with self._workspace.change():
                if malformed:
                    raise SlackError("invalid_json")
                run = METHODS.get(method)
                if run is None:
                    raise SlackError("unknown_method", req_method=method)
                self._authorize(request, args)
                return {"ok": True, **run(self._workspace, args)}
        except SlackError as error:
            answer: Json = {"ok": False, "error": error.code, **error.extra}
            if error.messages:
                answer["response_metadata"] = {"messages": error.messages}
            return answer

    def _authorize(self, request: Request, args: Json) -> None:
        header = request.headers.get("Authorization", "")
        token = header.removeprefix("Bearer ").strip() if header.startswith("Bearer ") else args.get("token")
        if not token:
            raise SlackError("not_authed")
        if token != self._workspace.bot_token:
            raise SlackError("invalid_auth")

    def _spoil(self, fault: Fault, request: Request, method: str, args: Json, at: float) -> Response:
        """The answer that the fault gives in place of the true one."""
        if fault.hang is not None or fault.drop:
            self._record(method, args, at, 0, "hung" if fault.hang is not None else "dropped")
            if fault.hang is not None:
                self._faults.released.wait(fault.hang)
            drop_connection(request)
        status = fault.status or 200
        headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        if fault.body is not None:
            self._record(method, args, at, status, "spoiled_body")
            return Response(fault.body, status, headers, content_type="text/html; charset=utf-8")
        code = fault.error or ("ratelimited" if status == 429 else "internal_error")
        if status == 429:
            headers.setdefault("Retry-After", "1")
        self._record(method, args, at, status, code)
        return json_response({"ok": False, "error": code}, status, headers)

    def _record(self, method: str, args: Json, at: float, status: int, error: str | None) -> None:
        kept = {key: value for key, value in args.items() if key != "token"}
        with self._workspace.change():
            self._calls.append(Call(method, kept, at, status, error))


def drop_connection(request: Request) -> None:
    """Close the socket under the request. Always raises Dropped."""
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            raise Dropped("the client had gone") from error
    raise Dropped("dropped on purpose")


def _arguments(request: Request) -> tuple[Json, bool]:
    """The call's arguments, and whether its body could not be read as JSON."""
    args: Json = dict(request.args.items())
    if request.mimetype == "application/json":
        raw = request.get_data()
        try:
            body: Any = json.loads(raw) if raw.strip() else {}
        except ValueError:
            return args, True
        if not isinstance(body, dict):
            return args, True
        args.update(body)
    else:
        args.update(request.form.items())
    return args, False
