"""`haltdesk run`, `web` and `worker`: the processes that stay."""

import fcntl
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from slack_sdk.errors import SlackClientError

from bot import __version__
from bot.app import build
from bot.application import Application
from bot.cli.exits import DONE, FAILED, USAGE
from bot.cli.logs import set_up_for
from bot.config.configuration import load_configuration
from bot.engine.engine import Parts
from bot.server import serve
from bot.store import migrate
from bot.store.database import Database, DatabaseError
from bot.store.sqlite_log import lengthen_log
from handlers.slack_places import SOCKET_THREADS

log = logging.getLogger("haltdesk")


SOCKET_AGAIN = 5.0


class AlreadyRunning(Exception):
    """Another process works on this SQLite database."""


def run() -> int:
    """Everything in one process. The database is migrated at the start."""
    return _work(lambda application: _serve(application, Parts.ALL), alone=True)


def web() -> int:
    """Slack, Alertmanager and programs, and the actions confirmed here; several of them may run."""
    return _work(lambda application: _serve(application, Parts.RUN), alone=False)


def worker() -> int:
    """Messages, deadlines, watches, and actions whose process died; several of them may run."""
    return _work(_labour, alone=False)


def _work(work: Callable[[Application], None], *, alone: bool) -> int:
    configuration = load_configuration(os.environ)
    set_up_for(configuration)
    for caution in configuration.cautions():
        log.warning(caution)
    application = build(configuration)
    database = application.desk.database
    if not alone and database.sqlite:
        log.error(
            "SQLite is for one process: use `haltdesk run`, or set DATABASE_URL to a PostgreSQL database."
        )
        return USAGE
    try:
        with place_at(database):
            if not alone:
                migrate.require_newest(database)
            elif migrate.upgrade(database):
                log.info("the database has the schema of this version now")
            lengthen_log(database)
            application.prepare()
            application.take_up()
            work(application)
    except (AlreadyRunning, migrate.SchemaBehind) as refusal:
        log.error(str(refusal))
        return FAILED
    except DatabaseError as failure:
        log.error(
            "the database cannot be used: %s. Mend DATABASE_URL or the database; halts work with"
            " `haltdesk halt` all the same.",
            failure,
        )
        return FAILED
    finally:
        database.dispose()
    return DONE


def _labour(application: Application) -> None:
    port = application.configuration.settings.worker_port
    if port is not None:
        _labour_seen_at(application, port)
        return
    stop = threading.Event()

    def asked(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, asked)
    signal.signal(signal.SIGINT, asked)
    application.engine.start(Parts.ALL)
    application.learn()
    log.info("Haltdesk %s works on messages, deadlines and watches", __version__)
    stop.wait()
    log.info("stopping")
    application.stop()


def _labour_seen_at(application: Application, port: int) -> None:
    """The same, answering /healthz, /readyz and /metrics at `port`, and nothing else."""
    host = application.configuration.settings.host

    def started() -> None:
        application.engine.start(Parts.ALL)
        threading.Thread(target=application.learn, name="identity", daemon=True).start()
        log.info(
            "Haltdesk %s works on messages, deadlines and watches; its health is at http://%s:%s",
            __version__,
            host,
            port,
        )

    def stopping() -> None:
        log.info("stopping")
        application.stop()

    serve(application.monitor, host, port, started=started, stopping=stopping)


def _serve(application: Application, parts: Parts) -> None:
    # Python lets a busy thread run for 5 ms before another gets its turn: too long between a click and a cancel.
    sys.setswitchinterval(0.0005)
    # What was imported stays for ever: looking through it for garbage would only hold everything up.
    gc.collect()
    gc.freeze()
    # A webhook of a hundred alerts makes thousands of objects, none of them in a cycle: to look for cycles at every 700
    # of them, as Python does, takes half of the time that the webhook takes.
    gc.set_threshold(50_000, 20, 50)
    settings = application.configuration.settings

    def started() -> None:
        application.engine.start(parts)
        threading.Thread(target=application.learn, name="identity", daemon=True).start()
        accounts = ", ".join(
            f"{account.name} ({'paper' if account.paper else 'LIVE'})"
            for account in application.desk.accounts
        )
        where = f"http://{settings.host}:{settings.port}"
        log.info("Haltdesk %s listens on %s for %s", __version__, where, accounts)

    def stopping() -> None:
        log.info("stopping")
        application.stop()

    if settings.socket_mode:
        with socket_mode(application):
            serve(application.web, settings.host, settings.port, started=started, stopping=stopping)
    else:
        serve(application.web, settings.host, settings.port, started=started, stopping=stopping)


@contextmanager
def socket_mode(application: Application) -> Iterator[None]:
    """Listen to Slack over Socket Mode; Alertmanager and programs still come over HTTP.

    slack_sdk mends a connection that breaks or goes silent; the first one is asked for until Slack gives it.
    """
    from slack_bolt.adapter.socket_mode import SocketModeHandler

    token = application.configuration.settings.slack_app_token
    assert token is not None
    handler = SocketModeHandler(application.bolt, token.get_secret_value(), concurrency=SOCKET_THREADS)
    stop = threading.Event()

    def connect() -> None:
        while not stop.is_set():
            try:
                handler.connect()  # type: ignore[no-untyped-call]
            except (SlackClientError, OSError) as failure:
                log.error("Socket Mode does not connect, trying again: %s", type(failure).__name__)
                stop.wait(SOCKET_AGAIN)
            else:
                log.info("Socket Mode is connected")
                return

    threading.Thread(target=connect, name="socket-mode", daemon=True).start()
    try:
        yield
    finally:
        stop.set()
        handler.close()  # type: ignore[no-untyped-call]


@contextmanager
def place_at(database: Database) -> Iterator[None]:
    """Take this process's place at the database for as long as it works.

    On SQLite a file lock beside the database refuses a second process; the system lets go of it when the process
    dies, and never before. PostgreSQL has room for all.
    """
    if not database.sqlite:
        yield
        return
    name = database.url.database
    path = Path(f"{name}.lock")
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"another Haltdesk works on {name}. SQLite is for one process: stop that one, or set"
                " DATABASE_URL to a PostgreSQL database for several."
            ) from None
        yield
    finally:
        os.close(handle)
