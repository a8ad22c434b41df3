"""What the page asks and does: the state to show, server-sent changes, a person's acts, the desk."""

import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import BadRequest, Forbidden, NotFound
from werkzeug.wrappers import Request, Response

from bot.simulator.slack.acting import SlashInThread
from bot.simulator.slack.form import Refused
from bot.simulator.slack.page.state import state_for
from bot.simulator.slack.records import Answer, Desk, Json, SlackError

if TYPE_CHECKING:
    from bot.simulator.slack.simulator import SlackSimulator

SCRIPTS = ("tools.js", "text.js", "blocks.js", "messages.js", "modals.js", "desk.js", "page.js")
ASSETS = {"page.css": "text/css; charset=utf-8"} | dict.fromkeys(SCRIPTS, "text/javascript; charset=utf-8")
POLICY = (
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEARTBEAT_SECONDS = 15.0


class Page:
    """Serves the page. `desk` may be absent: then the page has no desk at its side."""

    def __init__(self, simulator: "SlackSimulator", desk: Desk | None) -> None:
        self._simulator = simulator
        self.desk = desk
        self._acts: dict[str, Callable[[Json], Answer | Json | None]] = {
            "click": self._click,
            "view/click": self._click_in_view,
            "view/submit": self._submit,
            "view/close": self._close,
            "slash": self._slash,
            "say": self._say,
            "scenario": self._scenario,
        }

    def __call__(self, request: Request, family: str, rest: str) -> Response:
        if family == "_sim":
            return self._endpoint(request, rest)
        if family in ("", "archives"):
            return self._asset("index.html", "text/html; charset=utf-8")
        if family == "static" and rest in ASSETS:
            return self._asset(rest, ASSETS[rest])
        if family == "files":
            return self._file(rest)
        raise NotFound

    def _asset(self, name: str, content_type: str) -> Response:
        text = files("bot.simulator.slack.page").joinpath(name).read_text(encoding="utf-8")
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
        return Response(text, headers=headers, content_type=content_type)

    def _file(self, file_id: str) -> Response:
        stored = self._simulator.workspace.files.get(file_id)
        if stored is None or stored["content"] is None:
            raise NotFound
        headers = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}
        return Response(stored["content"], headers=headers, content_type="text/plain; charset=utf-8")

    def _endpoint(self, request: Request, name: str) -> Response:
        if request.host.rpartition(":")[0] not in ("127.0.0.1", "localhost"):
            raise Forbidden("the simulator answers on the loopback address only")
        if request.method == "GET":
            if name == "events":
                return self._events()
            if name == "state":
                return _json(state_for(self._simulator.workspace, dict(request.args.items())))
            if name == "desk":
                return _json(self._desk_state())
            raise NotFound
        if request.mimetype != "application/json":
            raise BadRequest("JSON is needed")  # which also keeps other sites' forms out
        body = request.get_json(silent=True)
        act = self._acts.get(name)
        if act is None or not isinstance(body, dict):
            raise NotFound
        return self._perform(act, body)

    def _perform(self, act: Callable[[Json], Answer | Json | None], body: Json) -> Response:
        """Runs an act; what the workspace refuses is told in `problem`, as words for the person."""
        try:
            done = act(body)
        except Refused as refusal:
            return _json({"ok": False, "errors": refusal.errors, "problem": None})
        except (AssertionError, SlashInThread, SlackError, KeyError, RuntimeError) as error:
            return _json({"ok": False, "problem": str(error)})
        if isinstance(done, Answer):
            problem = None if done.acknowledged else done.error or f"the app answered {done.status}"
            return _json({"ok": done.acknowledged, "problem": problem, "seconds": round(done.seconds, 4)})
        return _json({"ok": True, **(done or {})})

    def _events(self) -> Response:
        """One number a change. The page then asks for the state; many changes at once are one event."""
        workspace = self._simulator.workspace

        def stream() -> Iterator[str]:
            seen = -1
            while not self._simulator.stopping:
                version = workspace.wait_beyond(seen, HEARTBEAT_SECONDS)
                yield ": still here\n\n" if version == seen else f"data: {version}\n\n"
                seen = version

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return Response(stream(), headers=headers, content_type="text/event-stream")

    def _desk_state(self) -> Json:
        if self.desk is None:
            return {"present": False}
        return {"present": True, "panel": self.desk.panel(), "scenarios": self.desk.scenarios()}

    def _click(self, body: Json) -> Answer:
        user, option = _text(body, "user"), body.get("option")
        channel, ts, action_id = _text(body, "channel"), _text(body, "ts"), _text(body, "action_id")
        return self._simulator.click(channel, ts, action_id, user, option=option)

    def _click_in_view(self, body: Json) -> Answer:
        return self._simulator.click_in_view(
            _text(body, "view_id"),
            _text(body, "action_id"),
            _text(body, "user"),
            option=body.get("option"),
            values=body.get("values"),
        )

    def _submit(self, body: Json) -> Answer:
        return self._simulator.submit(_text(body, "view_id"), body.get("values") or {}, _text(body, "user"))

    def _close(self, body: Json) -> Answer | None:
        return self._simulator.close_view(_text(body, "view_id"), _text(body, "user"))

    def _slash(self, body: Json) -> Answer:
        return self._simulator.slash(
            _text(body, "command"),
            str(body.get("text") or ""),
            _text(body, "user"),
            _text(body, "channel"),
            body.get("thread_ts") or None,
        )

    def _say(self, body: Json) -> Json:
        thread_ts = body.get("thread_ts") or None
        said = self._simulator.say(
            _text(body, "channel"), _text(body, "text"), _text(body, "user"), thread_ts
        )
        return {"ts": said["ts"]}

    def _scenario(self, body: Json) -> None:
        if self.desk is None:
            raise RuntimeError("there is no desk to run a scenario on")
        self.desk.run_scenario(_text(body, "id"))


def _text(body: Json, key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise BadRequest(f"{key} is needed")
    return value


def _json(body: Any) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(json.dumps(body, default=str), headers=headers, content_type="application/json")
