"""Slack is away, or does not know the app any more: everything is held back, and one message at a time is tried."""

import threading

from bot.domain.refusals import Remedy, remedy

PAUSES = (2.0, 5.0, 10.0, 15.0)
MESSAGES_IN_TROUBLE = 3  # so many different ones in a row: it is not the message, it is Slack
FOR_PEOPLE = 30.0  # a token does not mend itself
PROBE = 12.0  # as long as one call can take; meanwhile nobody else tries


class Outage:
    """In monotonic seconds. Thread-safe; each process finds out for itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._troubled: set[int] = set()
        self._failures = 0
        self._held = False
        self._probing = False
        self._until = 0.0

    @property
    def held(self) -> bool:
        """Whether everything is held back."""
        with self._lock:
            return self._held

    def pause(self, now: float) -> float:
        """The seconds to hold everything back. At their end one caller is let through, to see whether Slack is back.

        That one says when it is `through`; until then, or until a call has told how Slack is, nobody else tries.
        """
        with self._lock:
            if not self._held or self._until > now:
                return max(0.0, self._until - now) if self._held else 0.0
            self._until, self._probing = now + PROBE, True
            return 0.0

    def left(self, now: float) -> float:
        """The seconds to hold everything back, without trying."""
        with self._lock:
            return max(0.0, self._until - now) if self._held else 0.0

    def through(self, now: float) -> None:
        """A caller is done. If no call has told how Slack is since one was let through, the next one may try."""
        with self._lock:
            if self._held and self._probing:
                self._until, self._probing = min(self._until, now), False

    def failed(self, message: int, now: float) -> None:
        """Slack did not answer, or not as Slack does."""
        with self._lock:
            self._probing = False
            self._troubled.add(message)
            if len(self._troubled) >= MESSAGES_IN_TROUBLE or self._held:
                pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
                self._failures += 1
                self._held, self._until = True, now + pause

    def refused(self, now: float) -> None:
        """Slack does not let the app in."""
        with self._lock:
            self._probing = False
            self._held, self._until = True, now + FOR_PEOPLE

    def answered(self, error: str, now: float) -> None:
        """Slack answered a call with an error of its own (its code): it is there, and may let nobody in."""
        if remedy(error) is Remedy.LET_IN:
            self.refused(now)
        else:
            self.over()

    def over(self) -> None:
        """Slack answered a call as Slack does."""
        with self._lock:
            self._probing = False
            self._troubled.clear()
            self._failures, self._held = 0, False
