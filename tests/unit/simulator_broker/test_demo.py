"""The demo around a small program in the bot's place: it gets its settings, is watched, and goes with the demo."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

from bot.simulator.demo import BotFailed, Demo

ROOT = Path(__file__).resolve().parents[3]
# Serves /readyz (503 once, as a bot that is still migrating) and /alertmanager, and leaves a child behind.
STAND_IN_BOT = """
import json, os, subprocess, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
with open("seen.json", "w") as file:
    json.dump({"environment": dict(os.environ), "child": child.pid}, file)
asked = []
class Handler(BaseHTTPRequestHandler):
    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def do_GET(self):
        asked.append(self.path)
        self.answer(200 if len(asked) > 1 else 503)
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        expected = "Bearer " + os.environ["ALERTMANAGER_TOKEN"]
        with open("webhook.json", "wb") as file:
            file.write(body)
        self.answer(200 if self.headers["Authorization"] == expected else 401)
print("listening", flush=True)
HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
DYING_BOT = "import sys; print('ALPACA_API_KEY is missing: write it into .env'); sys.exit(2)"


def program(tmp_path: Path, source: str) -> tuple[str, ...]:
    path = tmp_path / "bot_in_place.py"
    path.write_text(source, encoding="utf-8")
    return (sys.executable, str(path))


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and is not collected yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_bot_gets_a_desks_settings_and_nothing_of_the_callers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALPACA_LIVE", "true")
    monkeypatch.setenv("PROMETHEUS_URL", "http://production.example:9090")
    folder = tmp_path / "demo"
    folder.mkdir()
    demo = Demo(folder, command=program(tmp_path, STAND_IN_BOT))
    try:
        demo.start()
        seen = json.loads((folder / "seen.json").read_text(encoding="utf-8"))
        settings = seen["environment"]
        assert "ALPACA_LIVE" not in settings
        assert "PROMETHEUS_URL" not in settings
        account = requests.get(
            settings["ALPACA_API_URL"] + "/v2/account",
            headers={
                "APCA-API-KEY-ID": settings["ALPACA_API_KEY"],
                "APCA-API-SECRET-KEY": settings["ALPACA_SECRET_KEY"],
            },
            timeout=5,
        ).json()
        assert account["account_number"] == demo.desk.account.number
        slack = requests.post(
            settings["SLACK_API_URL"] + "auth.test",
            headers={"Authorization": f"Bearer {settings['SLACK_BOT_TOKEN']}"},
            timeout=5,
        ).json()
        assert (slack["ok"], slack["team_id"]) == (True, settings["SLACK_TEAM_ID"])
        assert requests.get(demo.slack.page_url, timeout=5).status_code == 200
        demo.desk.run_scenario("reconciliation")
        webhook = json.loads((folder / "webhook.json").read_text(encoding="utf-8"))
        assert webhook["groupLabels"]["component"] == "reconciliation"
        assert alive(seen["child"])
    finally:
        demo.stop()
    assert not alive(seen["child"])
    assert demo.last_lines().startswith("listening")
    with pytest.raises(requests.ConnectionError):
        requests.get(demo.bot_url, timeout=5)


def test_a_bot_that_ends_while_the_demo_runs_is_noticed(tmp_path: Path) -> None:
    demo = Demo(tmp_path, command=program(tmp_path, STAND_IN_BOT))
    try:
        demo.start()
        os.kill(demo.bot_pid, signal.SIGKILL)
        with pytest.raises(BotFailed, match="signal 9"):
            demo.watch()
    finally:
        demo.stop()


def run(tmp_path: Path, command: tuple[str, ...]) -> "subprocess.Popen[str]":
    source = f"import sys; from bot.simulator.demo import run_demo; sys.exit(run_demo(command={command!r}))"
    return subprocess.Popen(
        [sys.executable, "-c", source],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_prints_one_address_and_ends_cleanly_when_asked(
    tmp_path: Path, number: signal.Signals
) -> None:
    with run(tmp_path, program(tmp_path, STAND_IN_BOT)) as process:
        assert process.stdout is not None
        guard = threading.Timer(60, process.kill)
        guard.start()
        try:
            lines = [process.stdout.readline() for _ in range(3)]
            (folder,) = tmp_path.glob("haltdesk-demo-*")
            seen = json.loads((folder / "seen.json").read_text(encoding="utf-8"))
            process.send_signal(number)
            rest, errors = process.communicate(timeout=60)
        finally:
            guard.cancel()
            process.kill()
    assert [line.count("http://127.0.0.1:") for line in lines] == [1, 0, 0]
    assert (rest, errors, process.returncode) == ("", "", 0)
    assert not alive(seen["child"])
    assert not folder.exists()


def test_a_bot_that_does_not_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    with run(tmp_path, program(tmp_path, DYING_BOT)) as process:
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert "ended while it was starting (exit code 2)" in errors
    assert "ALPACA_API_KEY is missing" in errors
    (log,) = tmp_path.glob("haltdesk-demo-*/bot.log")
    assert str(log) in errors
