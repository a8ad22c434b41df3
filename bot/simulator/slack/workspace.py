"""The state of the workspace: channels, people, messages, views. Every change wakes those who wait."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.slack.records import Json, SlackError, Unanswered

TRIGGER_SECONDS = 3.0
RESPONSE_URL_SECONDS = 1800.0
RESPONSE_URL_USES = 5
VIEW_STACK = 3


@dataclass
class Channel:
    """A conversation. `messages` is keyed by ts, in order of posting; replies stand beside their roots."""

    id: str
    name: str
    messages: dict[str, Json] = field(default_factory=dict)
    archived: bool = False
    bot_is_member: bool = True
    direct: bool = False
    pins: list[str] = field(default_factory=list)
    bookmarks: list[Json] = field(default_factory=list)


@dataclass
class Trigger:
    user: str
    born: float
    view_id: str | None = None
    used: bool = False


@dataclass
class ResponseUrl:
    channel: str
    user: str
    born: float
    message_ts: str | None
    thread_ts: str | None
    ephemeral: bool
    uses: int = 0


@dataclass
class OpenView:
    """A view on a person's screen. `errors` stand under their inputs; `trouble` at the top.

    `values` is what was typed and chosen so far, `{block_id: {action_id: state}}`; it outlives a
    `views.update` for the inputs whose ids stay the same.
    """

    view: Json
    user: str
    values: dict[str, dict[str, Json]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    trouble: str | None = None
    revision: int = 0


class Workspace:
    """All state behind one lock. Hold `change()` to write; it wakes the waiting when it is left."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        team_id: str,
        app_id: str,
        bot_token: str,
        channels: tuple[tuple[str, str], ...],
        users: tuple[tuple[str, str], ...],
    ) -> None:
        self.clock = clock
        self.patience = TRIGGER_SECONDS
        self.team_id = team_id
        self.app_id = app_id
        self.bot_id = "B0HALTDESK"
        self.bot_user = "U0HALTDESK"
        self.bot_name = "haltdesk"
        self.bot_token = bot_token
        self.channels = {key: Channel(key, name) for key, name in channels}
        self.users = dict(users)
        self.usergroups: dict[str, tuple[str, list[str]]] | None = None  # None: the plan has none
        self.stacks: dict[str, list[OpenView]] = {}
        self.homes: dict[str, Json] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.ephemeral: list[Json] = []
        self.files: dict[str, Json] = {}
        self.unanswered: list[Unanswered] = []
        self.url = ""
        self.version = 0
        self.changed = threading.Condition(threading.RLock())
        self._last_micros = 0
        self._serial = itertools.count(1)

    @contextmanager
    def change(self) -> Iterator[None]:
        """The lock, for writing."""
        with self.changed:
            try:
                yield
            finally:
                self.version += 1
                self.changed.notify_all()

    def wait_beyond(self, version: int, timeout: float) -> int:
        """Wait at most `timeout` s until the version is another one; the version now."""
        with self.changed:
            self.changed.wait_for(lambda: self.version != version, timeout)
            return self.version

    def next_ts(self) -> str:
        """A ts that was never given before and is larger than all before, near the clock's time."""
        with self.changed:
            self._last_micros = max(int(self.clock() * 1_000_000), self._last_micros + 1)
            return f"{self._last_micros // 1_000_000}.{self._last_micros % 1_000_000:06d}"

    def next_id(self, prefix: str) -> str:
        with self.changed:
            return f"{prefix}{next(self._serial):08d}"

    def new_trigger(self, user: str, view_id: str | None = None) -> str:
        with self.changed:
            name = f"{next(self._serial)}.{self.team_id}.{next(self._serial):012x}"
            self.triggers[name] = Trigger(user, self.clock(), view_id)
            return name

    def use_trigger(self, name: str) -> Trigger:
        """Exchange a trigger: it serves once, and not for long."""
        trigger = self.triggers.get(name)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self.clock() - trigger.born > self.patience:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger

    def channel(self, name: str) -> Channel:
        """By id. Raises channel_not_found."""
        found = self.channels.get(name)
        if found is None:
            raise SlackError("channel_not_found")
        return found

    def message(self, channel: str, ts: str) -> Json | None:
        return self.channel(channel).messages.get(ts)

    def replies(self, channel: Channel, root_ts: str) -> list[Json]:
        return [m for m in channel.messages.values() if m.get("thread_ts") == root_ts and m["ts"] != root_ts]

    def find_view(self, view_id: str | None, external_id: str | None = None) -> OpenView | None:
        for stack in self.stacks.values():
            for shown in stack:
                if view_id and shown.view["id"] == view_id:
                    return shown
                if external_id and shown.view.get("external_id") == external_id:
                    return shown
        return None

    def bot_profile(self) -> dict[str, Any]:
        return {"id": self.bot_id, "app_id": self.app_id, "name": self.bot_name, "team_id": self.team_id}

    def user_profile(self, user: str) -> Json:
        name = self.bot_name if user == self.bot_user else self.users[user]
        return {
            "id": user,
            "team_id": self.team_id,
            "name": name,
            "real_name": name.capitalize(),
            "deleted": False,
            "is_bot": user == self.bot_user,
            "tz": "Etc/UTC",
            "tz_offset": 0,
            "profile": {
                "display_name": name,
                "real_name": name.capitalize(),
                "email": f"{name}@desk.example",
            },
        }
