"""Reading a method's arguments, form fields or JSON, with Slack's error codes for what is wrong."""

import base64
import binascii
import json
from typing import Any

from bot.simulator.slack.records import Json, SlackError
from bot.simulator.slack.workspace import Channel, Workspace


def text(args: Json, key: str) -> str | None:
    value = args.get(key)
    return None if value is None else str(value)


def needed(args: Json, key: str, error: str = "invalid_arguments") -> str:
    value = args.get(key)
    if value is None or value == "":
        raise SlackError(error, [f"[ERROR] missing required field: {key}"])
    return str(value)


def flag(args: Json, key: str, default: bool = False) -> bool:
    value = args.get(key, default)
    return value if isinstance(value, bool) else str(value).lower() in ("1", "true")


def number(args: Json, key: str, default: int, most: int) -> int:
    try:
        value = int(args.get(key) or default)
    except (TypeError, ValueError) as error:
        raise SlackError("invalid_limit" if key == "limit" else "invalid_arguments") from error
    if value < 1:
        raise SlackError("invalid_limit")
    return min(value, most)


def structure(args: Json, key: str, error: str) -> Any:
    """A JSON argument: a string of JSON, or JSON in a JSON body. None when it is absent or empty."""
    value = args.get(key)
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError as cause:
            raise SlackError(error) from cause
    return value


def bot_channel(workspace: Workspace, args: Json, writing: bool = True) -> Channel:
    """The channel of `channel`: known, the bot in it, and (to write) not archived."""
    channel = workspace.channel(needed(args, "channel", "channel_not_found"))
    if writing and channel.archived:
        raise SlackError("is_archived")
    if not channel.bot_is_member:
        raise SlackError("not_in_channel")
    return channel


def page(items: list[Json], args: Json, default: int, most: int) -> tuple[list[Json], bool, str]:
    """One page of a list by `limit` and `cursor`; whether there is more; the next cursor, "" at the end."""
    limit = number(args, "limit", default, most)
    cursor = text(args, "cursor")
    start = 0
    if cursor:
        try:
            start = int(base64.urlsafe_b64decode(cursor.encode()).decode().removeprefix("next:"))
        except (binascii.Error, UnicodeDecodeError, ValueError) as error:
            raise SlackError("invalid_cursor") from error
    more = start + limit < len(items)
    following = base64.urlsafe_b64encode(f"next:{start + limit}".encode()).decode() if more else ""
    return items[start : start + limit], more, following
