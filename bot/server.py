"""Serves WSGI with granian in this very process: one process to watch, to kill and to restart."""

import logging
from collections.abc import Callable
from typing import Any

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.mt import MTServer

log = logging.getLogger(__name__)

# Requests handled at the same time; each is short, a webhook's commit is the longest. handlers/web.py and
# handlers/slack_places.py give each kind its share (64 in all), so that what hangs leaves threads for a halt.
THREADS = 96


class OneProcessServer(MTServer):
    """granian with its worker in a thread.

    granian starts worker processes unless Python is free-threaded. A WSGI worker in a thread does not need that (it
    takes the GIL for each call), and one process is what "everything in one process" means: a killed parent leaves
    no child behind that holds the port and the database.
    """

    def _check_gil(self) -> None:
        return


def serve(
    application: Callable[..., Any],
    host: str,
    port: int,
    *,
    started: Callable[[], None] = lambda: None,
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGINT or SIGTERM. Raises when the address cannot be taken."""
    logging.getLogger("_granian").setLevel(logging.ERROR)
    server = OneProcessServer(
        "haltdesk",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        blocking_threads=THREADS,
        backpressure=THREADS * 8,
        http1_settings=HTTP1Settings(),
        log_enabled=False,
    )
    server.on_startup(started)
    server.on_shutdown(stopping)
    server.serve(target_loader=lambda: application, wrap_loader=False)
