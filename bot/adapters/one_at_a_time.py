"""One question at a time, each waited for only so long: whoever asks meanwhile waits for the same answer.

A database that hangs is asked again and again by probes and scrapes. With a thread for each of them, hours of that
would use up threads and connections; here it costs one of each.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from bot.adapters.bounded import Pending

T = TypeVar("T")


class OneAtATime(Generic[T]):
    """`ask` answers within `within` seconds, or raises what it raises, or `StillRunning`.

    While one question hangs, the next raise `StillRunning` at once when its time is over.
    """

    def __init__(self, ask: Callable[[], T], within: float, name: str) -> None:
        self._ask, self._within, self._name = ask, within, name
        self._pending: Pending[T] | None = None
        self._lock = threading.Lock()

    def __call__(self) -> T:
        with self._lock:
            if self._pending is None or self._pending.ended:
                self._pending = Pending(self._ask, self._name)
            pending = self._pending
        return pending.result(self._within)
