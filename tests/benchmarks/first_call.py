"""From a webhook to the first Slack call that tells of it: stored, claimed, rendered, sent.

Beside it Alertmanager's own Slack notifier, from an alert to its call, and what this machine takes for one durable
commit. Each webhook opens an incident of its own, on a desk at rest and within Slack's pace; it is sent over a kept
connection, as Alertmanager does. Source of the limit: the desk's issue on storms.
"""

import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from json import dumps
from pathlib import Path

from tests.acceptance.trading_desk import INCIDENTS, TOKEN, TradingDesk, alert, webhook
from tests.benchmarks.arrivals import Door
from tests.benchmarks.load import Kept, request
from tests.fixtures.alerting import RealAlertmanager

ROUNDS = 15
LIMIT = 0.008
# An incident's two messages take two places of the channel's pace, which gives one a second.
PACE = 2.3
POST = "/api/chat.postMessage"


def haltdesk(desk: TradingDesk, door: Door, client: Kept, number: int) -> float:
    """Seconds from sending the webhook to the call's arrival at Slack."""
    name = f"Latency{number}"
    body = dumps(webhook(alert(name, labels={"severity": "warning"}))).encode()
    began = client.ask(request("/alertmanager", body, token=TOKEN, port=desk.port))
    arrived = door.first(POST, began)
    _shown(desk, name)
    return arrived - began


def alertmanager(desk: TradingDesk, door: Door, hook: str, client: Kept, number: int) -> float:
    """The same, of Alertmanager's own notifier: from its being told of an alert."""
    name = f"Notified{number}"
    told = [{"labels": {"alertname": name}, "startsAt": datetime.now(UTC).isoformat()}]
    began = client.ask(request("/api/v2/alerts", dumps(told).encode(), token="", port=client.port))
    arrived = door.first(f"/{hook}", began)
    _shown(desk, name)
    return arrived - began


def _shown(desk: TradingDesk, name: str) -> None:
    """The call that arrived was the one that tells of it, and nothing else was."""
    desk.until(
        lambda: any(name in desk.slack.text_of(one) for one in desk.slack.messages(INCIDENTS)[-1:]),
        what=f"{name} in Slack",
    )


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


def measure(one: Callable[[int], float]) -> float:
    """The median of `ROUNDS`, in seconds, each after a rest."""
    pause = threading.Event()
    found = []
    for number in range(ROUNDS):
        pause.wait(PACE)
        found.append(one(number))
    return statistics.median(found[1:])  # the first one compiles the statements and the templates


def run() -> bool:
    """Print the figures; false when the median is over its limit."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        with (
            TradingDesk(path, f"sqlite:///{path / 'haltdesk.db'}") as desk,
            Door(desk.slack.page_url) as door,
        ):
            theirs = _notifier(path, desk, door)
            desk.settings["SLACK_API_URL"] = f"{door.url}api/"
            desk.start()
            with Kept(desk.port) as client:
                median = measure(lambda number: haltdesk(desk, door, client, number))
            commit = statistics.median(bare_commit(path) for _ in range(30))
    fits = median <= LIMIT
    print("From a webhook to the first Slack call (medians)")
    print(
        f"Alertmanager's own notifier {theirs * 1000:.1f} ms, bare commit {commit * 1000:.1f} ms,"
        f" Haltdesk {median * 1000:.1f} ms, at most {LIMIT * 1000:.0f}: {'kept' if fits else 'NOT KEPT'}",
        flush=True,
    )
    return fits


def _notifier(folder: Path, desk: TradingDesk, door: Door) -> float:
    hook = desk.slack.install("Alertmanager").hook
    server = RealAlertmanager(folder / "alertmanager", None, slack_url=f"{door.url}{hook}", wait="0s")
    server.start()
    try:
        with Kept(server.port) as client:
            return measure(lambda number: alertmanager(desk, door, hook, client, number))
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(0 if run() else 1)
