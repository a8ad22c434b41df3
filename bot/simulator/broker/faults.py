"""Faults that a test puts between broker and client: no answer, half an answer, a wrong one."""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.simulator.broker.wire import Reply

Kind = Literal[
    "status",  # this status (500 unless given) and body
    "redirect",  # 302 to a page
    "html",  # a page with status 200 (unless given), as a proxy answers
    "empty",  # status 200 without a body
    "hang",  # silence for `seconds`, then the connection closes
    "delay",  # the answer comes, `seconds` late
    "reset",  # the connection is reset
    "cut",  # the connection closes in the middle of the body
    "truncated",  # half of the JSON, as if it were all
    "unknown_enums",  # words that no client knows, in place of statuses, classes and types
    "string_body",  # text as the `body` of each item of a 207
    "partial",  # the first `keep` items of a list (half of them unless given)
]
SPOILS_ANSWER = frozenset({"cut", "truncated", "unknown_enums", "string_body", "partial", "delay"})
UNKNOWN_WORD = "newly_added"
WORDS = frozenset(
    [
        "asset_class",
        "exchange",
        "order_class",
        "type",
        "order_type",
        "time_in_force",
        "position_intent",
        "crypto_status",
        "dtbp_check",
        "pdt_check",
        "trade_confirm_email",
        "class",
    ]
)
PAGE = "<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>"


@dataclass(eq=False)
class Fault:
    """One fault in force. `times` None: until it is removed; `struck` counts how often it struck."""

    method: str
    path: re.Pattern[str]
    kind: Kind
    times: int | None
    after: bool
    account: str | None
    status: int | None
    body: Any
    seconds: float
    reset_in: float | None
    keep: int | None
    location: str
    struck: int = 0

    @property
    def lets_happen(self) -> bool:
        """Whether the call takes effect at the broker."""
        return self.after or self.kind in SPOILS_ANSWER

    def fits(self, method: str, path: str, account: str | None) -> bool:
        if self.method not in ("*", method) or (self.account is not None and self.account != account):
            return False
        return any(self.path.fullmatch(form) for form in (path, path.removeprefix("/v2")))


@dataclass(frozen=True)
class Sent:
    """What goes to the client: an answer ready to be written, or none."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    payload: bytes = b""
    wait: float = 0.0  # seconds before anything happens
    ending: Literal["whole", "cut", "close", "reset"] = "whole"


class Faults:
    """The faults in force, oldest first; the first that fits a call strikes. `lock` is the broker's."""

    def __init__(self, epoch: Callable[[], float], lock: threading.Condition) -> None:
        self._epoch = epoch
        self._lock = lock
        self._faults: list[Fault] = []

    def add(
        self,
        method: str,
        path_regex: str,
        kind: Kind = "status",
        times: int | None = None,
        after: bool = False,
        *,
        account: str | None = None,
        status: int | None = None,
        body: Any = None,
        seconds: float = 0.0,
        reset_in: float | None = None,
        keep: int | None = None,
        location: str = "https://broker.example/login",
    ) -> Fault:
        """`path_regex` must match the whole path, with or without `/v2`; `method` "*" is every method.

        `after`: the call takes effect, then its answer is lost. `reset_in`: seconds to `X-RateLimit-Reset`.
        """
        if kind == "hang" and seconds <= 0:
            raise ValueError("a hang needs `seconds`")
        pattern = re.compile(path_regex)
        fault = Fault(
            method.upper(),
            pattern,
            kind,
            times,
            after,
            account,
            status,
            body,
            seconds,
            reset_in,
            keep,
            location,
        )
        with self._lock:
            self._faults.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Also right for one that has worn out."""
        with self._lock:
            if fault in self._faults:
                self._faults.remove(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def draw(self, method: str, path: str, account: str | None) -> Fault | None:
        """The fault that strikes this call, if any; a worn out one leaves."""
        with self._lock:
            for fault in self._faults:
                if fault.fits(method, path, account):
                    fault.struck += 1
                    if fault.times is not None and fault.struck >= fault.times:
                        self._faults.remove(fault)
                    return fault
            return None

    def spoil(self, fault: Fault, whole: Sent) -> Sent:
        """What the client gets instead of `whole`."""
        kind = fault.kind
        if kind in ("hang", "reset"):
            return Sent(wait=fault.seconds, ending="close" if kind == "hang" else "reset")
        if kind == "redirect":
            return Sent(fault.status or 302, {"Location": fault.location, "Content-Type": "text/html"})
        if kind == "html":
            return Sent(fault.status or 200, {"Content-Type": "text/html"}, PAGE.encode())
        if kind == "empty":
            return Sent(fault.status or 200)
        if kind == "status":
            return self._status(fault, whole)
        if kind == "delay":
            return Sent(whole.status, whole.headers, whole.payload, wait=fault.seconds)
        if kind == "cut":
            return Sent(whole.status, whole.headers, whole.payload, ending="cut")
        if kind == "truncated":
            return Sent(whole.status, whole.headers, whole.payload[: max(1, len(whole.payload) // 2)])
        return Sent(whole.status, whole.headers, _rewritten(fault, whole.payload))

    def _status(self, fault: Fault, whole: Sent) -> Sent:
        status = fault.status or 500
        body = fault.body
        if body is None:
            words = {429: "rate limit exceeded", 500: "internal server error"}.get(status, "request failed")
            body = {"code": status * 100000 + 10000, "message": words}
        headers = dict(whole.headers)
        if fault.reset_in is not None:
            headers["X-RateLimit-Reset"] = str(int(self._epoch() + fault.reset_in))
            headers["X-RateLimit-Remaining"] = "0"
        headers["Content-Type"] = "application/json"
        payload = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        return Sent(status, headers, payload)


def encoded(reply: Reply, headers: dict[str, str]) -> Sent:
    """A reply as bytes."""
    if reply.body is None:
        return Sent(reply.status, {**headers, **reply.headers})
    payload = json.dumps(reply.body, separators=(",", ":")).encode()
    return Sent(reply.status, {"Content-Type": "application/json", **headers, **reply.headers}, payload)


def _rewritten(fault: Fault, payload: bytes) -> bytes:
    body = json.loads(payload) if payload else None
    if fault.kind == "unknown_enums":
        body = _with_unknown_words(body)
    elif fault.kind == "partial" and isinstance(body, list):
        body = body[: len(body) // 2 if fault.keep is None else fault.keep]
    elif fault.kind == "string_body" and isinstance(body, list):
        words = fault.body if isinstance(fault.body, str) else ""
        body = [{**item, "body": words} if isinstance(item, dict) else item for item in body]
    return b"" if body is None else json.dumps(body, separators=(",", ":")).encode()


def _with_unknown_words(body: Any) -> Any:
    if isinstance(body, list):
        return [_with_unknown_words(item) for item in body]
    if not isinstance(body, dict):
        return body
    return {
        name: UNKNOWN_WORD
        if isinstance(value, str) and (name in WORDS or name == "status")
        else _with_unknown_words(value)
        for name, value in body.items()
    }
