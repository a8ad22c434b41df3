"""A desk for a test: stand-in Slack, broker and ledger, and the real `haltdesk run` in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import requests

from bot.simulator.broker.simulator import BrokerSimulator
from bot.simulator.ledger import LedgerSimulator
from bot.simulator.slack import SlackSimulator
from tests.fixtures.databases import lay
from tests.fixtures.haltdesk_process import HaltdeskProcess
from tests.fixtures.ports import free_port

T = TypeVar("T")

INCIDENTS, STAKEHOLDERS = "C0INCIDENTS", "C0STAKEHOLDERS"
TOKEN = "alertmanager-token-of-the-test"
API_TOKEN = "api-token-of-the-test"
# Seconds within which anything must come that is waited for: far more than it takes, for machines that are slow.
PATIENCE = 90.0
ROOT = Path(__file__).resolve().parents[2]

POLICY = """
format = 1
[notices]
resolution_delay = "{delay}"
[halt]
readings_apart = "2s"
"""


def alert(
    name: str,
    *,
    status: str = "firing",
    started: datetime | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    fingerprint: str | None = None,
) -> dict[str, Any]:
    """One alert of a webhook. The fingerprint follows from name and labels unless it is given."""
    given = {"alertname": name, **(labels or {})}
    started = started or datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
    return {
        "status": status,
        "labels": given,
        "annotations": dict(annotations or {}),
        "startsAt": started.isoformat(),
        "endsAt": "0001-01-01T00:00:00Z"
        if status == "firing"
        else (started + timedelta(minutes=5)).isoformat(),
        "generatorURL": "http://prometheus.example:9090/graph",
        "fingerprint": fingerprint or f"{abs(hash(tuple(sorted(given.items())))):016x}"[:16],
    }


def webhook(*alerts: dict[str, Any], group: str | None = None) -> dict[str, Any]:
    """A webhook of version 4 for one alert group."""
    name = group or alerts[0]["labels"]["alertname"]
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{name}"}}',
        "truncatedAlerts": 0,
        "status": "firing" if any(one["status"] == "firing" for one in alerts) else "resolved",
        "receiver": "haltdesk",
        "groupLabels": {"alertname": name},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example:9093",
        "alerts": list(alerts),
    }


class TradingDesk:
    """Everything around one Haltdesk. Use as a context manager; `start` and `kill` as often as the story needs.

    An SQLite file that is not there yet is laid with its schema. With `empty`, Haltdesk begins from nothing: it makes
    its database itself, and its process starts as `python -m bot run`.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str,
        *,
        notice_delay: str = "1s",
        empty: bool = False,
        **settings: str,
    ) -> None:
        self._empty = empty
        if not empty:
            lay(database_url)
        self.folder, self.database_url = folder, database_url
        self.slack = SlackSimulator()
        self.slack.be_patient(PATIENCE)
        self.broker = BrokerSimulator(requests_per_minute=None)
        self.account = self.broker.account("paper")
        self.ledger = LedgerSimulator(folder / "ledger.db")
        self.settings = settings
        self.policy = folder / "haltdesk.toml"
        self.policy.write_text(POLICY.format(delay=notice_delay))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | HaltdeskProcess | None = None
        self.log = folder / "bot.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "TradingDesk":
        self.slack.start()
        self.slack.app_url = self.url
        self.broker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.slack.stop()
        self.broker.stop()

    def environment(self) -> dict[str, str]:
        passed = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **passed,
            "PYTHONPATH": str(ROOT),
            "SLACK_BOT_TOKEN": "xoxb-simulator",
            "SLACK_SIGNING_SECRET": "simulator-signing-secret",
            "SLACK_API_URL": self.slack.api_url,
            "INCIDENT_CHANNEL": INCIDENTS,
            "STAKEHOLDER_CHANNEL": STAKEHOLDERS,
            "DRILL_CHANNEL": "C0DRILLS",
            "OPERATORS": "U0OPERATOR,U0ENGINEER",
            "APPROVERS": "U0APPROVER,U0ENGINEER",
            "ALPACA_API_KEY": self.account.key_id,
            "ALPACA_SECRET_KEY": self.account.secret,
            "ALPACA_API_URL": self.broker.url,
            "ALERTMANAGER_TOKEN": TOKEN,
            "API_TOKEN": API_TOKEN,
            "DATABASE_URL": self.database_url,
            "LEDGER_URL": self.ledger.url,
            "LEDGER_QUERY": self.ledger.query,
            "JOURNAL_PATH": str(self.folder / "journal.jsonl"),
            "HALTDESK_POLICY": str(self.policy),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            **self.settings,
        }

    def start(self) -> None:
        """Start `haltdesk run` and wait until it answers."""
        if self._empty:
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "bot", "run"],
                    cwd=self.folder,
                    env=self.environment(),
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        else:
            self.process = HaltdeskProcess(
                "run", folder=self.folder, environment=self.environment(), log=self.log
            )
        self.until(self._alive, what="haltdesk run to answer")

    def _alive(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"haltdesk ended:\n{self.log.read_text()[-3000:]}"
        try:
            return requests.get(f"{self.url}/healthz", timeout=10).status_code == 200
        except requests.RequestException:
            return False

    def kill(self) -> None:
        """SIGKILL, as a machine that dies."""
        if self.process is not None:
            with suppress(ProcessLookupError):  # it has ended by itself, and the test says why
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait(60)
            self.process = None

    def stop(self) -> int:
        """SIGTERM, as a deployment does; returns the exit code."""
        assert self.process is not None
        self.process.terminate()
        code = self.process.wait(60)
        self.process = None
        return code

    def cli(self, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "bot", *arguments],
            cwd=self.folder,
            env=self.environment() | settings,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def fire(self, body: dict[str, Any] | bytes, token: str | None = TOKEN) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        if isinstance(body, bytes):
            return requests.post(f"{self.url}/alertmanager", data=body, headers=headers, timeout=30)
        return requests.post(f"{self.url}/alertmanager", json=body, headers=headers, timeout=30)

    def api(self, path: str) -> Any:
        answer = requests.get(
            f"{self.url}{path}", headers={"Authorization": f"Bearer {API_TOKEN}"}, timeout=30
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def until(self, predicate: Callable[[], T], *, what: str, seconds: float = PATIENCE) -> T:
        """Wait until it is true: something outside this process (a database, a server) is being waited for."""
        ends = time.monotonic() + seconds
        pause = 0.02
        while True:
            found = predicate()
            if found:
                return found
            assert time.monotonic() < ends, f"waited {seconds:g} s for {what}\n{self._shown()}"
            _PAUSE.wait(pause)
            pause = min(pause * 1.2, 0.2)  # what takes long is not hurried by asking

    def _shown(self) -> str:
        """What a person who reads a failed test wants to see."""
        log = self.log.read_text()[-3000:] if self.log.exists() else ""
        return f"{self.slack.transcript()}\n{log}"

    # What the desk sees in Slack.

    def root(self) -> dict[str, Any]:
        """The root message of the one incident."""
        return self.slack.wait_for(lambda: self.slack.messages(INCIDENTS), what="an incident")[0]

    def reply(self, text: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """The reply in the incident's thread in which `text` can be read."""
        self.root()
        return self.slack.wait_for(
            lambda: self.replied(text), timeout=seconds, what=f"{text!r} in the thread"
        )[0]

    def replied(self, text: str) -> list[dict[str, Any]]:
        """The replies so far in which `text` can be read."""
        thread = self.slack.thread(INCIDENTS, self.root()["ts"])
        return [one for one in thread if text in self.slack.text_of(one)]

    def confirm(self, button: str, user: str = "U0OPERATOR", **values: Any) -> None:
        """Press an action's button in the root message, and confirm its modal."""
        before = {view["id"] for view in self.slack.views(user)}
        self.slack.click(INCIDENTS, self.root()["ts"], button, user)
        view = self.slack.wait_for(
            lambda: [one for one in self.slack.views(user) if one["id"] not in before], what="a modal"
        )[-1]
        self.slack.submit(view["id"], values, user)


class _Pause:
    """Waiting without a sleep: nothing ever sets it."""

    def __init__(self) -> None:
        import threading

        self._event = threading.Event()

    def wait(self, seconds: float) -> None:
        self._event.wait(seconds)


_PAUSE = _Pause()
