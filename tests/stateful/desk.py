"""A desk that can die at any call: what it remembered is gone, what it wrote is there when it comes back."""

import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.adapters.alpaca import AlpacaBroker
from bot.adapters.journal import Journal
from bot.domain.words import ActionKind, StepStatus
from bot.engine.perform import performers
from bot.engine.runner import Runner
from bot.ports.record import ActionRecord
from bot.services import reminders
from bot.services.actions.requests import confirm
from bot.services.actions.standing import StoredStanding
from bot.services.actions.tools import ActionTools
from bot.simulator.broker.simulator import BrokerSimulator
from bot.simulator.slack import SlackSimulator
from bot.store import actions, deliveries, messages
from bot.store.actions import ActionRecordRow
from tests.fixtures.desk_in_process import DeskInProcess, HandMoved

ACCOUNT = "main"
LONGEST = 60.0  # real seconds for the actions of one step


class Died(BaseException):
    """SIGKILL, here: nothing may catch it, nothing is written after it."""


class Fuse:
    """Burns down by one a call; at the last one the process dies, before the call or after it."""

    def __init__(self) -> None:
        self._left, self._after = 0, False

    def light(self, calls: int, *, after: bool) -> None:
        self._left, self._after = calls, after

    def put_out(self) -> None:
        self._left = 0

    @contextmanager
    def call(self) -> Iterator[None]:
        dies = self._left == 1
        self._left = max(0, self._left - 1)
        if dies and not self._after:
            raise Died
        yield
        if dies:
            raise Died


class MortalChat:
    """Slack, on whose every call the process may die."""

    def __init__(self, chat: Any, fuse: Fuse) -> None:
        self._chat, self._fuse = chat, fuse

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._chat, name)

        def called(*arguments: Any, **named: Any) -> Any:
            with self._fuse.call():
                return method(*arguments, **named)

        return called


class MortalRecord:
    """The record of an action, on whose every step the process may die."""

    def __init__(self, record: ActionRecord, fuse: Fuse) -> None:
        self._record, self._fuse = record, fuse

    def step(
        self, name: str, status: StepStatus, summary: str, evidence: Mapping[str, Any] | None = None
    ) -> None:
        with self._fuse.call():
            self._record.step(name, status, summary, evidence)


class MortalDesk:
    """Alertmanager's, Slack's and the broker's side are servers; deliverer, runner and clock are stepped by hand."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="haltdesk-stateful-"))
        clock = HandMoved()
        self.slack = SlackSimulator(clock=lambda: clock.at.timestamp()).start()
        self.simulator = BrokerSimulator(requests_per_minute=None)
        self.simulator.start()
        self.account = self.simulator.account("paper")
        self.process = DeskInProcess(f"sqlite:///{self.folder / 'haltdesk.db'}", self.slack)
        clock.at = self.process.time.at
        self.time = self.process.time
        self._slack_clock = clock
        self.database, self.desk = self.process.database, self.process.desk
        self.chat_fuse, self.step_fuse = Fuse(), Fuse()
        self.process.chat = MortalChat(self.process.chat, self.chat_fuse)  # type: ignore[assignment]
        self.journal = Journal(self.folder / "journal.jsonl")
        self.broker = AlpacaBroker(
            ACCOUNT, self.account.key_id, self.account.secret, self.simulator.url, paper=True
        )
        self.lives = 0
        self.wake_up()

    def wake_up(self) -> None:
        """As a process that starts: whoever held work is dead. Nothing is remembered but the database."""
        self.chat_fuse.put_out()
        self.step_fuse.put_out()
        self.lives += 1
        with self.database.begin() as unit:
            messages.release_all(unit)
            actions.release_all(unit)
        self.process.deliverer = self.process.new_deliverer()

        def tools_for(account: str, record: ActionRecord) -> ActionTools:
            return ActionTools(self.broker, None, MortalRecord(record, self.step_fuse), self.time)

        perform = performers(
            tools_for,
            lambda _: [],
            self.time,
            lambda request: StoredStanding(self.desk, self.journal, request),
        )
        self.runner = Runner(self.desk, self.journal, perform, self.time, name=f"life {self.lives}")

    def close(self) -> None:
        self.process.close()
        self.broker.close()
        self.slack.stop()
        self.simulator.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # What happens

    def later(self, seconds: float) -> None:
        self.time.move(seconds)
        self._slack_clock.at = self.time.at

    def confirm(self, kind: ActionKind, mark: str, by: str) -> int:
        found = confirm(self.desk, kind, [ACCOUNT], reason="storm", by=by, request_key=mark)
        return found[0].action_id

    def run_actions(self) -> bool:
        """Run what is to be run now, to its end or to the death of the process; true when something ran."""
        died: list[BaseException] = []
        usual = threading.excepthook

        def hook(failure: threading.ExceptHookArgs) -> None:
            if isinstance(failure.exc_value, Died):
                died.append(failure.exc_value)
            else:
                usual(failure)

        threading.excepthook = hook
        try:
            started = self.runner.run_once(self.time.now())
            for _ in range(600):
                if self.runner.wait(LONGEST / 600):
                    break
            else:
                raise AssertionError(f"an action does not come to an end within {LONGEST:g} s")
        finally:
            threading.excepthook = usual
        self._slack_clock.at = self.time.at
        if died:
            self.wake_up()
        return started > 0

    def deliver(self, steps: int) -> bool:
        """So many steps of the deliverer; false when the process died in one of them."""
        try:
            for _ in range(steps):
                if not self.process.deliverer.run_once(self.time.now()):
                    with self.database.read() as unit:
                        due = deliveries.next_wanted_at(unit)
                    if due is None:
                        break
                    self.later(max(0.1, min(5.0, (due - self.time.now()).total_seconds())))
        except Died:
            self.wake_up()
            return False
        return True

    def settle(self) -> None:
        """The world is well again: time goes by until nothing is left to do."""
        self.slack.faults.clear()
        self.simulator.faults.clear()
        self.chat_fuse.put_out()
        self.step_fuse.put_out()
        for _ in range(300):
            busy = reminders.keep(self.desk) > 0
            busy = self.run_actions() or busy
            self.deliver(200)
            with self.database.read() as unit:
                waiting = deliveries.next_wanted_at(unit) is not None
                unended = actions.unended(unit)
            if not (busy or waiting or unended):
                return
            self.later(1.0)
        raise AssertionError(f"it does not come to rest; waiting: {self._waiting()}")

    def _waiting(self) -> list[Any]:
        with self.database.read() as unit:
            left: list[ActionRecordRow] = actions.unended(unit)
            return [*left, messages.backlog(unit), messages.in_trouble(unit)]
