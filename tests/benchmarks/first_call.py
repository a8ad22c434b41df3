"""From a webhook to the first Slack call that tells of it: stored, claimed, rendered, sent.

Beside it what this machine takes for a bare call of the stand-in Slack and for one durable commit. Each webhook opens
an incident of its own, on a desk at rest and within Slack's pace. Source of the limit: the desk's issue on storms.
"""

import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from json import dumps
from pathlib import Path

import requests

from tests.acceptance.trading_desk import TOKEN, TradingDesk, alert, webhook
from tests.benchmarks.load import drive, request

ROUNDS = 15
LIMIT = 0.008
# An incident's two messages take two places of the channel's pace, which gives one a second.
PACE = 2.3


def one(desk: TradingDesk, number: int) -> float:
    """Seconds from sending the webhook to the call's arrival at the stand-in Slack."""
    name = f"Latency{number}"
    body = dumps(webhook(alert(name, labels={"severity": "warning"}))).encode()
    sent = request("/alertmanager", body, token=TOKEN, port=desk.port)
    began = time.time()
    drive(desk.port, [sent], clients=1)
    call = desk.until(
        lambda: next((one for one in reversed(desk.slack.calls) if name in str(one.args.get("text"))), None),
        what="the incident in Slack",
    )
    return call.at - began


def bare_call(desk: TradingDesk) -> float:
    """Seconds of one call of the stand-in Slack, over a connection of its own as slack_sdk makes it."""
    began = time.perf_counter()
    requests.post(f"{desk.slack.api_url}auth.test", timeout=5)
    return time.perf_counter() - began


def bare_commit(folder: Path) -> float:
    """Seconds of one row in one durable commit, with the settings that Haltdesk has."""
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE IF NOT EXISTS bare (id INTEGER PRIMARY KEY, text TEXT)")
    began = time.perf_counter()
    connection.execute("INSERT INTO bare (text) VALUES ('one')")
    seconds = time.perf_counter() - began
    connection.close()
    return seconds


def measure(desk: TradingDesk, first: int = 1) -> float:
    """The median of `ROUNDS` webhooks, in seconds; `first` names the first alert."""
    pause = threading.Event()
    found = []
    for number in range(first, first + ROUNDS):
        pause.wait(PACE)
        found.append(one(desk, number))
    return statistics.median(found[1:])  # the first one compiles the statements and the templates


def run() -> bool:
    """Print the figures; false when the median is over its limit."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        with TradingDesk(path, f"sqlite:///{path / 'haltdesk.db'}") as desk:
            desk.start()
            median = measure(desk)
            call = statistics.median(bare_call(desk) for _ in range(30))
            commit = statistics.median(bare_commit(path) for _ in range(30))
    fits = median <= LIMIT
    print("From a webhook to the first Slack call (medians)")
    print(
        f"bare call {call * 1000:.1f} ms, bare commit {commit * 1000:.1f} ms, Haltdesk {median * 1000:.1f} ms,"
        f" at most {LIMIT * 1000:.0f}: {'kept' if fits else 'NOT KEPT'}",
        flush=True,
    )
    return fits


if __name__ == "__main__":
    sys.exit(0 if run() else 1)
