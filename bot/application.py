"""Haltdesk put together, as the programs of the command line use it."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from slack_bolt import App

from bot.adapters.alpaca.broker import AlpacaBroker
from bot.adapters.journal import Journal
from bot.adapters.slack import SlackChat
from bot.config.configuration import Configuration
from bot.domain.words import ActionKind
from bot.engine.approver import Approver
from bot.engine.emergency import Emergency
from bot.engine.engine import Engine
from bot.engine.identity import SlackIdentity
from bot.engine.runner import Perform
from bot.engine.timepiece import SystemTime
from bot.ports.health import HealthCheck
from bot.readiness import Readiness
from bot.services.actions.desk_commands import DeskCommands
from bot.services.desk import Desk
from bot.services.drift import DriftWatch
from bot.services.people import People
from bot.store import accounts, actions, approvals, checkpoints, messages, migrate
from bot.store.database import DatabaseError
from handlers.monitor import Monitor
from handlers.web import Web

log = logging.getLogger(__name__)

COMMANDS_SETTLE = 2.0  # seconds


@dataclass
class Application:
    """Haltdesk put together. `engine` runs in the background; `web` is the WSGI application."""

    configuration: Configuration
    desk: Desk
    time: SystemTime
    chat: SlackChat
    people: People
    identity: SlackIdentity
    engine: Engine
    emergency: Emergency
    bolt: App
    web: Web
    monitor: Monitor
    readiness: Readiness
    checks: Mapping[str, list[HealthCheck]]
    brokers: Mapping[str, AlpacaBroker]
    perform: Mapping[ActionKind, Perform]
    journal: Journal
    approver: Approver
    drift_watch: DriftWatch
    commands: DeskCommands

    def prepare(self) -> None:
        """Before anything is written: every account is on record."""
        with self.desk.database.begin() as unit:
            for account in self.desk.accounts:
                accounts.ensure(unit, account.name, self.desk.now())

    def take_up(self) -> None:
        """When a process that stays begins its work: what waits for a start, and on SQLite what a dead one held.

        The journal first: whoever takes an action up goes on from what its last run saw, and that may stand there only.

        On SQLite it is the only one, whose lock on the file says so. On PostgreSQL nothing says surely that a claim's
        process is dead but the end of the claim: others may have come since, or be cut off for a moment.
        """
        self.bring_in_journal()
        with self.desk.database.begin() as unit:
            messages.try_again(unit, self.desk.now())
            if self.desk.database.sqlite:
                messages.release_all(unit)
                actions.release_all(unit)
                approvals.release_all(unit)
                checkpoints.release_all(unit, self.desk.now())

    def learn(self) -> None:
        """Look at every account; ask Slack who Haltdesk is, and who is in the desk's user groups."""
        threading.Thread(target=self._first_look, name="first look", daemon=True).start()
        self.identity.learn()
        self.people.refresh(self.chat)

    def _first_look(self) -> None:
        try:
            self.drift_watch.run_once()
        except DatabaseError as failure:
            log.warning("the accounts were not looked at yet: %s", type(failure).__name__)

    def stop(self) -> None:
        """Bring what is under way to an end. A command of the desk's that is still running is not waited for longer."""
        self.engine.stop()
        if not self.commands.wait(COMMANDS_SETTLE):
            log.warning("a command of the desk's is still running: how it ends will not be on record")

    def bring_in_journal(self) -> None:
        """Bring the journal into the database, if it answers; if not, a running Haltdesk does so later.

        Nor does a disk that fails stop whoever asks: an action that was proved must be told.
        """
        try:
            migrate.require_newest(self.desk.database)
            self.emergency.bring_in()
        except (DatabaseError, migrate.SchemaBehind) as failure:
            log.warning("the journal stays in %s until the database answers: %s", self.journal.path, failure)
        except OSError as failure:
            log.error(
                "the journal at %s is not brought in (%s): make room on its disk, or give its files to the user whom"
                " Haltdesk runs as. A running Haltdesk tries again by itself.",
                self.journal.path,
                failure,
            )

    def not_ready(self) -> dict[str, str]:
        """What keeps Haltdesk from doing its job, by component, and what to do about it."""
        return self.readiness()
