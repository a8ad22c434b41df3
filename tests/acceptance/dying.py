"""Haltdesk dies at a call of the broker's, wherever the machine's pace lets that call come."""

import threading

from tests.acceptance.trading_desk import TradingDesk


class Death:
    """SIGKILL at the `call`-th request to the broker from now, once; `after`: when the broker has acted on it.

    `requests`: how many the broker had seen by then.
    """

    def __init__(self, desk: TradingDesk, call: int, *, after: bool) -> None:
        self._desk, self._lock = desk, threading.Lock()
        self.requests: int | None = None
        desk.broker.on_request(call, self._strike, after=after)

    def wait(self, ended: str) -> None:
        """Until it has struck: at the latest when `ended` is read in the thread, if fewer calls were enough this time.

        Dying after the end must change nothing. The calls of the next life are safe either way.
        """
        self._desk.until(
            lambda: self.requests is not None or self._desk.replied(ended), what=f"death or {ended!r}"
        )
        self._strike(None)

    def _strike(self, _: object) -> None:
        with self._lock:
            if self.requests is None:
                self._desk.kill()
                self.requests = len(self._desk.broker.requests)
