"""How a background piece fares: when it last came to its end without an error, and what its last error was."""

import time
from collections.abc import Callable
from typing import Any


class Pulse:
    """One piece of this process. `every`: seconds between its runs, at the most. Times are seconds since the epoch."""

    def __init__(self, name: str, every: float, clock: Callable[[], float] = time.time) -> None:
        self.name, self.every = name, every
        self.errors = 0
        self.last_error: str | None = None
        self.well_at: float | None = None
        self.began_at = clock()
        self._clock = clock

    def well(self) -> None:
        self.last_error = None
        self.well_at = self._clock()

    def failed(self, failure: Exception) -> None:
        self.errors += 1
        self.last_error = f"{type(failure).__name__}: {failure}"[:300]

    def silent_for(self) -> float:
        """Seconds since it last ended well, or since it was made when it never has."""
        return max(0.0, self._clock() - (self.well_at if self.well_at is not None else self.began_at))

    def watching(self, piece: Callable[[], object]) -> Callable[[], None]:
        """`piece`, with how it ended noted here. Its error goes on to whoever runs it."""

        def watched() -> Any:
            try:
                piece()
            except Exception as failure:
                self.failed(failure)
                raise
            self.well()

        return watched
