"""A log record is one line that a program can read, says what it is about, and holds no secret."""

import json
import logging
import sys
import threading
from io import StringIO
from typing import Any

import pytest

from bot.adapters.bounded import bounded
from bot.logs import Format, OneLine
from bot.ports.about import about

SECRETS = ("correct-horse-battery", "postgresql://desk:pa%2Fss%40word@db.example/haltdesk", 'quo"ted\\one')


def line(message: str, *arguments: object, form: Format = "json", error: BaseException | None = None) -> str:
    info = (type(error), error, error.__traceback__) if error is not None else None
    record = logging.LogRecord("bot.engine", logging.WARNING, "x.py", 1, message, arguments, info)
    return OneLine(form, SECRETS).format(record)


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


@pytest.mark.parametrize("form", ["json", "text"])
def test_whatever_is_logged_is_one_line(form: Format) -> None:
    told = line("two\nlines\r\nand \u2028 more \x85", form=form, error=raised(ValueError("a\nb")))
    assert len(told.splitlines()) == 1
    assert "ValueError: a" in told


def test_json_holds_every_field() -> None:
    with about(incident="INC-42", action="halt:7"), about(account="main", by=None):
        told = json.loads(line("the halt of %s broke off", "main", error=raised(KeyError("x"))))
    assert told["time"].endswith("Z")
    assert told["time"][10] == "T"
    assert told["exception"].startswith("Traceback")
    assert {name: told[name] for name in told if name not in ("time", "exception")} == {
        "level": "warning",
        "logger": "bot.engine",
        "message": "the halt of main broke off",
        "incident": "INC-42",
        "action": "halt:7",
        "account": "main",
    }


def test_text_is_logfmt() -> None:
    with about(incident="INC-42"):
        told = line('Slack said "no"', form="text")
    assert told.endswith(r'level=warning logger=bot.engine message="Slack said \"no\"" incident=INC-42')


def test_what_the_work_is_about_goes_along_into_a_bounded_call_and_ends_with_its_block() -> None:
    with about(account="main"):
        assert "account" in json.loads(bounded(lambda: line("asked"), 5, "question"))
    assert "account" not in json.loads(line("asked"))


@pytest.mark.parametrize(
    "text",
    [
        "the token correct-horse-battery was refused",
        "correct-horse-battery",
        "connection to postgresql://desk:pa%2Fss%40word@db.example/haltdesk failed",
        "password pa/ss@word is wrong",
        "form: token=correct-horse-battery&x=1",
        'body {"key": "quo\\"ted\\\\one"}',
        "Authorization: Bearer abcdef123456",
        "xoxb-1234-5678-abcdefgh in the request",
        "posted to https://hooks.slack.com/services/T0/B0/abcdefgh",
        "postgresql://other:hunter2@db.example/x",
        "APCA-API-KEY-ID PKABCDEFGHIJ12345678",
    ],
)
@pytest.mark.parametrize("form", ["json", "text"])
def test_no_secret_passes_in_a_message_or_in_a_traceback(text: str, form: Format) -> None:
    shown = line("%s", text, form=form) + line("failed", form=form, error=raised(RuntimeError(text)))
    assert "[hidden]" in shown
    for secret in (
        "correct-horse",
        "pa%2Fss",
        "pa/ss",
        "quo",
        "abcdef123456",
        "5678-abcdefgh",
        "B0/abcdefgh",
        "hunter2",
        "PKABCDEFGHIJ",
    ):
        assert secret not in shown, shown


def test_what_people_need_stays() -> None:
    order = "61e69015-8549-4bfd-b9c3-01e75843f47d"
    told = json.loads(line("order %s of INC-42 is pending_cancel since 2026-03-02T15:00:00+00:00", order))
    assert told["message"] == f"order {order} of INC-42 is pending_cancel since 2026-03-02T15:00:00+00:00"


def test_a_record_whose_arguments_do_not_fit_is_told_all_the_same() -> None:
    assert "arguments do not fit" in json.loads(line("%d orders", "many"))["message"]


def test_a_thread_that_dies_says_so_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from bot import logs

    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    quiet = {name: logging.getLogger(name).level for name in logs.QUIET}
    written = StringIO()
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    try:
        logs.set_up("INFO", "json", SECRETS, written)

        def die() -> Any:
            raise RuntimeError("with correct-horse-battery")

        thread = threading.Thread(target=die, name="deliverer-9")
        thread.start()
        thread.join(5)
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        logging.captureWarnings(False)
        for name, was in quiet.items():
            logging.getLogger(name).setLevel(was)
    (told,) = [json.loads(one) for one in written.getvalue().splitlines()]
    assert told["message"] == "the thread deliverer-9 ended by an error"
    assert "RuntimeError: with [hidden]" in told["exception"]
