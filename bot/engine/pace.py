"""Slack's pace: about one post a second a channel, edits more freely, and never before Slack's own `Retry-After`."""

import threading
from dataclasses import dataclass


@dataclass
class _Bucket:
    tokens: float
    filled_at: float
    burst: float


class Pace:
    """Token buckets by channel, in monotonic seconds. Thread-safe.

    A short burst is let through because Slack does; a 429 takes the burst away from that channel for good.
    """

    def __init__(self, *, per_second: float, burst: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._buckets: dict[str, _Bucket] = {}
        self._barred: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, channel: str, now: float) -> float:
        """Take a place in `channel` and return 0, or the seconds to wait for one."""
        with self._lock:
            wait = self._wait(channel, now)
            if wait <= 0:
                self._buckets[channel].tokens -= 1.0
            return wait

    def closed(self, now: float) -> dict[str, float]:
        """The channels that nothing may go to now, and for how many seconds."""
        with self._lock:
            waits = {channel: self._wait(channel, now) for channel in self._buckets}
            return {channel: wait for channel, wait in waits.items() if wait > 0}

    def _wait(self, channel: str, now: float) -> float:
        bucket = self._buckets.setdefault(channel, _Bucket(self._burst, now, self._burst))
        grown = bucket.tokens + (now - bucket.filled_at) * self._per_second
        bucket.tokens, bucket.filled_at = min(bucket.burst, grown), now
        missing = (1.0 - bucket.tokens) / self._per_second if bucket.tokens < 1.0 else 0.0
        return max(missing, self._barred.get(channel, 0.0) - now, 0.0)

    def bar(self, channel: str, now: float, seconds: float) -> None:
        """Slack said when to come back."""
        with self._lock:
            self._barred[channel] = max(self._barred.get(channel, 0.0), now + seconds)
            # When the bar is lifted, one may go; the next one waits its turn.
            self._buckets[channel] = _Bucket(1.0, now, 1.0)
