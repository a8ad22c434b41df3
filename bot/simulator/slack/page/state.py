"""What the page shows to one person: channels, one channel's messages, one thread, the open modal."""

import copy

from bot.simulator.slack.methods.chat import public
from bot.simulator.slack.mrkdwn import mrkdwn_texts, pings_everyone
from bot.simulator.slack.records import Json
from bot.simulator.slack.workspace import Channel, OpenView, Workspace

SHOWN_MESSAGES = 200


def state_for(workspace: Workspace, asked: dict[str, str]) -> Json:
    """`asked` has user, channel and thread (a root's ts, or empty)."""
    with workspace.changed:
        user = asked.get("user") or next(iter(workspace.users))
        channel = workspace.channels.get(asked.get("channel") or "") or next(
            iter(workspace.channels.values())
        )
        thread = asked.get("thread") or None
        stack = workspace.stacks.get(user, [])
        return {
            "version": workspace.version,
            "me": user,
            "names": {**workspace.users, workspace.bot_user: workspace.bot_name},
            "bot": workspace.bot_user,
            "people": [{"id": key, "name": name} for key, name in workspace.users.items()],
            "channels": [_listed(place) for place in workspace.channels.values()],
            "channel": _channel(workspace, channel, user),
            "thread": _thread(workspace, channel, thread, user) if thread else None,
            "view": _view(stack) if stack else None,
        }


def _listed(channel: Channel) -> Json:
    return {
        "id": channel.id,
        "name": channel.name,
        "direct": channel.direct,
        "archived": channel.archived,
        "newest": next(reversed(channel.messages), ""),
    }


def _channel(workspace: Workspace, channel: Channel, user: str) -> Json:
    roots = [
        message
        for message in channel.messages.values()
        if message.get("thread_ts", message["ts"]) == message["ts"]
        or message.get("subtype") == "thread_broadcast"
    ]
    shown = [_message(message) for message in roots[-SHOWN_MESSAGES:]]
    shown += [_private(note) for note in _notes(workspace, channel, user) if not note.get("thread_ts")]
    return {
        **_listed(channel),
        "messages": sorted(shown, key=lambda message: str(message["ts"])),
        "bookmarks": channel.bookmarks,
        "earlier": max(0, len(roots) - SHOWN_MESSAGES),
    }


def _thread(workspace: Workspace, channel: Channel, ts: str, user: str) -> Json | None:
    root = channel.messages.get(ts)
    if root is None:
        return None
    replies = [_message(message) for message in workspace.replies(channel, ts)[-SHOWN_MESSAGES:]]
    replies += [_private(note) for note in _notes(workspace, channel, user) if note.get("thread_ts") == ts]
    return {"root": _message(root), "replies": sorted(replies, key=lambda message: str(message["ts"]))}


def _notes(workspace: Workspace, channel: Channel, user: str) -> list[Json]:
    return [note for note in workspace.ephemeral if note["to"] == user and note["channel"] == channel.id]


def _message(message: Json) -> Json:
    return {**public(message), "pings": any(pings_everyone(text) for text in mrkdwn_texts(message))}


def _private(note: Json) -> Json:
    return {**copy.deepcopy(note), "private": True}


def _view(stack: list[OpenView]) -> Json:
    top = stack[-1]
    return {
        **copy.deepcopy(top.view),
        "errors": dict(top.errors),
        "trouble": top.trouble,
        "revision": top.revision,
        "depth": len(stack),
    }
