"""A desk whose database can be away, with its halts on the road without it and a runner for when it is back."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.exc import OperationalError

from bot.adapters.journal import Journal
from bot.config.policy import load_policy
from bot.domain.actions import ActionRequest, ActionResult, BrokerReading
from bot.domain.words import ActionKind, ActionStatus, StepStatus
from bot.engine.emergency import Emergency
from bot.engine.runner import Perform, Previous, Runner
from bot.ports.record import ActionRecord
from bot.services.desk import Channels, Desk, DeskAccount
from bot.store import accounts, actions, audit, incidents, migrate, timeline
from bot.store.actions import ActionRecordRow
from bot.store.database import Database, UnitOfWork
from tests.fixtures.databases import lay
from tests.fixtures.rendering import shared_renderer
from tests.unit.actions.desk import HandTime

OPERATOR = "U0OPERATOR"
LONG = 30.0  # real seconds; only a hang takes as long


class CanBeAway(Database):
    """One that refuses every transaction while it is `away`, and takes confirmations only while it is `taking`."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.away = False
        self.taking = threading.Event()
        self.taking.set()

    @contextmanager
    def begin(self, *, gathers: bool = False, durable: bool = True) -> Iterator[UnitOfWork]:
        self._here()
        if gathers:
            assert self.taking.wait(LONG)
        with super().begin(gathers=gathers, durable=durable) as unit:
            yield unit

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        self._here()
        with super().read() as unit:
            yield unit

    def _here(self) -> None:
        if self.away:
            raise OperationalError("SELECT 1", {}, ConnectionRefusedError("the database refuses"))


class Broker:
    """What each run and each look at an account gives; `held` keeps them at the broker until it is let go."""

    def __init__(self, time: HandTime) -> None:
        self.time = time
        self.asked: list[tuple[ActionRequest, Previous]] = []
        self.answers: list[ActionResult | Exception] = []
        self.reached = threading.Event()
        self.held = threading.Event()
        self.held.set()

    def perform(self, request: ActionRequest, record: ActionRecord, previous: Previous) -> ActionResult:
        self.asked.append((request, previous))
        record.step("suspend", StepStatus.STARTED, "suspending and cancelling all, both at once")
        self.reached.set()
        assert self.held.wait(LONG)
        answer = self.answers.pop(0) if self.answers else self.proved()
        if isinstance(answer, Exception):
            raise answer
        record.step("suspend", StepStatus.OK, "accepted")
        return answer

    def proved(self) -> ActionResult:
        reading = BrokerReading(self.time.now(), suspended=True, open_orders=0)
        return ActionResult(ActionStatus.DONE, "Halted: suspended, nothing open.", reading=reading)

    def watching(self, words: str = "Not proved yet: 1 order unconfirmed.") -> ActionResult:
        again = timedelta(seconds=2)
        return ActionResult(ActionStatus.WATCHING, words, evidence={"looks": 1}, look_again_after=again)


class AwayDesk:
    """`server` is a running Haltdesk, `command_line` another process beside it: they share the journal and no more."""

    def __init__(
        self, database_url: str, folder: Path, accounts_: Sequence[DeskAccount] = (DeskAccount("main", True),)
    ) -> None:
        self.time = HandTime()
        self.path = folder / "journal.jsonl"
        lay(database_url)
        self.database = CanBeAway(database_url)
        migrate.upgrade(self.database)
        self.desk = Desk(
            database=self.database,
            policy=load_policy(),
            channels=Channels("C0INCIDENTS", "C0STAKEHOLDERS", "C0DRILLS"),
            accounts=tuple(accounts_),
            now=self.time.now,
            renderer=shared_renderer(),
        )
        with self.database.begin() as unit:
            for account in accounts_:
                accounts.ensure(unit, account.name, self.time.now())
        self.broker = Broker(self.time)
        self.said: list[str] = []
        perform = dict.fromkeys(ActionKind, self.broker.perform)
        self.journal = Journal(self.path)
        self.runner = Runner(self.desk, self.journal, perform, self.time, name="server")
        self.server = self._emergency(self.journal, perform)
        self.server.claim, self.server.runs = self.runner.claim, self.runner.runs
        self.runner.elsewhere = self.server.holds
        self.command_line = self._emergency(Journal(self.path), perform)

    def _emergency(self, journal: Journal, perform: Mapping[ActionKind, Perform]) -> Emergency:
        return Emergency(self.desk, journal, perform, self.time, say=self._say)

    def _say(self, text: str, drill: bool) -> None:
        self.said.append(f"DRILL: {text}" if drill else text)

    def halt(
        self, process: Emergency, key: str = "k", kind: ActionKind = ActionKind.HALT, **more: Any
    ) -> None:
        """Begin one without the database; returns when it is at the broker."""
        self.broker.reached.clear()
        process.alone(kind, ["main"], reason="breaks", by=more.pop("by", OPERATOR), request_key=key, **more)
        assert self.broker.reached.wait(LONG)

    @contextmanager
    def at_the_broker(self) -> Iterator[None]:
        """Whatever asks the broker meanwhile stays there until the end of the block."""
        self.broker.held.clear()
        try:
            yield
        finally:
            self.broker.held.set()

    def run(self) -> int:
        """One turn of the server's runner, to its end."""
        started = self.runner.run_once(self.time.now())
        assert self.runner.wait(LONG)
        return started

    @property
    def actions(self) -> list[ActionRecordRow]:
        with self.database.read() as unit:
            return [
                action
                for incident in reversed(incidents.listed(unit, limit=50))
                for action in actions.of_incident(unit, incident.id)
            ]

    @property
    def told(self) -> list[str]:
        """The kind of every timeline entry, in order."""
        return [entry.kind for entry in self.timeline()]

    def timeline(self) -> list[Any]:
        with self.database.read() as unit:
            return [
                entry
                for incident in reversed(incidents.listed(unit, limit=50))
                for entry in timeline.of_incident(unit, incident.id)
            ]

    @property
    def audited(self) -> list[tuple[str, str]]:
        with self.database.read() as unit:
            return [(entry.kind, entry.text) for entry in audit.entries(unit)]


@contextmanager
def away_desk(database_url: str, folder: Path, **more: Any) -> Iterator[AwayDesk]:
    desk = AwayDesk(database_url, folder, **more)
    try:
        yield desk
    finally:
        desk.broker.held.set()
        desk.database.taking.set()
        desk.database.dispose()
