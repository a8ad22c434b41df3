"""How soon `haltdesk run` listens, beside the bare imports of what it stands on; and its memory at rest.

Source of the limits: the desk's issue on storms.
"""

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import requests

from tests.acceptance.trading_desk import ROOT, TradingDesk

ROUNDS = 5
RATIO, MEMORY = 1.5, 97.0
REST = 10.0  # seconds of doing nothing before the memory is read
# The libraries of the design card that Haltdesk has in memory while it runs, and those that they are spoken to with.
IMPORTS = """
import alpaca.common.rest, apscheduler.schedulers.background, granian.server.mt, jinja2, prometheus_api_client
import prometheus_client, psycopg, pydantic_settings, requests, slack_bolt.adapter.wsgi, slack_sdk, sqlalchemy
import sqlalchemy.dialects.sqlite, sqlalchemy.dialects.postgresql, werkzeug.routing, werkzeug.wrappers
"""


def _bare() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True, timeout=60, cwd=ROOT)
    return time.perf_counter() - began


def _ours(desk: TradingDesk) -> float:
    """From the start of the process to the first answer; the database is there and of this version."""
    pause = threading.Event()
    began = time.perf_counter()
    with desk.log.open("ab") as log:
        desk.process = subprocess.Popen(
            [sys.executable, "-m", "bot", "run"],
            cwd=desk.folder,
            env=desk.environment(),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    while True:
        try:
            requests.get(f"{desk.url}/healthz", timeout=2)
            return time.perf_counter() - began
        except requests.RequestException:
            if desk.process.poll() is not None or time.perf_counter() - began > 30:
                raise RuntimeError(desk.log.read_text()[-2000:]) from None
        pause.wait(0.002)


def memory(pid: int) -> float:
    """Resident memory of a process, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc tells nothing of {pid}")


def run() -> bool:
    """Print the figures; false when one is over its limit."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        with TradingDesk(path, f"sqlite:///{path / 'haltdesk.db'}") as desk:
            desk.start()  # makes the database and the bytecode
            desk.kill()
            bare, ours = [], []
            for _ in range(ROUNDS):
                bare.append(_bare())
                ours.append(_ours(desk))
                desk.kill()
            _ours(desk)
            assert desk.process is not None
            threading.Event().wait(REST)
            resident = memory(desk.process.pid)
    ratio = statistics.median(ours) / statistics.median(bare)
    fits, small = ratio <= RATIO, resident <= MEMORY
    print("Start and memory (medians)")
    print(
        f"bare imports {statistics.median(bare):.2f} s, haltdesk run listens after"
        f" {statistics.median(ours):.2f} s: {ratio:.2f} x, at most {RATIO}: {'kept' if fits else 'NOT KEPT'}"
    )
    print(
        f"at rest for {REST:.0f} s: {resident:.0f} MiB, at most {MEMORY:.0f}: {'kept' if small else 'NOT KEPT'}",
        flush=True,
    )
    return fits and small


if __name__ == "__main__":
    sys.exit(0 if run() else 1)
