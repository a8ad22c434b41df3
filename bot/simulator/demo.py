"""The demo: the real bot as a process of its own, between a stand-in Slack, a stand-in broker and a ledger.

Only addresses differ from a desk's own set-up. Everything it writes is in one temporary folder.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import requests

from bot.simulator.broker import BrokerSimulator
from bot.simulator.desk import MarketDesk
from bot.simulator.ledger import LedgerSimulator
from bot.simulator.slack import SlackSimulator

READY_SECONDS = 60.0
POLL_SECONDS = 0.1
CALL_SECONDS = 2.0
END_SECONDS = 10.0  # for the bot to end by itself before it is killed
LAST_LINES = 20
TEAM_ID, APP_ID = "T0DESK", "A0HALTDESK"
POLICY = """# The demo's policy: everything as shipped, but stakeholders are told sooner.
format = 1

[notices]
resolution_delay = "{notice_delay}"
"""
# What the bot may see of the caller's environment. Nothing else: a desk's real keys must never reach a demo.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "SYSTEMROOT")


class BotFailed(RuntimeError):
    """The bot ended, or did not come up. The message says which."""


class Demo:
    """The stand-ins and the bot in `folder`. `start` returns when the bot is ready, `stop` ends all."""

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        command: tuple[str, ...] | None = None,
        *,
        notice_delay: str = "1m",
    ) -> None:
        self.folder = folder
        self._policy = POLICY.format(notice_delay=notice_delay)
        self.log_path = folder / "bot.log"
        self.broker = BrokerSimulator()
        self.ledger = LedgerSimulator(folder / "ledger.db")
        self.desk = MarketDesk(self.broker, self.ledger)
        self._bot_token = f"xoxb-demo-{secrets.token_hex(8)}"
        self._signing_secret = secrets.token_hex(16)
        self.slack = SlackSimulator(
            port=port or 0,
            desk=self.desk,
            bot_token=self._bot_token,
            signing_secret=self._signing_secret,
            team_id=TEAM_ID,
            app_id=APP_ID,
        )
        self._command = command or (sys.executable, "-m", "bot", "run")
        self._alertmanager_token = secrets.token_hex(16)
        self.api_token = secrets.token_hex(16)
        self.api_token = secrets.token_hex(16)
        self._bot_port = _free_port()
        self._bot: subprocess.Popen[bytes] | None = None
        self._stack = ExitStack()
        self._asked_to_stop = threading.Event()

    @property
    def bot_url(self) -> str:
        return f"http://127.0.0.1:{self._bot_port}"

    @property
    def bot_pid(self) -> int:
        """Raises RuntimeError before `start`."""
        if self._bot is None:
            raise RuntimeError("the bot has not been started")
        return self._bot.pid

    def start(self) -> None:
        """Raises `BotFailed` when the bot does not get ready, OSError when the page's port is taken.

        Returns early when `ask_to_stop` is called meanwhile. Call `stop` in every case.
        """
        self.broker.start()
        self._stack.callback(self.broker.stop)
        self.slack.start()
        self._stack.callback(self.slack.stop)
        self.slack.app_url = self.bot_url
        self._stack.callback(self.desk.stop)
        (self.folder / "haltdesk.toml").write_text(self._policy, encoding="utf-8")
        # For docs/examples/trader_loop.py, which is a trader that asks before it trades.
        trader = f"export HALTDESK_URL={self.bot_url} API_TOKEN={self.api_token}\n"
        (self.folder / "trader.env").write_text(trader, encoding="utf-8")
        log = self._stack.enter_context(self.log_path.open("wb"))
        self._bot = subprocess.Popen(
            self._command,
            cwd=self.folder,  # so that no .env of the caller is read
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a process group of its own, to end it with whatever it started
        )
        self._stack.callback(self._end_bot, self._bot)
        self._wait_until_ready(self._bot)
        self.desk.connect(self.bot_url, self._alertmanager_token)

    def stop(self) -> None:
        """End the bot and the stand-ins, last started first. May be repeated."""
        self._stack.close()

    def ask_to_stop(self) -> None:
        """Let `start` or `watch` return. For signal handlers and other threads."""
        self._asked_to_stop.set()

    @property
    def asked_to_stop(self) -> bool:
        return self._asked_to_stop.is_set()

    def watch(self) -> None:
        """Return when asked to stop; raise `BotFailed` when the bot ends before."""
        while not self._asked_to_stop.wait(POLL_SECONDS):
            if self._bot is not None and self._bot.poll() is not None:
                raise BotFailed(f"The bot ended by itself ({_ending(self._bot.returncode)}).")

    def last_lines(self) -> str:
        """The end of the bot's log."""
        if not self.log_path.is_file():
            return ""
        lines = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-LAST_LINES:])

    def environment(self) -> Mapping[str, str]:
        """The bot's environment: the settings of a desk, with the stand-ins' addresses."""
        root = Path(__file__).resolve().parents[2]
        account = self.desk.account
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return {
            **passed,
            "PYTHONPATH": str(root),
            "PYTHONUNBUFFERED": "1",
            "SLACK_BOT_TOKEN": self._bot_token,
            "SLACK_SIGNING_SECRET": self._signing_secret,
            "SLACK_API_URL": self.slack.api_url,
            "SLACK_TEAM_ID": TEAM_ID,
            "SLACK_APP_ID": APP_ID,
            "INCIDENT_CHANNEL": "C0INCIDENTS",
            "STAKEHOLDER_CHANNEL": "C0STAKEHOLDERS",
            "DRILL_CHANNEL": "C0DRILLS",
            "OPERATORS": "U0OPERATOR,U0APPROVER,U0ENGINEER",
            "APPROVERS": "U0APPROVER,U0ENGINEER",
            "PRIMARY_OPERATOR": "@operator",
            "ALPACA_API_KEY": account.key_id,
            "ALPACA_SECRET_KEY": account.secret,
            "ALPACA_API_URL": self.broker.url,
            "ALERTMANAGER_TOKEN": self._alertmanager_token,
            "API_TOKEN": self.api_token,
            "DATABASE_URL": f"sqlite:///{self.folder / 'haltdesk.db'}",
            "LEDGER_URL": self.ledger.url,
            "LEDGER_QUERY": self.ledger.query,
            "JOURNAL_PATH": str(self.folder / "journal.jsonl"),
            "HALTDESK_POLICY": str(self.folder / "haltdesk.toml"),
            "HOST": "127.0.0.1",
            "PORT": str(self._bot_port),
        }

    def _wait_until_ready(self, bot: "subprocess.Popen[bytes]") -> None:
        ends = time.monotonic() + READY_SECONDS
        last = "no answer"
        while time.monotonic() < ends:
            if bot.poll() is not None:
                raise BotFailed(f"The bot ended while it was starting ({_ending(bot.returncode)}).")
            try:
                answer = requests.get(self.bot_url + "/readyz", timeout=CALL_SECONDS, allow_redirects=False)
            except requests.RequestException:
                last = "no answer"
            else:
                if answer.status_code == 200:
                    return
                last = f"{answer.status_code} {answer.text[:200].strip()}"
            if self._asked_to_stop.wait(POLL_SECONDS):
                return
        raise BotFailed(f"The bot was not ready within {READY_SECONDS:g} s; /readyz last said: {last}.")

    @staticmethod
    def _end_bot(bot: "subprocess.Popen[bytes]") -> None:
        """End the bot's whole process group, in peace first."""
        _signal_group(bot, signal.SIGTERM)
        try:
            bot.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _signal_group(bot, signal.SIGKILL)  # also what it may have left behind
            bot.wait(END_SECONDS)


