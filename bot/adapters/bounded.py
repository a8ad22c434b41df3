"""A call in a thread of its own, waited for only so long.

Socket timeouts do not cover everything: looking up a name, or an answer that comes byte by byte. Whoever
waits here waits for the time that it gave, whatever the call does. A call that is given up on ends by its
own limits.
"""

import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Generic, TypeVar

from bot.adapters.threads import THREADS

T = TypeVar("T")


class StillRunning(Exception):
    """The call has not ended within the time given; its outcome is unknown."""


class Pending(Generic[T]):
    """A call under way."""

    def __init__(self, call: Callable[[], T], name: str) -> None:
        self._began = time.monotonic()
        # What is logged in there is about the same as here.
        inherited = contextvars.copy_context()
        self._under_way = threading.Event()

        def begin() -> T:
            self._under_way.set()
            return inherited.run(call)

        self._future = THREADS.run(begin, name)

    def set_out(self, within: float) -> None:
        """Let it go ahead of what is called after this: wait until its thread runs, `within` seconds at most."""
        self._under_way.wait(within)

    @property
    def ended(self) -> bool:
        return self._future.done()

    def result(self, within: float) -> T:
        """The call's answer, or its exception.

        Raises `StillRunning` when it has not ended `within` seconds (real time) after it began.
        """
        remaining = self._began + within - time.monotonic()
        try:
            return self._future.result(timeout=max(0.0, remaining))
        except FutureTimeoutError:
            if self._future.done():
                return self._future.result()  # it ended at the last moment, or raised a timeout of its own
            raise StillRunning(f"no end within {within:.1f} s") from None


def bounded(call: Callable[[], T], within: float, name: str) -> T:
    """Run `call` and wait at most `within` seconds (real time); raises `StillRunning` after that."""
    return Pending(call, name).result(within)
