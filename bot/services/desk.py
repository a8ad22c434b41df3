"""The desk that a use case works for: its database, its policy, its people and its clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.config.policy import Policy
from bot.domain.checklist import ChecklistItem
from bot.rendering.render import Renderer
from bot.store.database import Database


@dataclass(frozen=True)
class DeskAccount:
    """An account at the broker. `paper` decides what is asked of people before they may act on it."""

    name: str
    paper: bool


@dataclass(frozen=True)
class Channels:
    """Slack channel ids. Without a drill channel, drills go where incidents go, and say DRILL."""

    incidents: str
    stakeholders: str
    drills: str


@dataclass(frozen=True)
class Desk:
    database: Database
    policy: Policy
    channels: Channels
    accounts: tuple[DeskAccount, ...]
    now: Callable[[], datetime]
    renderer: Renderer
    operators: frozenset[str] = field(default_factory=frozenset)
    approvers: frozenset[str] = field(default_factory=frozenset)
    primary_operator: str | None = None
    # A resolved incident whose alerts fire again within this time goes on in its old thread.
    reopen_window: timedelta = timedelta(minutes=30)
    # Whose word "all clear" takes, beside Haltdesk's own record.
    asks_alertmanager: bool = False
    asks_prometheus: bool = False

    # Slack's address of the workspace, for links into it; None until Slack has said it.
    workspace_url: Callable[[], str | None] = lambda: None

    def account(self, name: str) -> DeskAccount:
        """The account of that name. Raises KeyError with the names that exist."""
        for account in self.accounts:
            if account.name == name:
                return account
        known = ", ".join(account.name for account in self.accounts)
        raise KeyError(f"no account is named {name!r}; the desk has: {known}")

    def item(self, key: str) -> ChecklistItem | None:
        """The checklist item of that key, if the procedure has it (still)."""
        return next((item for plan in self.policy.phases for item in plan.items if item.key == key), None)
