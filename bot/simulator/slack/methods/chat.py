"""chat.*: posting, updating and deleting messages. Source: Slack's method reference."""

import copy
import json
from typing import Any

from bot.simulator.slack.blocks import check_message_blocks, with_ids
from bot.simulator.slack.methods.arguments import bot_channel, flag, needed, structure, text
from bot.simulator.slack.records import Json, SlackError
from bot.simulator.slack.workspace import Channel, Workspace

TEXT_CHARACTERS = 40_000
METADATA_BYTES = 16_000


def message_content(args: Json) -> Json:
    """Text, blocks and attachments of a call, checked. Keys are there only when the call gave them."""
    content: Json = {}
    if "text" in args and args["text"] is not None:
        content["text"] = str(args["text"])
        if len(content["text"]) > TEXT_CHARACTERS:
            raise SlackError("msg_too_long")
    if args.get("markdown_text"):
        if "text" in content or args.get("blocks"):
            raise SlackError("markdown_text_conflict")
        content["blocks"] = [{"type": "markdown", "text": str(args["markdown_text"])}]
    blocks = structure(args, "blocks", "invalid_blocks_format")
    if blocks is not None:
        check_message_blocks(blocks)
        content["blocks"] = with_ids(blocks)
    attachments = structure(args, "attachments", "invalid_attachments")
    if attachments is not None:
        if not isinstance(attachments, list) or not all(isinstance(item, dict) for item in attachments):
            raise SlackError("invalid_attachments")
        if len(attachments) > 100:
            raise SlackError("too_many_attachments")
        content["attachments"] = attachments
    return content


def checked_metadata(args: Json) -> Any:
    """`{"event_type": str, "event_payload": object}`, {} to remove it, or None when the call gave none."""
    metadata = structure(args, "metadata", "invalid_metadata_format")
    if metadata is None or metadata == {}:
        return metadata
    if not isinstance(metadata, dict):
        raise SlackError("invalid_metadata_format")
    if not isinstance(metadata.get("event_type"), str) or not metadata["event_type"]:
        raise SlackError("invalid_metadata_schema", ["[ERROR] missing required field: event_type"])
    if not isinstance(metadata.get("event_payload"), dict):
        raise SlackError("invalid_metadata_schema", ["[ERROR] missing required field: event_payload"])
    if len(json.dumps(metadata).encode()) > METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return metadata


def add_message(workspace: Workspace, channel: Channel, message: Json, thread_ts: str | None = None) -> Json:
    """Put a message in its channel, under its thread's root when there is one. Returns the stored message."""
    ts = workspace.next_ts()
    stored = {"type": "message", "ts": ts, "team": workspace.team_id, **message}
    if thread_ts:
        root = channel.messages.get(thread_ts)
        if root is None:
            raise SlackError("thread_not_found")
        if root.get("thread_ts", thread_ts) != thread_ts:
            raise SlackError("cannot_reply_to_message")  # a reply is not a root
        stored["thread_ts"] = thread_ts
        stored["parent_user_id"] = root.get("user")
        root["thread_ts"] = thread_ts
    channel.messages[ts] = stored
    if thread_ts:
        recount(workspace, channel, thread_ts)
    return stored


def recount(workspace: Workspace, channel: Channel, root_ts: str) -> None:
    """Bring a root's count of replies up to date."""
    root = channel.messages.get(root_ts)
    if root is None:
        return
    replies = workspace.replies(channel, root_ts)
    root["reply_count"] = len(replies)
    root["reply_users"] = sorted({reply.get("user", "") for reply in replies})
    root["reply_users_count"] = len(root["reply_users"])
    if replies:
        root["latest_reply"] = replies[-1]["ts"]


def public(message: Json, metadata: bool = False) -> Json:
    """The message as the API gives it out."""
    shown = copy.deepcopy(message)
    if not metadata:
        shown.pop("metadata", None)
    shown.pop("channel", None)
    return shown


def _open_direct(workspace: Workspace, args: Json) -> Json:
    """A user's id as `channel` means the direct conversation with that user."""
    target = str(args.get("channel") or "")
    if target not in workspace.users:
        return args
    direct = "D" + target[1:]
    workspace.channels.setdefault(direct, Channel(direct, workspace.users[target], direct=True))
    return {**args, "channel": direct}


