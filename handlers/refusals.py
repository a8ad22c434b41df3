"""Requests that are refused: counted by address, answered 429 when there are too many, logged once a minute.

Nothing here stands before a request with a valid token or signature: only refusals are counted, and only what would
be refused anyhow is answered 429. So a good sender that shares its address with a bad one is never held up.
"""

import ipaddress
import logging
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from math import ceil

log = logging.getLogger(__name__)

# no or a wrong bearer token or signature; a foreign workspace; not what the endpoint takes; too large; too many
REASONS = ("token", "signature", "workspace", "body", "too_large", "limited")
ADDRESSES = 4096  # remembered at most; the one refused longest ago is forgotten first
LOGGED_EVERY = 60.0  # seconds


class Refusals:
    """`most` refusals within `seconds` for one address. `counted` is told the reason of every one."""

    def __init__(
        self,
        most: int,
        seconds: float,
        counted: Callable[[str], None] = lambda reason: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._seconds, self._counted, self._monotonic = most, seconds, counted, monotonic
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._logged_at: float | None = None
        self._unlogged: Counter[str] = Counter()

    def note(self, address: str, reason: str) -> int | None:
        """A request from `address` is refused. The seconds after which to ask again, or None while it is not too many.

        A span begins with an address's first refusal and ends `seconds` later, whatever comes meanwhile.
        """
        now = self._monotonic()
        with self._lock:
            limited = self._limited(_party(address), now)
            line = self._line(now, "limited" if limited is not None else reason)
        self._counted("limited" if limited is not None else reason)
        if line is not None:
            log.warning("%s; the last one came from %s", line, address)
        return limited

    def count(self, address: str, reason: str) -> None:
        """A request with a valid token or signature is refused for what it holds: never too many."""
        now = self._monotonic()
        with self._lock:
            line = self._line(now, reason)
        self._counted(reason)
        if line is not None:
            log.warning("%s; the last one came from %s", line, address)

    def _limited(self, party: str, now: float) -> int | None:
        began, number = self._seen.pop(party, (now, 0))
        if now - began >= self._seconds:
            began, number = now, 0
        self._seen[party] = (began, number + 1)
        while len(self._seen) > ADDRESSES:
            self._seen.popitem(last=False)
        if number < self._most:
            return None
        return max(1, ceil(self._seconds - (now - began)))

    def _line(self, now: float, reason: str) -> str | None:
        """What to log about the refusals since the last line; None when that was less than a minute ago."""
        self._unlogged[reason] += 1
        if self._logged_at is not None and now - self._logged_at < LOGGED_EVERY:
            return None
        self._logged_at = now
        reasons = ", ".join(f"{name} {number}" for name, number in sorted(self._unlogged.items()))
        total = self._unlogged.total()
        self._unlogged.clear()
        return f"{total} {'request' if total == 1 else 'requests'} refused ({reasons})"

    @property
    def remembered(self) -> int:
        with self._lock:
            return len(self._seen)


def _party(address: str) -> str:
    """Whoever has an IPv6 address has its whole /64: that counts as one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if found.version == 6:
        return str(ipaddress.ip_network((found, 64), strict=False).network_address)
    return str(found)
