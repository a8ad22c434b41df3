"""A database that neither answers nor fails: probes and scrapes end in time, and Haltdesk heals by itself."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import requests

from tests.acceptance.test_metrics import figures
from tests.acceptance.trading_desk import INCIDENTS, TradingDesk, alert, webhook
from tests.fixtures.postgres import RealPostgres


@pytest.fixture
def desk(tmp_path: Path, own_postgres_server: RealPostgres) -> Iterator[TradingDesk]:
    with TradingDesk(tmp_path, own_postgres_server.fresh_database()) as found:
        found.start()
        yield found


class Frozen:
    """Every process of the server stands still: what is sent to them is taken, and never answered."""

    def __init__(self, url: str) -> None:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            backend = connection.info.backend_pid
            stat = Path(f"/proc/{backend}/stat").read_text()
        self._server = int(stat.rpartition(")")[2].split()[1])
        self._children: list[int] = []

    def __enter__(self) -> None:
        # The parent first: from then on nobody new comes.
        os.kill(self._server, signal.SIGSTOP)
        children = Path(f"/proc/{self._server}/task/{self._server}/children").read_text().split()
        self._children = [int(child) for child in children]
        for child in self._children:
            os.kill(child, signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        for pid in (*self._children, self._server):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


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
    desk.until(lambda: figures(desk)["haltdesk_up{database}"] == 1, what="the figures again", seconds=40)


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
        # Sooner than the 5 s after which a thread gives up waiting for a connection: until then all would be taken.
        desk.until(lambda: len(answers) >= 40, what="those without a place to be sent away", seconds=4)
        assert set(answers) == {503}
        alive, took = timed(f"{desk.url}/healthz")
        assert (alive.status_code, took < 1) == (200, True)
        assert desk.slack.slash("/incident", "help", "U0OPERATOR", INCIDENTS).status == 200
    for sender in senders:
        sender.join(40)
    assert answers.count(200) + answers.count(503) == 80
    stored = desk.until(lambda: desk.api("/v1/incidents")["incidents"], what="an answer")
    assert len(stored) == answers.count(200)
