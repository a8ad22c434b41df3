"""A background piece in its thread: stepped while there is work, woken when there is more, surviving its own errors."""

import logging
import threading
from collections.abc import Callable

from bot.engine.pulse import Pulse

log = logging.getLogger(__name__)

IDLE = 1.0  # seconds between looks when nobody wakes the piece
AFTER_ERROR = 1.0


class Loop:
    """Steps `step` until stopped. `step` returns the seconds until there may be work again; 0 for at once.

    A step that raises is logged with its traceback, counted in `errors` (which /readyz and /metrics show), and tried
    again a second later: a piece that is broken must neither die in silence nor take its neighbours along.
    """

    def __init__(self, name: str, step: Callable[[], float]) -> None:
        self.name = name
        self.pulse = Pulse(name, IDLE)
        self._step = step
        self._waits = False
        self._pause = 0.0
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def errors(self) -> int:
        return self.pulse.errors

    @property
    def last_error(self) -> str | None:
        return self.pulse.last_error

    def start(self) -> None:
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether it waits, and nobody has woken it yet."""
        return self._waits and not self._wake.is_set()

    def wake(self, *, after: float = 0.0) -> None:
        """There is work; whoever waits for it starts `after` so many seconds."""
        self._pause = after
        self._wake.set()

    def stop(self) -> None:
        self._stop.set()
        self._wake.set()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                wait = self._step()
                self.pulse.well()
            except Exception as failure:
                self.pulse.failed(failure)
                log.exception("%s failed; it is tried again in %.0f s", self.name, AFTER_ERROR)
                self._stop.wait(AFTER_ERROR)
                continue
            if wait > 0:
                self._waits = True
                if self._wake.wait(min(wait, IDLE)) and self._pause:
                    self._stop.wait(self._pause)
                self._waits = False
