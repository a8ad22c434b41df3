"""`haltdesk run`: everything in one process."""

import fcntl
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot import __version__
from bot.app import Application, build
from bot.cli.exits import DONE, FAILED
from bot.cli.logs import set_up
from bot.config.configuration import load_configuration
from bot.server import serve
from bot.store import migrate
from bot.store.database import Database, DatabaseError

log = logging.getLogger("haltdesk")


class AlreadyRunning(Exception):
    """Another process works on this SQLite database."""


def run() -> int:
    """Serve until stopped. A SQLite database is migrated at the start; so is PostgreSQL, under its lock."""
    configuration = load_configuration(os.environ)
    settings = configuration.settings
    set_up(settings.log_level)
    for caution in configuration.cautions():
        log.warning(caution)
    application = build(configuration)
    try:
        with only_process(application.desk.database):
            if migrate.upgrade(application.desk.database):
                log.info("the database has the schema of this version now")
            application.prepare(alone=application.desk.database.sqlite)
            _serve(application)
    except AlreadyRunning as other:
        log.error(str(other))
        return FAILED
    except DatabaseError as failure:
        log.error(
            "the database cannot be used: %s. Mend DATABASE_URL or the database; halts work with"
            " `haltdesk halt` all the same.",
            failure,
        )
        return FAILED
    finally:
        application.desk.database.dispose()
    return DONE


def _serve(application: Application) -> None:
    # Python lets a busy thread run for 5 ms before another gets its turn: too long between a click and a cancel.
    sys.setswitchinterval(0.0005)
    settings = application.configuration.settings

    def started() -> None:
        application.engine.start()
        threading.Thread(target=application.learn, name="identity", daemon=True).start()
        accounts = ", ".join(
            f"{account.name} ({'paper' if account.paper else 'LIVE'})"
            for account in application.desk.accounts
        )
        where = f"http://{settings.host}:{settings.port}"
        log.info("Haltdesk %s listens on %s for %s", __version__, where, accounts)

    def stopping() -> None:
        log.info("stopping")
        application.engine.stop()

    if settings.socket_mode:
        with socket_mode(application):
            serve(application.web, settings.host, settings.port, started=started, stopping=stopping)
    else:
        serve(application.web, settings.host, settings.port, started=started, stopping=stopping)


@contextmanager
def socket_mode(application: Application) -> Iterator[None]:
    """Listen to Slack over Socket Mode; Alertmanager and programs still come over HTTP."""
    from slack_bolt.adapter.socket_mode import SocketModeHandler

    token = application.configuration.settings.slack_app_token
    assert token is not None
    handler = SocketModeHandler(application.bolt, token.get_secret_value())
    connecting = threading.Thread(target=handler.connect, name="socket-mode", daemon=True)
    connecting.start()
    try:
        yield
    finally:
        handler.close()  # type: ignore[no-untyped-call]


@contextmanager
def only_process(database: Database) -> Iterator[None]:
    """Hold the lock beside a SQLite database for as long as this process works on it. Nothing for PostgreSQL."""
    name = database.url.database
    if not database.sqlite or not name or name == ":memory:":
        yield
        return
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
