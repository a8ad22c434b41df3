"""How many requests of a kind may be in hand at once, so that some that hang never take the place of a halt.

Each request in hand holds a thread of the server. When the database hangs, webhooks and traders' questions hang with
it; without bounds they would soon hold every thread, and nobody would answer Slack.
"""

from queue import Empty, SimpleQueue
from types import TracebackType

WAIT = 0.25  # seconds for a place: a burst gets through, what hangs does not pile up


class Places:
    """`number` places. A request that gets none within a moment is to be sent away, to come again."""

    def __init__(self, number: int, wait: float = WAIT) -> None:
        self._wait = wait
        # One entry for each free place. Unlike the library's semaphores it works without Python, and so without
        # threads that are stopped in the middle of it while others wait.
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(number):
            self._free.put(None)

    def one(self) -> "_Place":
        """Whether there is a place, told on entering; it is held until the block ends."""
        return _Place(self._free, self._wait)


class _Place:
    __slots__ = ("_free", "_held", "_wait")

    def __init__(self, free: "SimpleQueue[None]", wait: float) -> None:
        self._free, self._wait, self._held = free, wait, False

    def __enter__(self) -> bool:
        try:
            self._free.get(timeout=self._wait)
            self._held = True
        except Empty:
            self._held = False
        return self._held

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._held:
            self._free.put(None)
