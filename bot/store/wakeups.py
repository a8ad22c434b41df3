"""Wakes other processes on PostgreSQL: NOTIFY in the transaction that makes work, LISTEN where it is done."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)

CHANNEL = "haltdesk"
AGAIN = (
    2.0  # seconds until a lost connection is made anew; meanwhile the pieces look by themselves every second
)
LOOK = 1.0


@contextmanager
def listening_connection(engine: Engine) -> Iterator[Connection]:
    """A connection outside any transaction, for what a session holds. It is closed, not given to others afterwards."""
    with engine.connect() as connection:
        try:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")
        finally:
            connection.invalidate()


class Listener:
    """Calls `wake` with the names that another process's commit has notified. A lost connection is only slower."""

    def __init__(self, engine: Engine, wake: Callable[[str], None]) -> None:
        self._engine = engine
        self._wake = wake
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(LOOK * 2)

    def _run(self) -> None:
        # The driver is asked for notifications itself, and raises its own errors. It is not imported here, because
        # a desk on SQLite need not have it in memory.
        of_driver: Any = self._engine.dialect.import_dbapi()
        while not self._stop.is_set():
            try:
                self._listen()
            except (SQLAlchemyError, of_driver.Error) as failure:
                log.warning("the database's notifications are lost for a moment: %s", type(failure).__name__)
                self._stop.wait(AGAIN)

    def _listen(self) -> None:
        with listening_connection(self._engine) as connection:
            connection.exec_driver_sql(f"LISTEN {CHANNEL}")
            driver: Any = connection.connection.driver_connection
            while not self._stop.is_set():
                for notification in driver.notifies(timeout=LOOK):
                    for name in notification.payload.split(","):
                        self._wake(name)
