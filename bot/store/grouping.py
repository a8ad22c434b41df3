"""Groups commits: who comes while another commits waits, and the next one commits for all who wait."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Generic, TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError

from bot.store.database import of_the_moment

T = TypeVar("T")
R = TypeVar("R")

_LOCK_NOT_AVAILABLE = "55P03"
MOST = 64  # in one commit: what a failure of one has to be tried again for
CROWD = 4  # in hand at the same time, from which on it is worth to wait for the others
PATIENCE = 0.02  # seconds for which they are waited for; and never longer than the last commit took


class Lost(Exception):
    """Whoever was to commit this ended without an answer."""


class Grouped(Generic[T, R]):
    """Call it with one item; it returns that item's result, after the commit that holds it, or raises its own error.

    `together` does several items in one transaction, all or nothing, and gives their results in order. When that
    fails, each is done by itself with `alone`, so that a bad one fails only for its sender; but when the database
    itself is away, or what is needed was not let go of in time, nobody else waits for time limits too: all are given
    that error.

    Whoever leads waits a moment for as many as were in hand when the last commit ended, if that was just now: who was
    answered may have more, and one commit for all takes little more than one for half of them. With fewer than `CROWD`
    nobody waits. (PostgreSQL does the same with `commit_delay`.)
    """

    def __init__(
        self,
        together: Callable[[Sequence[T]], list[R]],
        alone: Callable[[T], R],
        *,
        most: int = MOST,
        patience: float = PATIENCE,
    ) -> None:
        self._together, self._alone, self._most, self._longest = together, alone, most, patience
        self._waiting: deque[_Place[T, R]] = deque()
        self._led = False
        self._lock = threading.Lock()
        self._crowd, self._patience, self._ended = 0, 0.0, 0.0
        self._complete: threading.Lock | None = None  # held while a leader waits for the crowd

    @property
    def waiting(self) -> int:
        """How many wait for the next commit."""
        return len(self._waiting)

    def __call__(self, item: T) -> R:
        mine = _Place[T, R](item)
        with self._lock:
            self._waiting.append(mine)
            leads, self._led = not self._led, True
            if self._complete is not None and len(self._waiting) >= self._crowd:
                self._complete.release()
                self._complete = None
        if not leads:
            mine.turn.acquire()
            if mine.after is not None:
                mine.after.turn.release()
        if not mine.settled:
            self._lead()
        if mine.error is not None:
            raise mine.error
        return mine.results[0]

    def _lead(self) -> None:
        """Commit for those at the head of the queue, this thread's own item first, and pass the lead on."""
        self._gather()
        with self._lock:
            self._complete = None
            taken = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        began = time.monotonic()
        try:
            self._commit(taken)
        finally:
            for place in taken:
                place.settle()
            ended = time.monotonic()
            with self._lock:
                following = self._waiting[0] if self._waiting else None
                self._led = following is not None
                self._crowd = min(self._most, len(taken) + len(self._waiting))
                self._patience, self._ended = min(self._longest, ended - began), ended
            if following is not None:
                following.turn.release()
            # One wakes the next: all at once, they would only be in each other's way.
            for place, after in pairwise(taken[1:]):
                place.after = after
            if len(taken) > 1:
                taken[1].turn.release()

    def _gather(self) -> None:
        """Wait for the crowd that was in hand a moment ago."""
        if self._crowd < CROWD:
            return
        with self._lock:
            left = self._ended + self._patience - time.monotonic()
            if len(self._waiting) >= self._crowd or left <= 0:
                return
            complete = self._complete = threading.Lock()
            complete.acquire()
        complete.acquire(timeout=left)

    def _commit(self, taken: list["_Place[T, R]"]) -> None:
        try:
            results = self._together([place.item for place in taken])
        except Exception as failure:
            # One item too is done again: together, what another process has just opened or stored is an error.
            if _database_away(failure) or waited_in_vain(failure):
                for place in taken:
                    place.error = failure
                return
        else:
            for place, result in zip(taken, results, strict=True):
                place.results.append(result)
            return
        for place in taken:
            try:
                place.results.append(self._alone(place.item))
            except Exception as failure:
                place.error = failure


class _Place(Generic[T, R]):
    """One caller's place in the queue. `turn` is released when there is a result, or when it is its turn to lead."""

    def __init__(self, item: T) -> None:
        self.item = item
        self.results: list[R] = []
        self.error: Exception | None = None
        self.settled = False
        self.after: _Place[T, R] | None = None
        self.turn = threading.Lock()
        self.turn.acquire()

    def settle(self) -> None:
        if not self.results and self.error is None:
            self.error = Lost()
        self.settled = True


def waited_in_vain(failure: Exception) -> bool:
    """Whether it waited for a lock for as long as anybody waits for one. Source: PostgreSQL, Appendix A."""
    return isinstance(failure, DBAPIError) and getattr(failure.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE


def _database_away(failure: Exception) -> bool:
    if of_the_moment(failure):
        return False  # one batch's trouble, and not the database's
    if isinstance(failure, DBAPIError) and not failure.connection_invalidated:
        return isinstance(failure, OperationalError | InterfaceError)
    return isinstance(failure, DBAPIError | TimeoutError)
