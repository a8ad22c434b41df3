"""Who may act: operators and approvers by user id, or by user group, whose members Slack is asked for beforehand."""

import logging
from dataclasses import dataclass

from bot.ports.chat import Chat, ChatError
from bot.services.desk import Desk

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Permission:
    """`refusal` says who may, for the person who may not."""

    granted: bool
    refusal: str = ""


class People:
    """Answers without a network: group members are fetched by `refresh` beforehand, and kept when Slack is away."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._groups: dict[str, frozenset[str]] = {}

    def refresh(self, chat: Chat) -> None:
        """Ask Slack who is in the user groups of OPERATORS and APPROVERS."""
        for group in sorted(self._desk.operators | self._desk.approvers):
            if not group.startswith("S"):
                continue
            try:
                self._groups[group] = chat.group_members(group)
            except ChatError as failure:
                log.warning("the members of user group %s are not known: %s", group, failure)

    def may_act(self, user: str) -> Permission:
        """Whether `user` may halt, cancel, acknowledge and so on. Source: the issue's rule on OPERATORS."""
        if self._listed(user, self._desk.operators):
            return Permission(True)
        if not self._desk.operators:
            # Without operators nobody could act at all; that is acceptable for paper money, never for real money.
            if all(account.paper for account in self._desk.accounts):
                return Permission(True)
            return Permission(
                False, "OPERATORS is empty, and a live account demands it. Nobody may act here."
            )
        return Permission(False, f"Only operators may do this: {self._names(self._desk.operators)}.")

    def may_approve(self, user: str) -> Permission:
        if self._listed(user, self._desk.approvers):
            return Permission(True)
        if not self._desk.approvers:
            return Permission(False, "APPROVERS is empty: nobody can approve. Set it and restart.")
        return Permission(False, f"Only approvers may do this: {self._names(self._desk.approvers)}.")

    def _listed(self, user: str, people: frozenset[str]) -> bool:
        if user in people:
            return True
        return any(user in self._groups.get(group, frozenset()) for group in people)

    def _names(self, people: frozenset[str]) -> str:
        return ", ".join(
            f"<!subteam^{person}>" if person.startswith("S") else f"<@{person}>" for person in sorted(people)
        )
