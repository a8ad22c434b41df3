"""files.*: an upload in three steps, as `files_upload_v2` makes it. The bytes are kept to be looked at."""

from bot.simulator.slack.methods.arguments import bot_channel, needed, number, structure, text
from bot.simulator.slack.methods.chat import add_message
from bot.simulator.slack.records import Json, SlackError
from bot.simulator.slack.workspace import Workspace

FILE_BYTES = 50_000_000


def get_upload_url(workspace: Workspace, args: Json) -> Json:
    file_id = workspace.next_id("F")
    workspace.files[file_id] = {
        "id": file_id,
        "name": needed(args, "filename"),
        "size": number(args, "length", 0, FILE_BYTES),
        "content": None,
        "shared": False,
    }
    return {"upload_url": f"{workspace.url}upload/{file_id}", "file_id": file_id}


def receive(workspace: Workspace, file_id: str, content: bytes) -> bool:
    """The bytes of an upload. False when nobody asked for that upload or the length is not as announced."""
    stored = workspace.files.get(file_id)
    if stored is None or stored["size"] != len(content):
        return False
    with workspace.change():
        stored["content"] = content
    return True


def complete_upload(workspace: Workspace, args: Json) -> Json:
    wanted = structure(args, "files", "invalid_arguments")
    if not isinstance(wanted, list) or not wanted:
        raise SlackError("invalid_arguments", ["[ERROR] missing required field: files"])
    done: list[Json] = []
    for item in wanted:
        stored = workspace.files.get(item.get("id", "")) if isinstance(item, dict) else None
        if stored is None or stored["content"] is None:
            raise SlackError("file_not_found")
        stored["title"] = item.get("title") or stored["name"]
        done.append(stored)
    shown = [_public(workspace, stored) for stored in done]
    if text(args, "channel_id"):
        channel = bot_channel(workspace, {"channel": args["channel_id"]})
        message = {
            "channel": channel.id,
            "text": text(args, "initial_comment") or "",
            "files": shown,
            "subtype": "file_share",
            "user": workspace.bot_user,
            "bot_id": workspace.bot_id,
        }
        add_message(workspace, channel, message, text(args, "thread_ts"))
        for stored in done:
            stored["shared"] = True
    return {"files": shown}


def _public(workspace: Workspace, stored: Json) -> Json:
    link = f"{workspace.url}files/{stored['id']}"
    return {
        "id": stored["id"],
        "name": stored["name"],
        "title": stored.get("title") or stored["name"],
        "size": stored["size"],
        "permalink": link,
        "url_private": link,
    }


def info(workspace: Workspace, args: Json) -> Json:
    stored = workspace.files.get(needed(args, "file", "file_not_found"))
    if stored is None or stored["content"] is None:
        raise SlackError("file_not_found")
    return {"file": _public(workspace, stored)}


METHODS = {
    "files.getUploadURLExternal": get_upload_url,
    "files.completeUploadExternal": complete_upload,
    "files.info": info,
}
