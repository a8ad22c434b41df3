"""The background pieces together: started in order, woken by commits, stopped without leaving an action half told."""

import logging
from collections.abc import Callable
from datetime import timedelta
from enum import Enum

from bot.engine.clock import Clock
from bot.engine.deliverer import Deliverer
from bot.engine.emergency import Emergency
from bot.engine.loop import Loop
from bot.engine.pulse import Pulse
from bot.engine.runner import HEARTBEAT, Runner
from bot.engine.timepiece import SystemTime
from bot.services import reminders
from bot.services.desk import Desk
from bot.store.wakeups import Listener

log = logging.getLogger(__name__)

DELIVERERS = 4
TAKES_TO_SEND = 0.005  # seconds of Python until a call is on its way to Slack
SETTLE = 8.0  # seconds that a stop waits for actions under way to write where they stand


# What each process needs for itself; the other chores are one process's work.
EVERYWHERE = frozenset({"identity", "people", "memory"})


AT_ONCE = frozenset({"calendar", "audit", "backfill", "channel"})  # must not wait for their first turn


class Parts(Enum):
    """What a process does in the background."""

    ALL = "deliver, run, keep time"
    RUN = "run actions"


class Engine:
    """`chores` are run every so many seconds on the clock, in threads of their own.

    `kept` is told of each deadline that was kept, and how late.
    """

    def __init__(
        self,
        desk: Desk,
        deliverer: Deliverer,
        runner: Runner,
        emergency: Emergency,
        time: SystemTime,
        chores: dict[str, tuple[float, Callable[[], object]]],
        kept: reminders.Kept = lambda kind, late: None,
    ) -> None:
        self._kept = kept
        self._parts = Parts.ALL
        self._desk, self._runner, self._emergency, self._time = desk, runner, emergency, time
        self._deliverer = deliverer
        self.deliverers = [Loop(f"deliverer-{number}", self._deliver) for number in range(DELIVERERS)]
        self.runner = Loop("runner", self._run)
        self.reminders = Loop("clock", self._remind)
        self._clock = Clock()
        self._chores = chores
        self._clock.every(HEARTBEAT, runner.heartbeat, "heartbeat")
        database = desk.database
        self._listener = None if database.sqlite else Listener(database.engine, database.wake)
        self._clock.every(1.0, self.reminders.wake, "tick")
        self._clock.every(2.0, self._bring_in_journal, "journal")
        desk.database.on_wake("deliverer", self._wake_deliverers)
        desk.database.on_wake("colleague", self._wake_colleague)
        desk.database.on_wake("new post", self._wake_for_new_post)
        desk.database.on_wake("runner", self.runner.wake)
        desk.database.on_wake("clock", self.reminders.wake)

    @property
    def loops(self) -> list[Loop]:
        """The pieces that work in this process."""
        found = [self.runner]
        if self._parts is Parts.ALL:
            found += [*self.deliverers, self.reminders]
        return found

    @property
    def pulses(self) -> list[Pulse]:
        """How the pieces and the chores of this process fare."""
        return [*(loop.pulse for loop in self.loops), *self._clock.pulses]

    def start(self, parts: "Parts | None" = None) -> None:
        """Start what this process does. A web process runs what was confirmed in it, so that no halt waits."""
        self._parts = parts or Parts.ALL
        self._emergency.claim = self._runner.claim
        self._emergency.runs = self._runner.runs
        self._runner.elsewhere = self._emergency.holds
        if self._listener is not None:
            self._listener.start()
        if self._parts is Parts.ALL:
            self._desk.database.poster = self._deliverer
        for loop in self.loops:
            loop.start()
        for name, (seconds, chore) in self._chores.items():
            if self._parts is Parts.ALL or name in EVERYWHERE:
                self._clock.every(seconds, chore, name, at_once=name in AT_ONCE)
        self._clock.start()

    def stop(self) -> None:
        """Stop taking up work, tell the actions under way to come to an end, and give them time to write it."""
        self._time.stop.set()
        self._clock.stop()
        if self._listener is not None:
            self._listener.stop()
        self._desk.database.poster = None
        for loop in self.loops:
            loop.stop()
        if not self._runner.wait(SETTLE) or not self._emergency.wait(SETTLE):
            log.warning("an action is still under way; it is taken up again at the next start")
        for loop in self.loops:
            loop.join(1.0)

    def _wake_deliverers(self) -> None:
        """One looks, and wakes the next when it found something: four at once would stand in each other's way."""
        if not self._deliverer.resting:
            self._wake_deliverer(after=TAKES_TO_SEND if self._deliverer.posts_new else 0.0)

    def _wake_for_new_post(self) -> None:
        self._wake_deliverer(after=0.0)

    def _wake_deliverer(self, *, after: float) -> None:
        idle = next((loop for loop in self.deliverers if loop.idle), None)
        for loop in self.deliverers if idle is None else (idle,):
            loop.wake(after=after)

    def _wake_colleague(self) -> None:
        """For a deliverer that is about to wait for Slack, when it does: until then the processor is its own."""
        idle = next((loop for loop in self.deliverers if loop.idle), None)
        if idle is not None:
            idle.wake(after=TAKES_TO_SEND)

    def _deliver(self) -> float:
        hush = self._runner.hush
        if hush > 0:
            return hush
        if self._deliverer.run_once(self._time.now()):
            return 0.0
        return self._deliverer.rest(self._time.now())

    def _run(self) -> float:
        self._runner.run_once(self._time.now())
        due = self._runner.next_look()
        return 1.0 if due is None else max(0.05, (due - self._time.now()) / timedelta(seconds=1))

    def _remind(self) -> float:
        reminders.keep(self._desk, self._kept)
        return 1.0

    def _bring_in_journal(self) -> None:
        self._emergency.bring_in()
