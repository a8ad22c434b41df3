"""TradingGate: what a trader asks before it sends orders. The standard library alone, so that it can be copied.

    gate = TradingGate("http://127.0.0.1:8080", token, account="main")
    gate.start()                        # asks once a second in a thread of its own
    permission = gate.check()           # answers at once
    if permission.allowed and gate.may_send("buy", qty, position):
        ...                             # size the order by permission.position_multiplier

It fails closed. Without a fresh answer within `limit_seconds`, or when Haltdesk answers with anything but this
account's trading state, nothing may be traded. Sizes are Decimals. Source: docs/trading-gate.md.
"""

import http.client
import json
import os
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

HALTED, RESTRICTED, CAUTIOUS, NORMAL = "halted", "restricted", "cautious", "normal"
STATES = frozenset({HALTED, RESTRICTED, CAUTIOUS, NORMAL})
LARGEST_ANSWER = 256 * 1024  # bytes


@dataclass(frozen=True)
class Permission:
    """What may be traded now. `state` is None when it is not known; then nothing may, and `reason` says why."""

    allowed: bool
    position_multiplier: Decimal
    new_strategies: bool
    state: str | None
    reason: str


class NotAState(Exception):
    """Haltdesk answered, and the answer is not this account's trading state."""


def seconds_passed() -> float:
    """Seconds on a clock that also runs while the machine sleeps, where there is one."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class TradingGate:
    """Asks Haltdesk for the trading state of one account.

    `url` is Haltdesk's address, `token` its API_TOKEN. `account` may be left out when the desk has one account.
    `limit_seconds`: how old an answer may be; it counts from when it was asked for. `trader` is the name under which
    Haltdesk's health check shows this trader. Any thread may call any method.
    """

    def __init__(
        self,
        url: str,
        token: str,
        account: str | None = None,
        limit_seconds: float = 5.0,
        poll_seconds: float = 1.0,
        *,
        trader: str | None = None,
        clock: Callable[[], float] = seconds_passed,
    ) -> None:
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"url must be Haltdesk's http or https address, not {url!r}")
        if not 0 < poll_seconds < limit_seconds:
            raise ValueError("poll_seconds must be above 0 and below limit_seconds")
        path = "/v1/trading-state" + (f"/{urllib.parse.quote(account, safe='')}" if account else "")
        self._url, self._account = url.rstrip("/") + path, account
        self._limit, self._poll, self._clock = limit_seconds, poll_seconds, clock
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "X-Trader": trader or f"{socket.gethostname()}:{os.getpid()}",
        }
        # Neither redirects nor a proxy from the environment: the answer must be Haltdesk's own.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
        self._began = clock()
        self._lock = threading.Lock()
        self._asking: threading.Thread | None = None
        self._known: Permission | None = None  # the newest state, until an answer that is none
        self._etag: str | None = None
        self._asked_at: float | None = None  # when the newest good answer was asked for
        self._failure = "Haltdesk was not asked yet"
        self._polling: threading.Thread | None = None
        self._stop = threading.Event()

    def start(self) -> None:
        """Ask every `poll_seconds` in a daemon thread, until `stop`. Starting twice is starting once."""
        if self._polling is None or not self._polling.is_alive():
            self._stop.clear()
            self._polling = threading.Thread(target=self._keep_asking, name="trading-gate", daemon=True)
            self._polling.start()

    def stop(self) -> None:
        """Stop asking; `limit_seconds` later nothing may be traded, unless `check` is called, which asks itself."""
        self._stop.set()

    def check(self) -> Permission:
        """What may be traded now.

        Without `start` it asks Haltdesk when the last answer is older than `poll_seconds`, and waits for it at most
        `limit_seconds` in all; with `start` it answers at once. Never raises.
        """
        with self._lock:
            age = self._age()
        polling = self._polling is not None and self._polling.is_alive() and not self._stop.is_set()
        if not polling and (age is None or age >= self._poll):
            self._ask_and_wait()
        return self._permission()

    def may_send(self, side: str, qty: Decimal | int | str, position: Decimal | int | str) -> bool:
        """Whether an order (`side` buy or sell, `qty` above 0) may be sent, given the signed `position` held.

        Restricted is reduce only: no order that opens, adds to or turns round a position. Count orders already on
        their way as part of the position. Raises ValueError for what is no order.
        """
        amount, held = _decimal(qty), _decimal(position)
        if side not in ("buy", "sell") or amount is None or amount <= 0 or held is None:
            raise ValueError(f"not an order: {side!r} {qty!r} with position {position!r}")
        permission = self.check()
        if not permission.allowed:
            return False
        if permission.state == RESTRICTED:
            return amount <= (held if side == "sell" else -held)
        return True

    def _permission(self) -> Permission:
        with self._lock:
            age, known, failure = self._age(), self._known, self._failure
            silent = age if age is not None else self._clock() - self._began
        if known is None:
            return _closed(failure)
        if age is None or not 0 <= age <= self._limit:
            return _closed(
                f"Haltdesk has been silent for {silent:.1f} s (limit {self._limit:g} s): {failure}"
            )
        return known

    def _age(self) -> float | None:
        return None if self._asked_at is None else self._clock() - self._asked_at

    def _keep_asking(self) -> None:
        while not self._stop.is_set():
            self._ask_and_wait()
            self._stop.wait(self._poll)

    def _ask_and_wait(self) -> None:
        """Ask in a thread, one at a time: an answer that trickles in must not hold up whoever asks the gate."""
        with self._lock:
            asking = self._asking
            if asking is None or not asking.is_alive():
                asking = self._asking = threading.Thread(
                    target=self._ask, name="trading-gate-ask", daemon=True
                )
                asking.start()
        asking.join(self._limit)

    def _ask(self) -> None:
        asked_at = self._clock()
        headers = dict(self._headers)
        if self._known is not None and self._etag is not None:
            headers["If-None-Match"] = self._etag
        try:
            with self._opener.open(
                urllib.request.Request(self._url, headers=headers), timeout=self._limit
            ) as answer:
                if answer.status != 200:
                    raise NotAState(f"it answered {answer.status}")
                permission = _read(self._body(answer, asked_at), self._account)
                self._take(permission, answer.headers.get("ETag"), asked_at)
        except urllib.error.HTTPError as refusal:
            with refusal:
                if refusal.code == 304 and "If-None-Match" in headers:
                    self._take(self._known, self._etag, asked_at)
                else:
                    self._drop(f"Haltdesk answered {refusal.code}{_HINTS.get(refusal.code, '')}")
        except NotAState as wrong:
            self._drop(f"Haltdesk's answer is not a trading state: {wrong}")
        except (OSError, http.client.HTTPException) as silence:
            # No answer at all: what was known holds until it is older than the limit.
            with self._lock:
                self._failure = f"it does not answer ({type(silence).__name__}: {silence})"[:200]
        except Exception as defect:  # whatever else it is, it is not a permission
            self._drop(f"the answer could not be read ({type(defect).__name__})")

    def _body(self, answer: http.client.HTTPResponse, asked_at: float) -> bytes:
        """The whole body, unless it is too long or trickles in for longer than an answer may be old."""
        found = b""
        while len(found) <= LARGEST_ANSWER:
            part = answer.read1(64 * 1024)
            if not part:
                break
            found += part
            if self._clock() - asked_at > self._limit:
                raise TimeoutError("its answer trickles in")
        return found

    def _take(self, permission: Permission | None, etag: str | None, asked_at: float) -> None:
        with self._lock:
            self._known, self._etag, self._asked_at = permission, etag, asked_at
            self._failure = "no newer answer"

    def _drop(self, why: str) -> None:
        with self._lock:
            self._known, self._etag, self._failure = None, None, why


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Not followed: a login page is not a permission, and the token is not for others."""
        return None


