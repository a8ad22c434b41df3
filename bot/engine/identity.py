"""Who the bot is in Slack: asked until Slack says, so that requests of other workspaces can be told apart."""

import logging

from bot.ports.chat import Chat, ChatError, Identity

log = logging.getLogger(__name__)


class SlackIdentity:
    """`team_id` and `app_id` given by the desk go before what Slack says."""

    def __init__(self, chat: Chat, *, team_id: str | None = None, app_id: str | None = None) -> None:
        self._chat, self._team_id, self._app_id = chat, team_id, app_id
        self._told: Identity | None = None
        self.error: str | None = "not asked yet"

    def learn(self) -> None:
        """Ask Slack, unless it has said so before."""
        if self._told is not None:
            return
        try:
            self._told = self._chat.identity()
            self.error = None
        except ChatError as failure:
            self.error = str(failure)
            log.warning("Slack does not say who Haltdesk is: %s", failure)

    def team_id(self) -> str | None:
        return self._team_id or (self._told.team_id if self._told else None)

    def app_id(self) -> str | None:
        return self._app_id or (self._told.app_id if self._told else None)

    def workspace_url(self) -> str | None:
        return self._told.url if self._told else None
