"""Threads that are kept for the next call: to start one takes longer than to hand a call to one that waits.

Not the standard library's pool: its threads are joined when the program ends, so that one hanging broker would keep a
stopped Haltdesk alive, and its number of workers is a limit at which one hanging account would delay another.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

KEPT = 16  # idle threads; more are started whenever they are needed, and end when their call has ended

_Job = tuple[Callable[[], Any], "Future[Any]", str]


class Threads:
    """Runs calls at once, each in a daemon thread of its own."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._idle: deque[SimpleQueue[_Job]] = deque()

    def run(self, call: Callable[[], T], name: str) -> "Future[T]":
        """Start `call` under the thread name `name`; its answer or exception is in the future."""
        future: Future[T] = Future()
        job: _Job = (call, future, name)
        try:
            self._idle.pop().put(job)
        except IndexError:
            threading.Thread(target=self._work, args=(job,), name=name, daemon=True).start()
        return future

    def _work(self, job: _Job) -> None:
        inbox: SimpleQueue[_Job] = SimpleQueue()
        while True:
            _run(*job)
            del job  # an idle thread holds on to nothing of the call before
            if len(self._idle) >= self._kept:
                return
            self._idle.append(inbox)
            threading.current_thread().name = "kept"
            job = inbox.get()


def _run(call: Callable[[], Any], future: "Future[Any]", name: str) -> None:
    threading.current_thread().name = name
    try:
        answer = call()
    except BaseException as error:  # handed to whoever asks for the result, which raises it there
        future.set_exception(error)
    else:
        future.set_result(answer)


THREADS = Threads()  # idle threads may be anybody's; there is nothing in them to share or to configure