def run_demo(
    *, port: int | None = None, open_browser: bool = False, command: tuple[str, ...] | None = None
) -> int:
    """Run until Ctrl-C or SIGTERM and return 0; 1 when the demo or the bot failed.

    `port` is the page's, any free one when None; `command` starts the bot, `bot run` when None.
    """
    folder = Path(tempfile.mkdtemp(prefix="haltdesk-demo-"))
    demo = Demo(folder, port, command)
    with _signals(demo):
        try:
            demo.start()
            if not demo.asked_to_stop:
                _announce(demo)
                if open_browser:
                    webbrowser.open(demo.slack.page_url)
                demo.watch()
        except BotFailed as failure:
            print(
                f"{failure} Its log is {demo.log_path}; it ends with:\n{demo.last_lines()}", file=sys.stderr
            )
            return 1
        except OSError as error:
            print(f"The demo could not start: {error}. Choose another port with --port.", file=sys.stderr)
            return 1
        finally:
            demo.stop()
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _announce(demo: Demo) -> None:
    print(f"Haltdesk demo: {demo.slack.page_url}")
    print('Open it and press "Reconciliation break over $1,000"; then work the incident as @operator.')
    print(
        f"Ctrl-C ends the demo. The bot's log is {demo.log_path}, a trader's settings are in trader.env",
        flush=True,
    )


@contextmanager
def _signals(demo: Demo) -> Iterator[None]:
    """SIGINT and SIGTERM ask the demo to stop; the handlers from before come back afterwards."""

    def asked(_signal: int, _frame: FrameType | None) -> None:
        demo.ask_to_stop()

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _signal_group(bot: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    try:
        os.killpg(bot.pid, number)
    except ProcessLookupError:
        return  # all of it has ended


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"
