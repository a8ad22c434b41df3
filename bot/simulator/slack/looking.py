"""Looking at the workspace: messages, threads, buttons, calls; and waiting until something is to be seen."""

import copy
import time
from collections.abc import Callable
from typing import Any, TypeVar

from bot.simulator.slack.blocks import elements_of
from bot.simulator.slack.elements import all_options
from bot.simulator.slack.mrkdwn import flatten, mrkdwn_texts, pings_everyone
from bot.simulator.slack.records import Call, Json, Unanswered
from bot.simulator.slack.workspace import Workspace

T = TypeVar("T")

_RECHECK_SECONDS = 0.25  # a predicate may look at things that do not wake us, such as a database


class Looking:
    """What a test asks. All answers are copies: the workspace goes on while one looks."""

    workspace: Workspace
    _calls: list[Call]

    def messages(self, channel: str) -> list[Json]:
        """The roots of a channel, oldest first (replies are in `thread`, broadcast ones too)."""
        with self.workspace.changed:
            found = self.workspace.channel(channel).messages.values()
            return copy.deepcopy([m for m in found if m.get("thread_ts", m["ts"]) == m["ts"]])

    def thread(self, channel: str, ts: str) -> list[Json]:
        """The replies to a root, oldest first, without the root."""
        with self.workspace.changed:
            return copy.deepcopy(self.workspace.replies(self.workspace.channel(channel), ts))

    def message(self, channel: str, ts: str) -> Json:
        """Raises AssertionError when it is not there."""
        with self.workspace.changed:
            found = self.workspace.message(channel, ts)
            if found is None:
                raise AssertionError(f"there is no message {ts} in {channel}")
            return copy.deepcopy(found)

    def find(self, text: str, channel: str | None = None) -> list[Json]:
        """Roots and replies in which a person would read `text`, oldest first."""
        with self.workspace.changed:
            names = self._names()
            found = [
                message
                for place in self.workspace.channels.values()
                if channel in (None, place.id)
                for message in place.messages.values()
                if text in flatten(message, names)
            ]
            return copy.deepcopy(sorted(found, key=lambda message: str(message["ts"])))

    def ephemerals(self, user: str) -> list[Json]:
        """What was shown to one person only, oldest first."""
        with self.workspace.changed:
            return copy.deepcopy([shown for shown in self.workspace.ephemeral if shown["to"] == user])

    def views(self, user: str) -> list[Json]:
        """The open views of a person, the top one last. `errors` and `trouble` are added to each."""
        with self.workspace.changed:
            stack = self.workspace.stacks.get(user, [])
            return copy.deepcopy(
                [{**shown.view, "errors": shown.errors, "trouble": shown.trouble} for shown in stack]
            )

    def home(self, user: str) -> Json | None:
        """The home tab that the bot published for a person."""
        with self.workspace.changed:
            return copy.deepcopy(self.workspace.homes.get(user))

    def buttons(self, channel: str, ts: str) -> list[tuple[str, str, str | None]]:
        """(action_id, text, value) of each button of a message; of an overflow menu, one for each option."""
        found: list[tuple[str, str, str | None]] = []
        for block in self.message(channel, ts).get("blocks") or []:
            for _, element in elements_of(block):
                if element["type"] == "button":
                    found.append((element["action_id"], element["text"]["text"], element.get("value")))
                for option in all_options(element):
                    found.append((element["action_id"], option["text"]["text"], option.get("value")))
        return found

    def text_of(self, message: Json) -> str:
        """All text that a person would see in a message or a view, one piece a line."""
        with self.workspace.changed:
            return flatten(message, self._names())

    @property
    def pinged(self) -> list[Json]:
        """Messages whose text would call the whole channel (`<!channel>`, `<!here>`, `<!everyone>`)."""
        with self.workspace.changed:
            return copy.deepcopy(
                [
                    message
                    for place in self.workspace.channels.values()
                    for message in place.messages.values()
                    if any(pings_everyone(text) for text in mrkdwn_texts(message))
                ]
            )

    @property
    def calls(self) -> list[Call]:
        """Every Web API call so far, in the order of their answers."""
        with self.workspace.changed:
            return list(self._calls)

    def calls_of(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    @property
    def unanswered(self) -> list[Unanswered]:
        """Interactions that the bot did not acknowledge."""
        with self.workspace.changed:
            return list(self.workspace.unanswered)

    def file_content(self, file_id: str) -> bytes:
        """The bytes of an uploaded file."""
        with self.workspace.changed:
            content = self.workspace.files[file_id]["content"]
            assert isinstance(content, bytes), f"{file_id} was never uploaded"
            return content

    def wait_for(self, predicate: Callable[[], T], timeout: float = 60, what: str = "it") -> T:
        """Wait until the predicate is true, and return what it gave. `timeout` is in real seconds.

        The predicate is asked again after each change of the workspace, and at least four times a second.
        Raises AssertionError showing what the channels show.
        """
        until = time.monotonic() + timeout
        while True:
            with self.workspace.changed:
                seen = self.workspace.version
            found = predicate()
            if found:
                return found
            left = until - time.monotonic()
            if left <= 0:
                raise AssertionError(f"waited {timeout:g} s for {what}, in vain.\n{self.transcript()}")
            self.workspace.wait_beyond(seen, min(left, _RECHECK_SECONDS))

    def transcript(self) -> str:
        """What the channels show now, as text, for a person who reads a failed test."""
        with self.workspace.changed:
            names = self._names()
            lines: list[str] = []
            for place in self.workspace.channels.values():
                lines.append(f"#{place.name}:" if place.messages else f"#{place.name}: (empty)")
                for message in place.messages.values():
                    reply = message.get("thread_ts", message["ts"]) != message["ts"]
                    text = flatten(message, names).replace("\n", "\n      ")
                    lines.append(f"  {'  ↳ ' if reply else ''}{message['ts']} {text[:2000]}")
            for user, stack in self.workspace.stacks.items():
                lines += [f"view of {names[user]}: {flatten(shown.view, names)[:500]}" for shown in stack]
            lines += [f"only to {names[e['to']]}: {flatten(e, names)}" for e in self.workspace.ephemeral[-5:]]
            lines += [f"not acknowledged: {u.what}: {u.why}" for u in self.workspace.unanswered[-5:]]
            failed = [call for call in self._calls[-200:] if call.error][-10:]
            lines += [f"call refused: {call.method}: {call.status} {call.error}" for call in failed]
            return "\n".join(lines)

    def _names(self) -> dict[str, str]:
        space = self.workspace
        channels: dict[str, Any] = {channel.id: channel.name for channel in space.channels.values()}
        return {**channels, **space.users, space.bot_user: space.bot_name}
