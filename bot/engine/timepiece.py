"""The real clock, and a wait that ends when the process is asked to stop."""

import threading
import time
from datetime import UTC, datetime


class SystemTime:
    """Aware UTC now, monotonic seconds, and waiting on one stop event."""

    def __init__(self) -> None:
        self.stop = threading.Event()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> bool:
        return self.stop.wait(max(0.0, seconds))