def post_message(workspace: Workspace, args: Json) -> Json:
    args = _open_direct(workspace, args)
    channel = bot_channel(workspace, args)
    content = message_content(args)
    if not content.get("text") and not content.get("blocks") and not content.get("attachments"):
        raise SlackError("no_text")
    metadata = checked_metadata(args)
    message = {
        "channel": channel.id,
        "text": "",
        **content,
        "user": workspace.bot_user,
        "bot_id": workspace.bot_id,
        "app_id": workspace.app_id,
        "bot_profile": workspace.bot_profile(),
    }
    if metadata:
        message["metadata"] = metadata
    thread_ts = text(args, "thread_ts")
    if flag(args, "reply_broadcast"):
        if not thread_ts:
            raise SlackError("invalid_arguments", ["[ERROR] reply_broadcast needs thread_ts"])
        message["subtype"] = "thread_broadcast"
    stored = add_message(workspace, channel, message, thread_ts)
    return {"channel": channel.id, "ts": stored["ts"], "message": public(stored, metadata=True)}


def _own_message(workspace: Workspace, channel: Channel, args: Json, refusal: str) -> Json:
    message = channel.messages.get(needed(args, "ts", "message_not_found"))
    if message is None or message.get("subtype") == "tombstone":
        raise SlackError("message_not_found")
    if message.get("bot_id") != workspace.bot_id:
        raise SlackError(refusal)
    return message


def update(workspace: Workspace, args: Json) -> Json:
    channel = bot_channel(workspace, args)
    message = _own_message(workspace, channel, args, "cant_update_message")
    content = message_content(args)
    if not content:
        raise SlackError("no_text")
    metadata = checked_metadata(args)
    if "text" in content and "blocks" not in content:
        if not content["text"] and not content.get("attachments"):
            raise SlackError("no_text")
        message.pop("blocks", None)
        message["edited"] = {"user": workspace.bot_user, "ts": workspace.next_ts()}
    elif content.get("blocks") == [] and not content.get("text", message.get("text")):
        raise SlackError("no_text")
    message.update(content)
    if metadata is not None:
        message.pop("metadata", None)
        if metadata:
            message["metadata"] = metadata
    if flag(args, "reply_broadcast") and message.get("thread_ts", message["ts"]) != message["ts"]:
        message["subtype"] = "thread_broadcast"
    message["revision"] = message.get("revision", 0) + 1
    return {
        "channel": channel.id,
        "ts": message["ts"],
        "text": message["text"],
        "message": public(message, metadata=True),
    }


def delete(workspace: Workspace, args: Json) -> Json:
    channel = bot_channel(workspace, args)
    message = _own_message(workspace, channel, args, "cant_delete_message")
    remove_message(workspace, channel, message["ts"])
    return {"channel": channel.id, "ts": message["ts"]}


def remove_message(workspace: Workspace, channel: Channel, ts: str) -> None:
    """Take a message away; a root with replies leaves a tombstone, as in Slack."""
    message = channel.messages[ts]
    if message.get("reply_count"):
        kept = {key: message[key] for key in message if key in ("type", "ts", "thread_ts", "channel", "user")}
        tombstone = {"subtype": "tombstone", "text": "This message was deleted.", "hidden": True}
        channel.messages[ts] = {**kept, **tombstone, "revision": message.get("revision", 0) + 1}
        recount(workspace, channel, ts)
        return
    del channel.messages[ts]
    if message.get("thread_ts", ts) != ts:
        recount(workspace, channel, message["thread_ts"])


def post_ephemeral(workspace: Workspace, args: Json) -> Json:
    channel = bot_channel(workspace, args)
    user = needed(args, "user", "user_not_in_channel")
    if user not in workspace.users:
        raise SlackError("user_not_in_channel")
    content = message_content(args)
    if not any(content.values()):
        raise SlackError("no_text")
    thread_ts = text(args, "thread_ts")
    if thread_ts and thread_ts not in channel.messages:
        raise SlackError("thread_not_found")
    shown = add_ephemeral(workspace, channel.id, user, content, thread_ts)
    return {"message_ts": shown["ts"]}


def add_ephemeral(
    workspace: Workspace, channel: str, user: str, content: Json, thread_ts: str | None = None
) -> Json:
    """A message that one person sees. It is not in the channel's history."""
    shown: Json = {"text": "", **content, "ts": workspace.next_ts(), "channel": channel, "to": user}
    if thread_ts:
        shown["thread_ts"] = thread_ts
    workspace.ephemeral.append(shown)
    return shown


def get_permalink(workspace: Workspace, args: Json) -> Json:
    channel = workspace.channel(needed(args, "channel", "channel_not_found"))
    ts = needed(args, "message_ts", "message_not_found")
    message = channel.messages.get(ts)
    if message is None:
        raise SlackError("message_not_found")
    link = f"{workspace.url}archives/{channel.id}/p{ts.replace('.', '')}"
    root = message.get("thread_ts")
    if root and root != ts:
        link += f"?thread_ts={root}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


METHODS = {
    "chat.postMessage": post_message,
    "chat.update": update,
    "chat.delete": delete,
    "chat.postEphemeral": post_ephemeral,
    "chat.getPermalink": get_permalink,
}
