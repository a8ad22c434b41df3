"""Slack's Web API through slack_sdk: one attempt a call, a time limit, and errors told apart."""

import http.client
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from bot.domain.refusals import Remedy, remedy
from bot.ports.calls import ERROR, OK, RATELIMITED, REFUSED, TIMEOUT, Observe, unobserved
from bot.ports.chat import (
    Blocks,
    ChatError,
    ChatRateLimited,
    ChatRefused,
    ChatUnavailable,
    Identity,
    OpenView,
)

EVENT_TYPE = "haltdesk_message"
CODE = re.compile(r"[a-z0-9_]{2,80}")
PAGES = 5  # pages of history (of 200 messages) that are looked through for one message


class SlackChat:
    """`token` and `api_url` (ending in /api/) of one workspace; `timeout` seconds for each call.

    `observe` is told of every call: its method, how it ended, how long it took.
    """

    def __init__(self, token: str, api_url: str, *, timeout: int = 10, observe: Observe = unobserved) -> None:
        self._observe = observe
        # The deliverer owns retries: it knows what may be repeated. slack_sdk's own would repeat a post.
        self.client = WebClient(token=token, base_url=api_url, timeout=timeout, retry_handlers=[])

    def _call(self, method: str, arguments: Mapping[str, Any]) -> SlackResponse:
        given = {name: value for name, value in arguments.items() if value is not None}
        return self._observed(method, lambda: self.client.api_call(method, json=given))

    def _get(self, method: str, arguments: Mapping[str, Any]) -> SlackResponse:
        """The methods that read take no JSON body."""
        given = {name: value for name, value in arguments.items() if value is not None}
        return self._observed(method, lambda: self.client.api_call(method, http_verb="GET", params=given))

    def _observed(self, method: str, ask: Callable[[], SlackResponse]) -> SlackResponse:
        began = time.monotonic()
        outcome = OK
        try:
            return ask()
        except SlackApiError as failure:
            told = _told(method, failure)
            outcome = _outcome(told)
            raise told from None
        except (SlackClientError, URLError, OSError, http.client.HTTPException, ValueError) as failure:
            # ValueError: an answer that is not JSON.
            outcome = TIMEOUT if _timed_out(failure) else ERROR
            raise ChatUnavailable(method, f"{type(failure).__name__}: {failure}"[:300]) from None
        finally:
            self._observe(method, outcome, time.monotonic() - began)

    def post(
        self,
        channel: str,
        text: str,
        blocks: Blocks,
        *,
        thread_ts: str | None = None,
        broadcast: bool = False,
        nonce: str | None = None,
    ) -> str:
        answer = self._call(
            "chat.postMessage",
            {
                "channel": channel,
                "text": text,
                "blocks": list(blocks) or None,
                "thread_ts": thread_ts,
                "reply_broadcast": True if broadcast and thread_ts else None,
                "metadata": _metadata(nonce),
                "unfurl_links": False,
                "unfurl_media": False,
            },
        )
        ts = answer.get("ts")
        if not isinstance(ts, str) or not ts:
            raise ChatUnavailable("chat.postMessage", "the answer names no ts")
        return ts

    def update(self, channel: str, ts: str, text: str, blocks: Blocks, *, nonce: str | None = None) -> None:
        self._call(
            "chat.update",
            {
                "channel": channel,
                "ts": ts,
                "text": text,
                "blocks": list(blocks),
                "metadata": _metadata(nonce),
            },
        )

    def find(
        self,
        channel: str,
        nonce: str,
        *,
        since: datetime,
        until: datetime | None = None,
        thread_ts: str | None = None,
    ) -> str | None:
        method = "conversations.replies" if thread_ts else "conversations.history"
        cursor: str | None = None
        for _ in range(PAGES):
            answer = self._get(
                method,
                {
                    "channel": channel,
                    "ts": thread_ts,
                    "oldest": f"{since.timestamp():.6f}",
                    "latest": f"{until.timestamp():.6f}" if until is not None else None,
                    "inclusive": "true",
                    "include_all_metadata": "true",
                    "limit": 200,
                    "cursor": cursor,
                },
            )
            for message in answer.get("messages") or ():
                metadata = message.get("metadata") or {}
                named = any(nonce in str(file.get("name")) for file in message.get("files") or ())
                if named or (metadata.get("event_payload") or {}).get("nonce") == nonce:
                    return str(message["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                return None
        # Looking for ever would lose the message: in those few minutes nobody posts so much.
        raise ChatRefused(method, "too_many_messages", f"not found in {PAGES} pages, and there are more")

    def share(
        self, channel: str, name: str, content: bytes, title: str, text: str, *, thread_ts: str | None = None
    ) -> str:
        """Slack's three steps. Until the last one nothing stands anywhere; it answers with the file, not with a ts."""

        def upload() -> SlackResponse:
            try:
                return self.client.files_upload_v2(
                    channel=channel,
                    filename=name,
                    content=content,
                    title=title,
                    initial_comment=text,
                    thread_ts=thread_ts,
                )
            except (SlackClientError, URLError, OSError, http.client.HTTPException, ValueError) as failure:
                if isinstance(failure, SlackApiError):
                    raise
                # Never the failure's own words: they may hold the address to upload to.
                raise (TimeoutError if _timed_out(failure) else OSError)(type(failure).__name__) from None

        answer = self._observed("files.upload", upload)
        files = answer.get("files") or [{}]
        return f"file:{files[0].get('id', '')}"

    def history(self, channel: str, *, since: datetime) -> Sequence[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        cursor: str | None = None
        for _ in range(PAGES):
            asked = {"channel": channel, "oldest": f"{since.timestamp():.6f}", "limit": 200, "cursor": cursor}
            answer = self._get("conversations.history", {**asked, "inclusive": "true"})
            found += [message for message in answer.get("messages") or () if isinstance(message, Mapping)]
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                break
        return found[::-1]

    def open_view(self, trigger_id: str, view: Mapping[str, Any]) -> OpenView:
        answer = self._call("views.open", {"trigger_id": trigger_id, "view": dict(view)})
        opened = answer.get("view") or {}
        return OpenView(opened.get("id"), opened.get("hash"))

    def update_view(self, opened: OpenView, view: Mapping[str, Any]) -> None:
        if opened.id is None:
            return
        self._call("views.update", {"view_id": opened.id, "hash": opened.hash, "view": dict(view)})

    def whisper(self, channel: str, user: str, text: str, *, thread_ts: str | None = None) -> None:
        self._call(
            "chat.postEphemeral", {"channel": channel, "user": user, "text": text, "thread_ts": thread_ts}
        )

    def group_members(self, group: str) -> frozenset[str]:
        answer = self._get("usergroups.users.list", {"usergroup": group})
        return frozenset(answer.get("users") or ())

    def channel_name(self, channel: str) -> str:
        """The channel's name, and that the bot is in it. Raises `ChatRefused` when it is not."""
        found = self._get("conversations.info", {"channel": channel}).get("channel") or {}
        if found.get("is_archived"):
            raise ChatRefused("conversations.info", "is_archived")
        if found.get("is_member") is False:
            raise ChatRefused("conversations.info", "not_in_channel")
        return f"#{found.get('name', channel)}"

    def identity(self) -> Identity:
        answer = self._call("auth.test", {})
        bot_id = answer.get("bot_id")
        app_id: str | None = None
        if bot_id:
            try:
                app_id = (self._get("bots.info", {"bot": bot_id}).get("bot") or {}).get("app_id")
            except ChatRefused:
                app_id = None  # the scope users:read is missing: the app cannot be checked, the team can
        return Identity(answer.get("team_id"), answer.get("user_id"), app_id, answer.get("url"))


def _metadata(nonce: str | None) -> dict[str, Any] | None:
    return {"event_type": EVENT_TYPE, "event_payload": {"nonce": nonce}} if nonce else None


def _told(method: str, failure: SlackApiError) -> ChatRateLimited | ChatUnavailable | ChatRefused:
    answer = failure.response
    status = getattr(answer, "status_code", 0)
    if status == 429:
        return ChatRateLimited(method, _seconds(answer))
    data = getattr(answer, "data", None)
    error = data.get("error") if isinstance(data, dict) else None
    if status >= 500 or not error or not CODE.fullmatch(str(error)):
        # slack_sdk puts words of its own here for an answer that is not JSON: nobody knows what Slack did.
        return ChatUnavailable(method, f"HTTP {status}")
    if error in ("ratelimited", "rate_limited"):
        return ChatRateLimited(method, _seconds(answer))
    if remedy(str(error)) is Remedy.TRY_AGAIN:
        return ChatUnavailable(method, error)
    said = (data.get("response_metadata") or {}).get("messages") if isinstance(data, dict) else None
    return ChatRefused(method, str(error), json.dumps(said)[:500] if said else "")


def _outcome(told: ChatError) -> str:
    if isinstance(told, ChatRateLimited):
        return RATELIMITED
    return REFUSED if isinstance(told, ChatRefused) else ERROR


def _timed_out(failure: Exception) -> bool:
    # urllib wraps a connection that is not made in time, and raises the socket's own while reading.
    cause = failure.reason if isinstance(failure, URLError) else failure
    return isinstance(cause, TimeoutError)


def _seconds(answer: SlackResponse) -> float:
    headers = {str(name).lower(): value for name, value in (answer.headers or {}).items()}
    try:
        return min(max(float(headers.get("retry-after", "1")), 0.1), 300.0)
    except ValueError:
        return 1.0
