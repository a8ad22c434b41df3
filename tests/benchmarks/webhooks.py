"""Webhooks a second, 16 clients: Haltdesk beside a plain endpoint on the same server and the same database.

Each webhook opens an incident of its own: alert, incident, timeline entries and message rows are in the database before
the 200. The plain endpoint commits one row an alert. Both run in one process of their own, on SQLite (synchronous=FULL)
and on PostgreSQL (fsync on), one after the other in each round. Source of the limits: the desk's issue on storms.

What grouped commits spare is the wait for the disk, and SQLite's writers wait for it one after the other: its figures
are given for slower disks too, where `strace` is installed, which makes each flush of either program longer. PostgreSQL
groups the plain endpoint's commits by itself.
"""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from json import dumps
from pathlib import Path

from tests.acceptance.trading_desk import TOKEN, TradingDesk, alert, webhook
from tests.benchmarks.endpoints import await_port
from tests.benchmarks.load import drive, request
from tests.fixtures.ports import free_port
from tests.fixtures.postgres import RealPostgres

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3
# alerts a webhook: (webhooks a round, at least so many times the plain endpoint)
SIZES = {1: (1600, 1.5), 10: (600, 0.6), 100: (120, 0.6)}
SLOWER = (0.5, 1.0, 2.0)  # milliseconds that a flush takes longer
STARTED = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
_numbers = count()


def bodies(alerts: int, webhooks: int) -> list[bytes]:
    """Webhooks as Alertmanager sends them, each of another alert group."""
    return [_body(alerts, next(_numbers)) for _ in range(webhooks)]


def _body(alerts: int, number: int) -> bytes:
    told = [
        alert(
            "HighLatency",
            started=STARTED,
            labels={"instance": f"host-{number}-{one}:9100", "job": "gateway", "severity": "warning"},
            annotations={"summary": f"p99 latency of host-{number}-{one} is 0.8 s"},
            fingerprint=f"{number:010x}{one:06x}",
        )
        for one in range(alerts)
    ]
    return dumps(webhook(*told, group=f"latency-{number}")).encode()


@contextmanager
def plain(database_url: str, *, slower: float = 0.0) -> Iterator[int]:
    """The plain endpoint, running; gives its port."""
    port = free_port()
    command = [sys.executable, "-m", "tests.benchmarks.plain_endpoint", database_url, str(port), TOKEN]
    with _running(command, port, slower):
        yield port


@contextmanager
def _running(
    command: list[str], port: int, slower: float, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """The program, whose flushes take so many milliseconds longer, until the block ends."""
    disk = ["strace", "--follow-forks", "--seccomp-bpf", "--quiet=all", "--output=/dev/null"]
    disk += ["--trace=fsync,fdatasync", f"--inject=fsync,fdatasync:delay_exit={int(1000 * slower)}"]
    process = subprocess.Popen(
        [*disk, *command] if slower else command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        await_port(port)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


@contextmanager
def haltdesk(folder: Path, database_url: str) -> Iterator[TradingDesk]:
    with TradingDesk(folder, database_url) as desk:
        desk.start()
        yield desk


def rate(port: int, alerts: int, webhooks: int) -> float:
    sent = [request("/alertmanager", body, token=TOKEN, port=port) for body in bodies(alerts, webhooks)]
    return drive(port, sent).per_second


def compare(name: str, folder: Path, plain_url: str, ours_url: str) -> bool:
    """Print the figures on one database; false when a limit is not kept."""
    kept = True
    for alerts, (webhooks, limit) in SIZES.items():
        theirs, ours = [], []
        for _ in range(ROUNDS):
            with plain(plain_url) as port:
                rate(port, alerts, webhooks // 10)
                theirs.append(rate(port, alerts, webhooks))
            with haltdesk(folder, ours_url) as desk:
                rate(desk.port, alerts, webhooks // 10)
                ours.append(rate(desk.port, alerts, webhooks))
        ratio = statistics.median(ours) / statistics.median(theirs)
        fits = ratio >= limit
        kept = kept and fits
        print(
            f"{name:>10} {alerts:>6} {statistics.median(theirs):>8.0f}/s {statistics.median(ours):>8.0f}/s"
            f"  {ratio:.2f} x, at least {limit}: {'kept' if fits else 'NOT KEPT'}",
            flush=True,
        )
    return kept


def slower_disks(folder: Path) -> None:
    """Print the figures of SQLite for disks that are slower than this one."""
    if shutil.which("strace") is None:
        print("slower disks are left out: install strace")
        return
    webhooks, _ = SIZES[1]
    for slower in SLOWER:
        theirs, ours = [], []
        for number in range(ROUNDS):
            name = folder / f"{slower}-{number}"
            with plain(f"sqlite:///{name}-plain.db", slower=slower) as port:
                rate(port, 1, webhooks // 10)
                theirs.append(rate(port, 1, webhooks // 2))
            with TradingDesk(folder, f"sqlite:///{name}-haltdesk.db") as desk:
                run = [sys.executable, "-m", "bot", "run"]
                with _running(run, desk.port, slower, desk.environment()):
                    rate(desk.port, 1, webhooks // 10)
                    ours.append(rate(desk.port, 1, webhooks // 2))
        ratio = statistics.median(ours) / statistics.median(theirs)
        print(
            f"{'SQLite':>10} {1:>6} {statistics.median(theirs):>8.0f}/s {statistics.median(ours):>8.0f}/s"
            f"  {ratio:.2f} x with each flush {slower} ms longer",
            flush=True,
        )


def flush(folder: Path) -> float:
    """Seconds that this disk takes to keep one page: grouped commits save most of that where it is long."""
    took = []
    with (folder / "page").open("wb", buffering=0) as page:
        for _ in range(50):
            page.write(b"x" * 4096)
            began = time.perf_counter()
            os.fdatasync(page.fileno())
            took.append(time.perf_counter() - began)
    return statistics.median(took)


def run() -> bool:
    """Print the figures; false when one is under its limit."""
    print("Webhooks a second, each durable before its 200 (medians; 16 clients)")
    with tempfile.TemporaryDirectory() as name:
        print(f"this disk keeps a page in {1000 * flush(Path(name)):.2f} ms")
    print(f"{'database':>10} {'alerts':>6} {'plain':>10} {'Haltdesk':>10}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = compare(
            "SQLite", folder, f"sqlite:///{folder / 'plain.db'}", f"sqlite:///{folder / 'haltdesk.db'}"
        )
        slower_disks(folder)
    server = RealPostgres()
    try:
        server.start()
        with tempfile.TemporaryDirectory() as name:
            kept &= compare("PostgreSQL", Path(name), server.fresh_database(), server.fresh_database())
    finally:
        server.remove()
    return kept


if __name__ == "__main__":
    sys.exit(0 if run() else 1)
