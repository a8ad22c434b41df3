"""Other apps in the workspace: they post through incoming webhooks, edit what they posted, and the bot hears of it."""

import re
import threading
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request, Response

from bot.simulator.slack import payloads
from bot.simulator.slack.methods.chat import add_message, message_content, public
from bot.simulator.slack.records import Answer, Json, SlackError
from bot.simulator.slack.sender import Sender
from bot.simulator.slack.workspace import Workspace

COLORS = {"good": "2eb886", "warning": "daa038", "danger": "a30200"}
_BARE_URL = re.compile(r"(?<![<|])\bhttps?://[^\s<>|]+")
_BARE_AMPERSAND = re.compile(r"&(?!amp;|lt;|gt;)")


@dataclass(frozen=True)
class OtherApp:
    """`hook` is the path of its incoming webhook."""

    name: str
    channel: str
    bot_id: str
    app_id: str
    hook: str


class Others:
    """Apps other than the bot under test. An event that was not acknowledged is sent once more, as Slack does."""

    workspace: Workspace
    sender: Sender
    events: set[str]
    apps: dict[str, OtherApp]

    def install(self, name: str, channel: str = "C0INCIDENTS") -> OtherApp:
        """Install an app with an incoming webhook into `channel`."""
        with self.workspace.change():
            number = len(self.apps) + 1
            hook = f"services/{self.workspace.team_id}/B0OTHER{number}/secret{number}"
            app = OtherApp(name, channel, f"B0OTHER{number}", f"A0OTHER{number}", hook)
            self.apps[hook] = app
        return app

    def incoming(self, request: Request) -> Response:
        """`POST /services/…`: what an app posts to its incoming webhook. Answers `ok`, then tells the bot."""
        app = self.apps.get(request.path.lstrip("/"))
        if app is None:
            return Response("no_service", 404, content_type="text/plain")
        body = request.get_json(silent=True)
        if not isinstance(body, dict):
            return Response("invalid_payload", 400, content_type="text/plain")
        try:
            stored = self._store(app, body)
        except SlackError as error:
            return Response(error.code, 400, content_type="text/plain")
        threading.Thread(target=self._tell, args=(stored["channel"], stored), daemon=True).start()
        return Response("ok", content_type="text/plain")

    def post_as(self, app: OtherApp, **content: Any) -> tuple[Json, list[Answer]]:
        """Post as another app. Returns the message and how the bot answered its events."""
        stored = self._store(app, content)
        return stored, self._tell(app.channel, stored)

    def edit_as(self, app: OtherApp, ts: str, **content: Any) -> list[Answer]:
        """Edit a message of another app's."""
        with self.workspace.change():
            home = self.workspace.channel(app.channel)
            message = home.messages[ts]
            before = public(message)
            message.update(_as_slack_keeps(message_content(content)))
            message["edited"] = {"user": app.bot_id, "ts": self.workspace.next_ts()}
            message["revision"] = message.get("revision", 0) + 1
            changed = {"message": public(message), "previous_message": before}
        event = {"type": "message", "subtype": "message_changed", "hidden": True, **changed}
        return self._tell(app.channel, event)

    def _store(self, app: OtherApp, body: Json) -> Json:
        with self.workspace.change():
            home = self.workspace.channel(app.channel)
            content = message_content(body)
            if not any(content.values()):
                raise SlackError("no_text")
            author = {
                "subtype": "bot_message",
                "bot_id": app.bot_id,
                "app_id": app.app_id,
                "username": str(body.get("username") or app.name),
            }
            message = {"channel": home.id, "text": "", **author, **_as_slack_keeps(content)}
            return dict(add_message(self.workspace, home, message))

    def _tell(self, channel: str, event: Json) -> list[Answer]:
        if "message" not in self.events or not self.workspace.channel(channel).bot_is_member:
            return []
        with self.workspace.change():
            stamp = event.get("ts") or self.workspace.next_ts()
            inner = {**event, "channel": channel, "channel_type": "channel", "ts": stamp, "event_ts": stamp}
            body = payloads.event(self.workspace, inner)
        answers = [self.sender.send(body, "application/json")]
        if not answers[0].acknowledged:
            answers.append(self.sender.again(answers[0]))
        return answers


def _as_slack_keeps(content: Json) -> Json:
    """Attachments numbered, colours as hex, addresses turned into links: what an event shows of a post."""
    kept = dict(content)
    if "attachments" in kept:
        kept["attachments"] = [
            _attachment(number, attachment) for number, attachment in enumerate(kept["attachments"], 1)
        ]
    if kept.get("text"):
        kept["text"] = _marked(kept["text"])
    return kept


def _attachment(number: int, given: Json) -> Json:
    kept = {key: value for key, value in given.items() if value not in ("", None)}
    for key in ("title", "text", "pretext", "fallback"):
        if key in kept:
            kept[key] = _marked(str(kept[key])) if key == "text" else _escaped(str(kept[key]))
    if "color" in kept:
        kept["color"] = COLORS.get(kept["color"], str(kept["color"]).lstrip("#"))
    return {"id": number, **kept}


def _escaped(text: str) -> str:
    return _BARE_AMPERSAND.sub("&amp;", text)


def _marked(text: str) -> str:
    return _BARE_URL.sub(lambda found: f"<{found[0]}>", _escaped(text))
