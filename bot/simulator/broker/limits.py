"""The rate limit of an account: so many calls a minute, as Alpaca counts and tells them."""

import math


class RateLimit:
    """Counts calls in windows of a minute. `per_minute` None: no limit, and no headers."""

    def __init__(self, per_minute: int | None) -> None:
        self.per_minute = per_minute
        self._ends = 0.0
        self._used = 0

    def take(self, now: float) -> bool:
        """Count a call at `now` (epoch seconds); false when it is over the limit."""
        if self.per_minute is None:
            return True
        if now >= self._ends:
            self._ends, self._used = now + 60.0, 0
        self._used += 1
        return self._used <= self.per_minute

    def headers(self) -> dict[str, str]:
        if self.per_minute is None:
            return {}
        return {
            "X-RateLimit-Limit": str(self.per_minute),
            "X-RateLimit-Remaining": str(max(0, self.per_minute - self._used)),
            "X-RateLimit-Reset": str(math.ceil(self._ends)),
        }
