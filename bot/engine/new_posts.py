"""New messages on their way from the transaction that writes them to whoever posts them: see bot/store/first_posts.py.

A message is announced before its commit, so that it can be put into words while the disk keeps it, and posted when it
is settled: in the database, and noted as about to be posted.
"""

import threading
from collections import deque
from enum import Enum, auto

from bot.engine.sending import Draft


class _State(Enum):
    OPEN = auto()  # nobody knows yet whether it is committed
    LEFT = auto()  # so it was for too long: whoever has waited for it is gone
    COMMITTED = auto()
    DROPPED = auto()


class NewPost:
    """`by` is the name of its claim. `draft`: what was read of it; None when that is to be read after the commit."""

    def __init__(self, key: str, by: str, draft: Draft | None = None) -> None:
        self.key, self.by, self.draft = key, by, draft
        self._state, self._noted = _State.OPEN, 0.0
        self._changing = threading.Lock()
        self._settled = threading.Lock()  # held while it is open; `Event` takes many times as long
        self._settled.acquire()

    def settle(self, noted: float | None) -> bool:
        """It is committed, noted as about to be posted at this monotonic time; or None: it will never be.

        To be called once. Whether somebody has to be told of it who did not wait for that.
        """
        with self._changing:
            left = self._state is _State.LEFT
            self._state = _State.DROPPED if noted is None else _State.COMMITTED
            self._noted = noted or 0.0
        self._settled.release()
        return left and noted is not None

    def noted(self, within: float) -> float | None:
        """Wait for so many seconds until it is settled: when it was noted. None: there is nothing to post (yet)."""
        if self._settled.acquire(timeout=within):
            self._settled.release()
        with self._changing:
            if self._state is _State.OPEN:
                self._state = _State.LEFT
            return self._noted if self._state is _State.COMMITTED else None


class NewPosts:
    """A queue of them. Thread-safe."""

    def __init__(self) -> None:
        self._queue: deque[NewPost] = deque()
        self._open: dict[str, NewPost] = {}
        self._under_way: set[str] = set()

    def __bool__(self) -> bool:
        """Whether one waits for somebody to take it."""
        return bool(self._queue)

    @property
    def under_way(self) -> bool:
        """Whether one is on its way to Slack, and has not got there yet."""
        return bool(self._under_way)

    def announce(self, key: str, by: str, draft: Draft) -> None:
        post = self._open[by] = NewPost(key, by, draft)
        self._under_way.add(by)
        self._queue.append(post)

    def committed(self, key: str, by: str, noted: float) -> None:
        post = self._open.pop(by, None)
        announced = post is not None
        if post is None:
            post = NewPost(key, by)
        if post.settle(noted) or not announced:
            self._queue.append(post)

    def dropped(self, by: str) -> None:
        post = self._open.pop(by, None)
        if post is not None:
            post.settle(None)

    def next(self) -> NewPost | None:
        try:
            return self._queue.popleft()
        except IndexError:
            return None

    def again(self, post: NewPost) -> None:
        """It was taken, and the database did not say what it shows: it is the next one once more."""
        self._queue.appendleft(post)

    def sent(self, post: NewPost) -> None:
        """Nothing is left to be done for it but to wait for Slack; or nothing at all."""
        self._under_way.discard(post.by)
