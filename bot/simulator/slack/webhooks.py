"""response_url: answers to one interaction, 5 uses within 30 minutes."""

from werkzeug.wrappers import Request, Response

from bot.simulator.slack.api import json_response
from bot.simulator.slack.methods.chat import add_ephemeral, add_message, message_content, remove_message
from bot.simulator.slack.records import Json, SlackError
from bot.simulator.slack.workspace import RESPONSE_URL_SECONDS, RESPONSE_URL_USES, ResponseUrl, Workspace


def respond(workspace: Workspace, request: Request, key: str) -> Response:
    """Shows what the app posts to a response_url."""
    body = request.get_json(silent=True)
    try:
        with workspace.change():
            target = workspace.response_urls.get(key)
            if target is None:
                raise SlackError("invalid_url")
            if workspace.clock() - target.born > RESPONSE_URL_SECONDS:
                raise SlackError("expired_url")
            if target.uses >= RESPONSE_URL_USES:
                raise SlackError("used_url")
            if not isinstance(body, dict):
                raise SlackError("invalid_payload")
            _show(workspace, target, body)
            target.uses += 1
    except SlackError as error:
        gone = error.code in ("invalid_url", "expired_url", "used_url")
        answer: Json = {"ok": False, "error": error.code}
        if error.messages:
            answer["response_metadata"] = {"messages": error.messages}
        return json_response(answer, 404 if gone else 400)
    return Response("ok", content_type="text/plain")


def _show(workspace: Workspace, target: ResponseUrl, body: Json) -> None:
    channel = workspace.channel(target.channel)
    original = _original(workspace, target)
    if body.get("delete_original"):
        if original is not None and target.ephemeral:
            workspace.ephemeral.remove(original)
        elif original is not None:
            remove_message(workspace, channel, original["ts"])
        return
    content = message_content(body)
    if not any(content.values()):
        raise SlackError("no_text")
    if body.get("replace_original") and original is not None:
        if "blocks" not in content:
            original.pop("blocks", None)
        original.update(content)
        original["revision"] = original.get("revision", 0) + 1
        return
    thread_ts = body.get("thread_ts") or (target.thread_ts if target.message_ts else None)
    if body.get("response_type") == "in_channel":
        author = {"user": workspace.bot_user, "bot_id": workspace.bot_id, "channel": channel.id, "text": ""}
        add_message(workspace, channel, {**author, **content}, thread_ts)
    else:
        add_ephemeral(workspace, channel.id, target.user, content, thread_ts)


def _original(workspace: Workspace, target: ResponseUrl) -> Json | None:
    if target.message_ts is None:
        return None
    if target.ephemeral:
        return next((shown for shown in workspace.ephemeral if shown["ts"] == target.message_ts), None)
    return workspace.message(target.channel, target.message_ts)
