"""A bot's message in a Slack channel: taken out of an event or the channel's history, with what tells states apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

READ = (None, "bot_message", "message_changed")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ChannelMessage:
    """A bot's message, or its new state after an edit.

    `told_at` is Slack's time of this state, `event` what Slack calls it (the same in every repeat).
    """

    channel: str
    ts: str
    event: str
    told_at: datetime
    poster: str
    edited: bool
    content: Mapping[str, Any]


def message_in_history(
    channel: str, message: Mapping[str, Any], own_app: str | None
) -> ChannelMessage | None:
    """The same for a message as `conversations.history` shows it: in the state of its last edit."""
    edit = message.get("edited")
    told = edit.get("ts") if isinstance(edit, Mapping) else None
    if told is None:
        return message_of({}, {**message, "channel": channel, "event_ts": message.get("ts")}, own_app)
    event = {"subtype": "message_changed", "channel": channel, "event_ts": told, "message": message}
    return message_of({}, event, own_app)


def message_of(
    body: Mapping[str, Any], event: Mapping[str, Any], own_app: str | None = None
) -> ChannelMessage | None:
    """The bot's message that an event tells of; None for people, replies, deletions and Haltdesk's own."""
    if event.get("subtype") not in READ:
        return None
    edited = event.get("subtype") == "message_changed"
    content = event.get("message") if edited else event
    if not isinstance(content, Mapping) or content.get("subtype") not in (None, "bot_message"):
        return None
    ts, told = str(content.get("ts") or ""), str(event.get("event_ts") or event.get("ts") or "")
    poster, told_at = content.get("bot_id"), _moment(told)
    if not poster or told_at is None or _moment(ts) is None or _own(body, content, own_app):
        return None
    if content.get("thread_ts") not in (None, ts):
        return None
    return ChannelMessage(
        channel=str(event.get("channel") or ""),
        ts=ts[:32],
        event=told[:32],
        told_at=told_at,
        poster=str(poster),
        edited=edited,
        content=content,
    )


def _own(body: Mapping[str, Any], content: Mapping[str, Any], own_app: str | None) -> bool:
    profile = content.get("bot_profile")
    apps = {content.get("app_id"), profile.get("app_id") if isinstance(profile, Mapping) else None}
    ours = {body.get("api_app_id"), own_app}
    users = {
        one.get("user_id")
        for one in body.get("authorizations") or ()
        if isinstance(one, Mapping) and one.get("is_bot")
    }
    return bool((apps & ours) - {None}) or content.get("user") in users - {None}


def _moment(ts: str) -> datetime | None:
    """Slack's ts, seconds and microseconds since 1970, exactly: as a float it would lose its last digits."""
    seconds, _, micros = ts.partition(".")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 11):
        return None
    if micros and not (micros.isascii() and micros.isdigit()):
        return None
    return _EPOCH + timedelta(seconds=int(seconds), microseconds=int(micros[:6].ljust(6, "0") or 0))
