"""Haltdesk in one process on SQLite, or in two web and two worker processes on PostgreSQL; each of them can die."""

import json
import random
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests

from tests.acceptance.trading_desk import TradingDesk
from tests.fixtures.haltdesk_process import HaltdeskProcess
from tests.fixtures.ports import free_port


class Process:
    """One process of Haltdesk, in a folder of its own as on a machine of its own. It can be killed and started."""

    def __init__(self, desk: "StormyDesk", role: str, number: int) -> None:
        self.name = f"{role}-{number}"
        self._desk, self._role = desk, role
        self._folder = desk.folder / self.name
        self._folder.mkdir()
        self._port = desk.port if role == "run" else free_port()
        self.log = self._folder / "bot.log"
        self._child: HaltdeskProcess | None = None
        self.lives = 0

    @property
    def url(self) -> str | None:
        """Where it listens; None for a worker."""
        return None if self._role == "worker" else f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def start(self) -> None:
        environment = self._desk.environment() | {
            "PORT": str(self._port),
            "JOURNAL_PATH": str(self._folder / "journal.jsonl"),
        }
        self._child = HaltdeskProcess(self._role, folder=self._folder, environment=environment, log=self.log)
        self.lives += 1

    def kill(self) -> None:
        """SIGKILL; nothing when it does not run."""
        if self._child is not None:
            self._child.kill()
            self._child.wait(60)
            self._child = None

    def assert_alive(self) -> None:
        assert self._child is not None
        code = self._child.poll()
        assert code is None, f"{self.name} ended by itself with {code}:\n{self.log.read_text()[-3000:]}"

    def answers(self) -> bool:
        self.assert_alive()
        if self.url is None:
            return True
        try:
            return requests.get(f"{self.url}/healthz", timeout=2).status_code == 200
        except requests.RequestException:
            return False


class StormyDesk(TradingDesk):
    """A trading desk of one process (SQLite) or of four (PostgreSQL)."""

    def __init__(self, folder: Path, database_url: str, **settings: str) -> None:
        super().__init__(folder, database_url, **settings)
        roles = ["run"] if database_url.startswith("sqlite") else ["web", "web", "worker", "worker"]
        self.processes = [Process(self, role, number) for number, role in enumerate(roles, start=1)]

    @property
    def urls(self) -> list[str]:
        return [process.url for process in self.processes if process.url is not None]

    @property
    def url(self) -> str:
        return self.urls[0] if getattr(self, "processes", None) else super().url

    def start(self) -> None:
        if len(self.processes) > 1:
            done = self.cli("migrate")
            assert done.returncode == 0, done.stderr
        for process in self.processes:
            process.start()
        self.until(
            lambda: all(process.answers() for process in self.processes),
            what="Haltdesk to answer",
            seconds=60,
        )

    def kill(self) -> None:
        for process in getattr(self, "processes", []):
            process.kill()

    def logs(self) -> str:
        return "\n".join(
            f"{process.name}:\n{process.log.read_text()[-2000:]}"
            for process in self.processes
            if process.log.exists()
        )

    def press(self, body: str, draw: random.Random, *, seconds: float = 60) -> None:
        """Send a signed request of Slack's until it is acknowledged, to whichever web process answers.

        A person whose press came to nothing presses again: the same modal, so the same mark.
        """
        ends, pause = time.monotonic() + seconds, threading.Event()
        while time.monotonic() < ends:
            self.slack.sender.app_url = draw.choice(self.urls)
            answer = self.slack.signed_request(body)
            if answer.acknowledged:
                assert answer.body.strip() in ("", "{}"), answer.body
                return
            pause.wait(0.2)
        raise AssertionError(f"no press was acknowledged within {seconds:g} s\n{self.logs()}")


class Reaper(threading.Thread):
    """Kills a process picked at random about every two seconds, and starts it again at once.

    The next one dies only when the last one answers, or the storm would be one long start.
    """

    def __init__(self, desk: StormyDesk, *, kills: int, seed: int, every: float = 2.0) -> None:
        super().__init__(name="reaper", daemon=True)
        self._desk, self._left, self._draw, self._every = desk, kills, random.Random(seed), every
        self.killed: list[tuple[float, str]] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        pause = threading.Event()
        try:
            for _ in range(self._left):
                pause.wait(self._draw.uniform(0.25, 1.75) * self._every)
                victim = self._draw.choice(self._desk.processes)
                victim.kill()
                self.killed.append((time.time(), victim.name))
                victim.start()
                self._desk.until(victim.answers, what=f"{victim.name} to answer again")
        except BaseException as failure:
            self.failure = failure
            raise

    def finished(self, seconds: float) -> list[tuple[float, str]]:
        """Wait for the last kill; its failures are raised here."""
        self.join(seconds)
        assert not self.is_alive(), "the reaper hangs"
        if self.failure is not None:
            raise self.failure
        return self.killed


def submission(payload: dict[str, Any]) -> str:
    """A payload as Slack puts it into the body of a request."""
    return urlencode({"payload": json.dumps(payload)})
