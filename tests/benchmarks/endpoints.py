"""Waits for a program of a benchmark to listen."""

import socket
import threading
import time

PATIENCE = 20.0


def await_port(port: int) -> None:
    """Return when something listens on the port of this machine. Raises the last error after 20 s."""
    pause = threading.Event()
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > ends:
                raise
        pause.wait(0.02)