_HINTS = {
    401: ": the token is not its API_TOKEN",
    403: ": it has no API_TOKEN set",
    404: ": it does not know this account, or this is not Haltdesk",
}


def _closed(reason: str) -> Permission:
    return Permission(False, Decimal(0), False, None, reason)


def _decimal(raw: object) -> Decimal | None:
    if isinstance(raw, bool) or not isinstance(raw, Decimal | int | str):
        return None
    try:
        number = Decimal(raw)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _read(body: bytes, account: str | None) -> Permission:
    """The permission that an answer gives. Raises NotAState for anything else than one whole, sensible state."""
    if len(body) > LARGEST_ANSWER:
        raise NotAState("it is too long")
    try:
        found = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError) as wrong:
        raise NotAState("it is not JSON") from wrong
    if not isinstance(found, Mapping):
        raise NotAState("it is not an object")
    if "accounts" in found:
        raise NotAState("the desk has several accounts; say which one this trader trades")
    name, state, reason = found.get("account"), found.get("state"), found.get("reason")
    multiplier, new = _decimal(found.get("position_multiplier")), found.get("new_strategies")
    if not isinstance(name, str) or (account is not None and name != account):
        raise NotAState(f"it is about account {name!r}, not {account!r}")
    if not isinstance(state, str) or state not in STATES:
        raise NotAState(f"it names no known state: {state!r}")
    if multiplier is None or not 0 <= multiplier <= 1:
        raise NotAState(f"position_multiplier is {found.get('position_multiplier')!r}")
    if not isinstance(new, bool) or not (reason is None or isinstance(reason, str)):
        raise NotAState("new_strategies or reason is missing or of another kind")
    if state == HALTED:
        multiplier = Decimal(0)
    allowed = multiplier > 0
    return Permission(allowed, multiplier.normalize(), allowed and new, state, reason or state)
