"""What the core asks of Slack, and the three ways in which a call can fail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

Blocks = Sequence[Mapping[str, Any]]


class ChatError(Exception):
    """A Slack call did not succeed. Never holds a token."""


class ChatRateLimited(ChatError):
    """429: nothing was done; ask again after `retry_after` seconds."""

    def __init__(self, method: str, retry_after: float) -> None:
        super().__init__(f"{method}: Slack asks for a pause of {retry_after:.0f} s")
        self.retry_after = retry_after


class ChatUnavailable(ChatError):
    """A timeout, a cut connection, a 5xx or an answer that is not Slack's: it may have been done or not."""

    def __init__(self, method: str, what: str) -> None:
        super().__init__(f"{method}: {what}")


class ChatRefused(ChatError):
    """`ok: false`: nothing was done. `error` is Slack's code; `details` what it said about the blocks."""

    def __init__(self, method: str, error: str, details: str = "") -> None:
        super().__init__(f"{method}: {error}" + (f" ({details})" if details else ""))
        self.error = error
        self.details = details


@dataclass(frozen=True)
class Identity:
    """Who the bot is. None where Slack did not say; then it cannot be checked in requests either."""

    team_id: str | None
    user_id: str | None
    app_id: str | None
    url: str | None = None  # of the workspace


@dataclass(frozen=True)
class OpenView:
    """A modal as Slack opened it. `id` is None when Slack did not name it: it cannot be updated then."""

    id: str | None
    hash: str | None


class Chat(Protocol):
    """Every call has a time limit and raises a `ChatError`, nothing else."""

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
        """Post a message marked with `nonce`; returns its ts."""

    def update(
        self, channel: str, ts: str, text: str, blocks: Blocks, *, nonce: str | None = None
    ) -> None: ...

    def find(
        self,
        channel: str,
        nonce: str,
        *,
        since: datetime,
        until: datetime | None = None,
        thread_ts: str | None = None,
    ) -> str | None:
        """The ts of the message marked with `nonce` and posted from `since` to `until`; None when Slack has none.

        A file is marked by the `nonce` in its name.
        """

    def share(
        self, channel: str, name: str, content: bytes, title: str, text: str, *, thread_ts: str | None = None
    ) -> str:
        """Upload a file into a thread, with `text` beside it; returns what stands for its place, which is no ts."""

    def history(self, channel: str, *, since: datetime) -> Sequence[Mapping[str, Any]]:
        """The channel's newest messages from `since` on, without those in threads, oldest first; at most 1,000."""

    def open_view(self, trigger_id: str, view: Mapping[str, Any]) -> OpenView: ...

    def update_view(self, opened: OpenView, view: Mapping[str, Any]) -> None: ...

    def whisper(self, channel: str, user: str, text: str, *, thread_ts: str | None = None) -> None:
        """Say something that only `user` sees."""

    def group_members(self, group: str) -> frozenset[str]: ...

    def identity(self) -> Identity: ...
