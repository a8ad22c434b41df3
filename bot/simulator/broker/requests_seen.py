"""The calls that reached the stand-in broker, and what a test wants to do at exactly the n-th of them."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(eq=False)
class Request:
    """One call in the order of arrival. `status` is None until it is answered, if ever."""

    index: int  # from 1
    method: str
    path: str
    query: dict[str, str]
    body: Any
    at: datetime
    key: str
    account: str | None
    status: int | None = None

    def __str__(self) -> str:
        return f"{self.index}. {self.method} {self.path} -> {self.status if self.status else 'no answer'}"


@dataclass(eq=False)
class Hook:
    left: int
    act: Callable[[Request], None]
    method: str
    path: re.Pattern[str]
    after: bool


class RequestsSeen:
    """Guarded by the broker's condition, which is notified of every arrival and answer."""

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._seen: list[Request] = []
        self._hooks: list[Hook] = []

    @property
    def seen(self) -> tuple[Request, ...]:
        with self._changed:
            return tuple(self._seen)

    def arrive(self, request: Request) -> tuple[list[Hook], list[Hook]]:
        """Write the call down; returns the hooks that are due before it and after it. Gives it its index."""
        with self._changed:
            self._seen.append(request)
            request.index = len(self._seen)
            due: tuple[list[Hook], list[Hook]] = ([], [])
            for hook in list(self._hooks):
                if hook.method not in ("*", request.method) or not hook.path.fullmatch(request.path):
                    continue
                hook.left -= 1
                if hook.left == 0:
                    self._hooks.remove(hook)
                    due[hook.after].append(hook)
            self._changed.notify_all()
            return due

    def answered(self, request: Request, status: int | None) -> None:
        with self._changed:
            request.status = status
            self._changed.notify_all()

    def on(self, n: int, act: Callable[[Request], None], method: str, path_regex: str, after: bool) -> None:
        if n < 1:
            raise ValueError("calls are counted from 1")
        with self._changed:
            self._hooks.append(Hook(n, act, method.upper(), re.compile(path_regex), after))

    def forget(self) -> None:
        with self._changed:
            self._seen.clear()
