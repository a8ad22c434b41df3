"""Opens modals at once (a trigger lives three seconds and serves once), and fills in the live figures as they come."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, as_completed
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import replace
from typing import Any

from bot.ports.chat import Chat, ChatError, ChatRefused
from bot.rendering.models import AccountFigures, ConfirmView
from bot.rendering.render import Renderer

log = logging.getLogger(__name__)

FIGURES_WITHIN = 4.0
# Slack has the first of two deliveries of one press; the second one has nothing to open.
USED_UP = frozenset({"exchanged_trigger_id", "trigger_exchanged"})

# The figures of one account, fetched from the broker; bounded in time, never raises for a broker that is away.
FetchFigures = Callable[[AccountFigures], AccountFigures]
Complain = Callable[[str], None]


class Modals:
    """Every method is meant for the background: it talks to Slack."""

    def __init__(self, chat: Chat, renderer: Renderer, fetch: FetchFigures, executor: Executor) -> None:
        self._chat, self._renderer, self._fetch, self._executor = chat, renderer, fetch, executor

    def open(self, trigger_id: str, view: Mapping[str, Any], complain: Complain) -> None:
        """Open a modal that needs no figures."""
        self._open(trigger_id, view, complain)

    def confirm(self, trigger_id: str, view: ConfirmView, complain: Complain) -> None:
        """Open a confirmation, then fill in each account's figures as they come, with one last update at the limit."""
        # The broker is asked while Slack opens the modal.
        fetching = {
            self._executor.submit(self._fetch, figures): place for place, figures in enumerate(view.figures)
        }
        opened = self._open(trigger_id, self._renderer.confirm(view), complain)
        if opened is None:
            return
        shown = list(view.figures)
        for future in _within(fetching, FIGURES_WITHIN):
            shown[fetching[future]] = future.result()
        for place, figures in enumerate(shown):
            if figures.loading:
                late = (
                    f"The broker did not answer in {FIGURES_WITHIN:.0f} s. Confirming does not wait for it."
                )
                shown[place] = replace(figures, loading=False, error=late)
        try:
            self._chat.update_view(opened, self._renderer.confirm(replace(view, figures=tuple(shown))))
        except ChatRefused as refused:
            if refused.error not in (
                "not_found",
                "view_not_found",
                "hash_conflict",
            ):  # else: closed meanwhile
                log.warning("the figures could not be shown: %s", refused)
        except ChatError as failure:
            log.warning("the figures could not be shown: %s", failure)

    def _open(self, trigger_id: str, view: Mapping[str, Any], complain: Complain) -> Any:
        try:
            return self._chat.open_view(trigger_id, view)
        except ChatRefused as refused:
            if refused.error in USED_UP:
                return None
            log.warning("a modal could not be opened: %s", refused)
            complain("Slack did not open the window in time. Nothing was done: press again.")
        except ChatError as failure:
            log.warning("a modal could not be opened: %s", failure)
            complain("Slack did not open the window. Nothing was done: press again.")
        return None

    def whisper(self, channel: str, user: str, text: str, thread_ts: str | None = None) -> None:
        try:
            self._chat.whisper(channel, user, text, thread_ts=thread_ts)
        except ChatError as failure:
            log.warning("%s could not be told: %s", user, failure)


def _within(
    futures: Mapping["Future[AccountFigures]", int], seconds: float
) -> "list[Future[AccountFigures]]":
    """Those that ended in time."""
    ended: list[Future[AccountFigures]] = []
    try:
        ended.extend(as_completed(futures, timeout=seconds))
    except FutureTimeoutError:
        ended = [future for future in futures if future.done()]
    return ended
