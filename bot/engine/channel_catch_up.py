"""Reads in the channel's history what Slack's events did not bring: Slack gives up on a bot that is away for minutes.

Only for a desk whose channel has told alerts before, and only from the last one on: old messages open nothing.
"""

import logging
from collections.abc import Callable

from bot.ports.chat import Chat, ChatError
from bot.services import channel_intake
from bot.services.channel_message import message_in_history
from bot.services.desk import Desk
from bot.store import channel_groups

log = logging.getLogger(__name__)


class ChannelCatchUp:
    """`run_once` takes in what was missed; returns how many messages said something about an incident."""

    def __init__(self, desk: Desk, chat: Chat, app_id: Callable[[], str | None]) -> None:
        self._desk, self._chat, self._app_id = desk, chat, app_id

    def run_once(self) -> int:
        if not self._desk.policy.intake.channel:
            return 0
        with self._desk.database.read() as unit:
            last = channel_groups.last_told_at(unit)
        if last is None:
            return 0
        channel = self._desk.channels.incidents
        try:
            shown = self._chat.history(channel, since=last)
        except ChatError as failure:
            log.warning("the channel was not read again, the clock tries later: %s", failure)
            return 0
        messages = (message_in_history(channel, message, self._app_id()) for message in shown)
        return sum(
            bool(channel_intake.receive(self._desk, message)) for message in messages if message is not None
        )
