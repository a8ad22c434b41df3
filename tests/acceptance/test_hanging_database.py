"""A database that neither answers nor fails: probes and scrapes end in time, and Haltdesk heals by itself."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests
from sqlalchemy import make_url

from bot.store.wakeups import plain_url
from tests.acceptance.test_metrics import figures
from tests.acceptance.trading_desk import INCIDENTS, TradingDesk, alert, webhook
from tests.fixtures.postgres import RealPostgres


@pytest.fixture
def desk(tmp_path: Path, own_postgres_server: RealPostgres) -> Iterator[TradingDesk]:
    with TradingDesk(tmp_path, own_postgres_server.fresh_database()) as found:
        found.start()
        yield found


class Frozen:
    """Every process that serves this database stands still: what is sent to them is taken, and never answered."""

    def __init__(self, url: str) -> None:
        with psycopg.connect(plain_url(make_url(url)), autocommit=True) as connection:
            own = connection.info.backend_pid
            rows = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s", (own,)
            ).fetchall()
        parent = int(Path(f"/proc/{own_parent(rows[0][0])}/stat").read_text().split()[0])
        self._pids = [parent, *(int(row[0]) for row in rows)]

    def __enter__(self) -> None:
        for pid in self._pids:
            os.kill(pid, signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        for pid in reversed(self._pids):
            os.kill(pid, signal.SIGCONT)


def own_parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def timed(url: str) -> tuple[requests.Response, float]:
    began = time.monotonic()
    answer = requests.get(url, timeout=15)
    return answer, time.monotonic() - began


def threads(desk: TradingDesk) -> int:
    assert desk.process is not None
    return len(os.listdir(f"/proc/{desk.process.pid}/task"))


@pytest.mark.real
def test_probes_and_scrapes_end_in_time_while_the_database_hangs(desk: TradingDesk) -> None:
    desk.until(lambda: requests.get(f"{desk.url}/readyz", timeout=10).status_code == 200, what="ready")
    with Frozen(desk.database_url):
        ready, took = timed(f"{desk.url}/readyz")
        assert ready.status_code == 503
        assert "does not answer within 2 s" in ready.json()["not_ready"]["database"]
        assert took < 3.5
        hanging = threads(desk)
        for _ in range(20):
            again, took = timed(f"{desk.url}/readyz")
            assert again.status_code == 503
            assert took < 1, "the question that hangs is not asked again"
        alive, took = timed(f"{desk.url}/healthz")
        assert (alive.status_code, took < 1) == (200, True)
        assert figures(desk)["haltdesk_up{database}"] == 0
        assert figures(desk)["haltdesk_ready{}"] == 0
        assert threads(desk) <= hanging + 8, "every probe leaves a thread behind"
    desk.until(
        lambda: requests.get(f"{desk.url}/readyz", timeout=10).status_code == 200,
        what="ready again",
        seconds=40,
    )
    assert figures(desk)["haltdesk_up{database}"] == 1


@pytest.mark.real
def test_webhooks_that_hang_leave_room_for_slack(desk: TradingDesk) -> None:
    """Alertmanager's webhooks are each a group of its own; more than the server has threads."""
    answers: list[int] = []

    def post(number: int) -> None:
        answers.append(desk.fire(webhook(alert(f"Late{number}"))).status_code)

    senders = [threading.Thread(target=post, args=(number,), daemon=True) for number in range(80)]
    with Frozen(desk.database_url):
        for sender in senders:
            sender.start()
        desk.until(
            lambda: len(answers) >= 40, what="the webhooks that find no place to be sent away", seconds=30
        )
        assert set(answers) == {503}
        alive, took = timed(f"{desk.url}/healthz")
        assert (alive.status_code, took < 1) == (200, True)
        assert desk.slack.slash("/incident", "help", "U0OPERATOR", INCIDENTS).status == 200
    for sender in senders:
        sender.join(40)
    assert answers.count(200) + answers.count(503) == 80
    stored = desk.until(lambda: desk.api("/v1/incidents")["incidents"], what="an answer")
    assert len(stored) == answers.count(200)
