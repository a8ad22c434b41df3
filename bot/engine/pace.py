"""Slack's pace: about one post a second a channel, edits more freely, and never before Slack's own `Retry-After`.

The pace of a place is learned: a 429 takes its burst away, a further one slows it down, and a long row of calls that
went well brings it back. So a deliverer sends as fast as Slack lets it, and does not bump its head each time; and
several processes, which know nothing of each other, find their shares.
"""

import threading
from dataclasses import dataclass

MARGIN = 1.02  # a call that comes a hair too early costs a whole Retry-After
# A turn is given a little before its time: what must be read and written before the call is not added to the pace.
EARLY = 0.25  # seconds
SLOWER = 1.1
FASTER = 0.95
WENT_WELL = 10  # calls in a row, before a slowed place is tried faster
# Times the pace's own interval. A Slack that refuses whatever is sent must not slow a place down ever more: its
# Retry-After is kept in any case. A little over 2, so that two processes have room to get out of each other's step.
SLOWEST = 2.2
MOST_PLACES = 1_000


@dataclass
class _Bucket:
    tokens: float
    filled_at: float
    burst: float
    interval: float
    barred_until: float = 0.0
    barred_at: float = 0.0
    in_a_row: int = 0


class Pace:
    """Token buckets by place (a channel, a message, a method), in monotonic seconds. Thread-safe.

    A short burst is let through because Slack does.
    """

    def __init__(self, *, per_second: float, burst: float) -> None:
        self._interval = 1.0 / per_second
        self._burst = burst
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, place: str, now: float) -> float:
        """Take a turn at `place` and return 0, or the seconds to wait for one. `sending` says when the turn is."""
        with self._lock:
            bucket = self._bucket(place, now)
            wait = self._wait(bucket, now) - EARLY
            if wait <= 0:
                bucket.tokens -= 1.0
            return max(0.0, wait)

    def take_at_rest(self, place: str, now: float) -> bool:
        """Take a turn at a place where nothing was done for a while, and so nobody waits for one; else False."""
        with self._lock:
            bucket = self._bucket(place, now)
            at_rest = self._wait(bucket, now) <= 0 and bucket.burst > 1.0 and bucket.tokens >= bucket.burst
            if at_rest:
                bucket.tokens -= 1.0
            return at_rest

    def closed(self, now: float) -> dict[str, float]:
        """The places where nothing may be done now, and for how many seconds."""
        with self._lock:
            waits = {place: self._wait(bucket, now) - EARLY for place, bucket in self._buckets.items()}
            return {place: wait for place, wait in waits.items() if wait > 0}

    def sending(self, place: str, now: float, *, at_most: float = 2 * EARLY) -> float:
        """The seconds until the call may go out; when they are more than `at_most` the turn is lost.

        Without a burst the next turn counts from the call, not from `take`.
        """
        with self._lock:
            bucket = self._bucket(place, now)
            self._wait(bucket, now)
            wait = max(-bucket.tokens * bucket.interval, bucket.barred_until - now, 0.0)
            if bucket.burst <= 1.0 and wait <= at_most:
                bucket.tokens, bucket.filled_at = 0.0, now + wait
            return wait

    def went_well(self, place: str, now: float) -> None:
        """Slack took the call."""
        with self._lock:
            bucket = self._bucket(place, now)
            bucket.in_a_row += 1
            if bucket.in_a_row >= WENT_WELL and bucket.burst <= 1.0:
                bucket.in_a_row = 0
                bucket.interval = max(self._interval * MARGIN, bucket.interval * FASTER)

    def bar(self, place: str, now: float, seconds: float) -> None:
        """Slack said when to come back. Calls that were under way at the same moment count as one bump."""
        with self._lock:
            bucket = self._bucket(place, now)
            if bucket.burst > 1.0:
                bucket.burst = 1.0
                bucket.interval = max(bucket.interval, self._interval * MARGIN)
            elif now - bucket.barred_at > bucket.interval / 2:
                bucket.interval = min(bucket.interval * SLOWER, self._interval * SLOWEST)
            bucket.barred_at, bucket.in_a_row = now, 0
            bucket.barred_until = max(bucket.barred_until, now + seconds)
            # When the bar is lifted one may go; the next one waits its turn.
            bucket.tokens, bucket.filled_at = 1.0, now

    def _bucket(self, place: str, now: float) -> _Bucket:
        found = self._buckets.get(place)
        if found is None:
            if len(self._buckets) >= MOST_PLACES:
                self._forget(now)
            found = self._buckets[place] = _Bucket(self._burst, now, self._burst, self._interval)
        return found

    def _forget(self, now: float) -> None:
        """Places at rest that have learned nothing; of the others those that were idle longest."""
        resting = sorted(self._buckets, key=lambda place: self._buckets[place].filled_at)
        fresh = [place for place in resting if self._buckets[place].burst == self._burst]
        for place in [*fresh, *resting][: MOST_PLACES // 2]:
            if self._buckets.get(place) is not None and self._wait(self._buckets[place], now) <= 0:
                del self._buckets[place]

    def _wait(self, bucket: _Bucket, now: float) -> float:
        grown = bucket.tokens + max(0.0, now - bucket.filled_at) / bucket.interval
        bucket.tokens, bucket.filled_at = min(bucket.burst, grown), max(now, bucket.filled_at)
        missing = (1.0 - bucket.tokens) * bucket.interval + max(0.0, bucket.filled_at - now)
        missing = missing if bucket.tokens < 1.0 else 0.0
        # A turn that is a rounding error away is a turn.
        missing = missing if missing > 1e-6 else 0.0
        return max(missing, bucket.barred_until - now, 0.0)
