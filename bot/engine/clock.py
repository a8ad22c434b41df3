"""Ticks: APScheduler wakes the pieces that have something due. The truth is in rows; a tick only looks at them."""

from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.util import undefined

from bot.engine.pulse import Pulse


class Clock:
    """Calls each registered piece every so many seconds, one call at a time, none lost to a pause of the machine."""

    def __init__(self) -> None:
        # Memory store: APScheduler's own database store runs jobs several times when several processes share it.
        self._scheduler = BackgroundScheduler(timezone="UTC")
        self.pulses: list[Pulse] = []

    def every(self, seconds: float, piece: Callable[[], object], name: str, *, at_once: bool = False) -> None:
        pulse = Pulse(name, seconds)
        self.pulses.append(pulse)
        self._scheduler.add_job(
            pulse.watching(piece),
            "interval",
            seconds=seconds,
            id=name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            next_run_time=datetime.now(UTC) if at_once else undefined,
        )

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def next_run(self, name: str) -> datetime | None:
        job = self._scheduler.get_job(name)
        return job.next_run_time if job is not None else None
