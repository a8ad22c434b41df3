"""A trader behind its gate: trades, stops when the desk halts, and stops by itself when Haltdesk dies."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import requests

from bot.gate import TradingGate
from bot.store.database import Database
from tests.acceptance.trading_desk import API_TOKEN, ROOT, TradingDesk, alert, webhook


def test_a_trader_stops_when_the_desk_halts_and_when_haltdesk_dies(tmp_path: Path, database_url: str) -> None:
    with TradingDesk(tmp_path, database_url) as desk:
        desk.start()
        gate = TradingGate(desk.url, API_TOKEN, limit_seconds=2, poll_seconds=0.1, trader="momentum strategy")
        permission = gate.check()
        assert (permission.allowed, permission.position_multiplier) == (True, Decimal(1))
        gate.start()
        desk.fire(webhook(alert("ReconciliationBreaks", annotations={"summary": "Breaks of $2,300"})))
        desk.confirm("halt.open", reason="breaks over limit")
        desk.until(lambda: not gate.check().allowed, what="the gate to close")
        desk.reply("HALTED")
        desk.until(lambda: gate.check().state == "halted", what="the gate to know of the halt")
        assert gate.may_send("sell", 1, 10) is False
        desk.confirm("health.open")
        assert "momentum strategy asked" in desk.slack.text_of(desk.reply("momentum strategy"))
        desk.kill()
        desk.until(lambda: "silent" in gate.check().reason or gate.check().state is None, what="silence")
        desk.until(lambda: gate.check().state != "halted", what="what was known to be forgotten")
        assert "silent for" in gate.check().reason
        gate.stop()


def test_an_unchanged_state_is_told_in_a_word(tmp_path: Path, sqlite_url: str) -> None:
    with TradingDesk(tmp_path, sqlite_url) as desk:
        desk.start()
        url, bearer = f"{desk.url}/v1/trading-state", {"Authorization": f"Bearer {API_TOKEN}"}
        desk.until(
            lambda: desk.api("/v1/trading-state")["broker"]["suspended"] is False, what="the first look"
        )
        first = requests.get(url, headers=bearer, timeout=5)
        again = requests.get(url, headers=bearer | {"If-None-Match": first.headers["ETag"]}, timeout=5)
        assert (again.status_code, again.content) == (304, b"")

        database = Database(sqlite_url)  # the broker is read again, and says what it said before
        with database.begin() as unit:
            unit.connection.exec_driver_sql("UPDATE accounts SET verified_at = '2026-03-02 15:00:00.000000'")
        again = requests.get(url, headers=bearer | {"If-None-Match": first.headers["ETag"]}, timeout=5)
        assert again.status_code == 304

        with database.begin() as unit:
            unit.connection.exec_driver_sql("UPDATE accounts SET suspended = 1")
        database.dispose()
        changed = requests.get(url, headers=bearer | {"If-None-Match": first.headers["ETag"]}, timeout=5)
        assert changed.status_code == 200
        assert changed.json()["position_multiplier"] == 0
        wrong = requests.get(url, headers={"Authorization": "Bearer no"}, timeout=5)
        assert wrong.status_code == 401


def test_the_example_runs(tmp_path: Path, sqlite_url: str) -> None:
    with TradingDesk(tmp_path, sqlite_url) as desk:
        desk.start()
        environment = {
            "PATH": os.environ["PATH"],
            "HALTDESK_URL": desk.url,
            "API_TOKEN": API_TOKEN,
            "TURNS": "3",
        }
        ran = subprocess.run(
            [sys.executable, str(ROOT / "docs/examples/trader_loop.py")],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        assert "normal: buy 60 towards 100" in ran.stdout
