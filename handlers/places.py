"""How many requests of a kind may be in hand at once, so that some that hang never take the place of a halt.

Each request in hand holds a thread of the server. When the database hangs, webhooks and traders' questions hang with
it; without bounds they would soon hold every thread, and nobody would answer Slack.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

WAIT = 0.25  # seconds for a place: a burst gets through, what hangs does not pile up


class Places:
    """`number` places. A request that gets none within a moment is to be sent away, to come again."""

    def __init__(self, number: int, wait: float = WAIT) -> None:
        self._free = threading.BoundedSemaphore(number)
        self._wait = wait

    @contextmanager
    def one(self) -> Iterator[bool]:
        """Whether there is a place; it is held until the block ends."""
        held = self._free.acquire(timeout=self._wait)
        try:
            yield held
        finally:
            if held:
                self._free.release()
