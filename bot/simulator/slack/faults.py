"""Faults that a test or a demo asks for: rate limits, errors, silence, lost answers; and pacing."""

import math
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from random import Random


@dataclass
class Fault:
    """One fault. With `after` the call takes effect and only its answer is lost."""

    method: str
    status: int | None = None
    retry_after: int | None = None
    body: str | None = None
    error: str | None = None
    hang: float | None = None
    drop: bool = False
    delay: float = 0.0
    after: bool = False
    probability: float = 1.0
    times: int | None = None

    @property
    def spoils(self) -> bool:
        """True when the client does not get the true answer; a mere delay does not spoil."""
        return (
            self.status is not None
            or self.body is not None
            or self.error is not None
            or self.hang is not None
            or self.drop
        )


class Faults:
    """The faults in force. The first that fits a method decides; a fault with `times` wears out."""

    def __init__(self, clock: Callable[[], float], seed: int = 1) -> None:
        self._clock = clock
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._paces: dict[str, float] = {}
        self._next_free: dict[tuple[str, str], float] = {}
        self.released = threading.Event()  # set when the workspace stops: nobody hangs beyond that

    def add(
        self,
        method: str,
        *,
        status: int | None = None,
        retry_after: int | None = None,
        body: str | None = None,
        error: str | None = None,
        hang: float | None = None,
        drop: bool = False,
        delay: float = 0.0,
        after: bool = False,
        probability: float = 1.0,
        random: Random | None = None,
        times: int | None = None,
    ) -> Fault:
        """Put a fault on a method, or on every method with "*".

        `status` (with `retry_after` seconds, `body`), `error` (an `ok: false`), `hang` (seconds of silence,
        then the connection closes), `drop` (it closes at once): without `after` the call has no effect; with
        it, it has, and its answer is lost. `delay` only makes the call slower. `probability` uses a seeded
        generator.
        """
        fault = Fault(method, status, retry_after, body, error, hang, drop, delay, after, probability, times)
        if not (fault.spoils or delay):
            raise ValueError("a fault needs one of status, body, error, hang, drop, delay")
        with self._lock:
            if random is not None:
                self._random = random
            self._faults.append(fault)
        return fault

    def keep_time_by(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def pace(self, method: str, per_second: float) -> None:
        """Answer 429 to calls of this method beyond `per_second` a channel. 0 lifts the limit."""
        with self._lock:
            if per_second > 0:
                self._paces[method] = per_second
            else:
                self._paces.pop(method, None)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()
            self._paces.clear()
            self._next_free.clear()

    def draw(self, method: str, channel: str) -> list[Fault]:
        """The faults that strike this call: delays, and at most one that spoils it."""
        struck: list[Fault] = []
        with self._lock:
            for fault in list(self._faults):
                if fault.method not in ("*", method) or (fault.spoils and any(f.spoils for f in struck)):
                    continue
                if fault.probability < 1.0 and self._random.random() >= fault.probability:
                    continue
                struck.append(fault)
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
            if not any(fault.spoils for fault in struck):
                wait = self._paced(method, channel)
                if wait:
                    struck.append(Fault(method, status=429, retry_after=wait))
        return struck

    def _paced(self, method: str, channel: str) -> int:
        """Seconds to wait, 0 when the call may pass."""
        rate = self._paces.get(method)
        if rate is None:
            return 0
        now = self._clock()
        free = self._next_free.get((method, channel), 0.0)
        if now < free:
            return max(1, math.ceil(free - now))
        self._next_free[(method, channel)] = now + 1.0 / rate
        return 0
