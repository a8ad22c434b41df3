"""Log records as one line each, logfmt or JSON, without secrets, with what the work was about (`bot.ports.about`)."""

import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, TextIO
from urllib.parse import quote, unquote, urlsplit

from bot.domain.redacted import COVER, covered
from bot.ports.about import now_about

Format = Literal["text", "json"]

LONGEST_MESSAGE = 4_000
LONGEST_TRACE = 12_000  # its end is kept: that is where the error is
SHORTEST_SECRET = 6  # a shorter one would be found in every other word

# These say at INFO what Haltdesk says itself, or every tick, or whole statements with everything in them.
QUIET = (
    "apscheduler",
    "urllib3",
    "slack_sdk",
    "slack_bolt",
    "alembic",
    "sqlalchemy",
    "psycopg",
    "asyncio",
    "alpaca",
)


class OneLine(logging.Formatter):
    """`secrets` are covered wherever they stand, in messages, fields and tracebacks of every logger."""

    def __init__(self, form: Format, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._form = form
        # The longest first: a secret may be part of another one.
        self._secrets = sorted(_forms(secrets), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._safe(_message(record))[:LONGEST_MESSAGE],
        }
        fields |= {name: self._safe(value)[:200] for name, value in now_about().items()}
        if record.exc_info and record.exc_info[0] is not None:
            fields["exception"] = self._safe(_trace(record.exc_info))
        if self._form == "json":
            return json.dumps(fields, ensure_ascii=False).translate(_JSON_SEPARATORS)
        return " ".join(f"{name}={_quoted(value)}" for name, value in fields.items())

    def _safe(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, COVER)
        return covered(text)


def set_up(
    level: str, form: Format = "text", secrets: Iterable[str] = (), stream: TextIO | None = None
) -> None:
    """Log to `stream` (standard error when None), warnings and uncaught exceptions included."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(OneLine(form, secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in QUIET:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def _uncaught(kind: type[BaseException], failure: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("haltdesk").critical("ended by an error", exc_info=(kind, failure, trace))


def _uncaught_in_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is None or ended.exc_type is SystemExit:
        return
    name = ended.thread.name if ended.thread is not None else "unknown"
    logging.getLogger("haltdesk").error(
        "the thread %s ended by an error",
        name,
        exc_info=(ended.exc_type, ended.exc_value, ended.exc_traceback),
    )


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as failure:  # a record that cannot be put together must not end what it tells of
        return f"{record.msg!r} (arguments do not fit: {type(failure).__name__})"


def _trace(failure: Any) -> str:
    text = "".join(traceback.format_exception(*failure)).rstrip()
    return text if len(text) <= LONGEST_TRACE else f"…{text[-LONGEST_TRACE:]}"


def _forms(secrets: Iterable[str]) -> set[str]:
    """Each secret as it may come: as given, as in an address, and the password of an address by itself."""
    found: set[str] = set()
    for secret in secrets:
        given = {secret}
        try:
            password = urlsplit(secret).password
        except ValueError:
            password = None
        if password:
            given |= {password, unquote(password)}
        for one in given:
            found |= {one, quote(one, safe=""), json.dumps(one)[1:-1], repr(one)[1:-1]}
    return {one for one in found if len(one) >= SHORTEST_SECRET}


# Line separators that JSON lets stand, and that some readers of lines split at.
_JSON_SEPARATORS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/+@#")


def _quoted(value: Any) -> str:
    text = str(value)
    if text and _PLAIN.issuperset(text):
        return text
    return json.dumps(text, ensure_ascii=False).translate(_JSON_SEPARATORS)
