"""Wakes other processes on PostgreSQL: NOTIFY in the transaction that makes work, LISTEN where it is done."""

import logging
import threading
from collections.abc import Callable

import psycopg
from sqlalchemy import URL

log = logging.getLogger(__name__)

CHANNEL = "haltdesk"
AGAIN = (
    2.0  # seconds until a lost connection is made anew; meanwhile the pieces look by themselves every second
)
LOOK = 1.0


def plain_url(url: URL) -> str:
    """The URL as psycopg takes it, with the password: not for logs."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


class Listener:
    """Calls `wake` with the names that another process's commit has notified. A lost connection is only slower."""

    def __init__(self, url: URL, wake: Callable[[str], None]) -> None:
        self._conninfo = plain_url(url)
        self._wake = wake
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(LOOK * 2)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except psycopg.Error as failure:
                log.warning("the database's notifications are lost for a moment: %s", type(failure).__name__)
                self._stop.wait(AGAIN)

    def _listen(self) -> None:
        with psycopg.connect(self._conninfo, autocommit=True, connect_timeout=3) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            while not self._stop.is_set():
                for notification in connection.notifies(timeout=LOOK):
                    for name in notification.payload.split(","):
                        self._wake(name)
