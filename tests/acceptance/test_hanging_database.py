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
from tests.acceptance.test_the_road import phase_message
from tests.acceptance.trading_desk import INCIDENTS, TradingDesk, alert, webhook
from tests.fixtures.postgres import RealPostgres
from tests.fixtures.socket_mode import APP_TOKEN, SocketSlack


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
        assert took < 10
        hanging = threads(desk)
        waits = []
        for _ in range(20):
            again, took = timed(f"{desk.url}/readyz")
            assert again.status_code == 503
            waits.append(took)
        assert sorted(waits)[10] < 1.5, "the question that hangs is not asked again"
        alive, took = timed(f"{desk.url}/healthz")
        assert (alive.status_code, took < 10) == (200, True)
        assert figures(desk)["haltdesk_up{database}"] == 0
        assert figures(desk)["haltdesk_ready{}"] == 0
        assert threads(desk) <= hanging + 8, "every probe leaves a thread behind"
    desk.until(
        lambda: requests.get(f"{desk.url}/readyz", timeout=10).status_code == 200,
        what="ready again",
    )
    desk.until(lambda: figures(desk)["haltdesk_up{database}"] == 1, what="the figures again")


@pytest.mark.real
def test_webhooks_that_hang_leave_room_for_slack(desk: TradingDesk) -> None:
    """Alertmanager's webhooks are each a group of its own; more than the server has threads."""
    answers: list[int] = []
    sent_away: list[str] = []

    def post(number: int) -> None:
        answer = desk.fire(webhook(alert(f"Late{number}")))
        if "too many requests of this kind" in answer.text:
            sent_away.append(answer.text)
        answers.append(answer.status_code)

    senders = [threading.Thread(target=post, args=(number,), daemon=True) for number in range(80)]
    with Frozen(desk.database_url):
        for sender in senders:
            sender.start()
        # Not those that gave up waiting for a connection after 5 s: until then they would hold every thread.
        desk.until(lambda: len(sent_away) >= 30, what="those without a place to be sent away")
        assert set(answers) == {503}
        alive, took = timed(f"{desk.url}/healthz")
        assert (alive.status_code, took < 4) == (200, True)
        assert desk.slack.slash("/incident", "help", "U0OPERATOR", INCIDENTS).status == 200
    for sender in senders:
        sender.join(40)
    assert answers.count(200) + answers.count(503) == 80
    stored = desk.until(lambda: desk.api("/v1/incidents")["incidents"], what="an answer")
    assert len(stored) == answers.count(200)


def press_all(
    desk: TradingDesk, ts: str, action_id: str, user: str, number: int
) -> tuple[list[threading.Thread], list[int]]:
    answers: list[int] = []

    def press() -> None:
        answers.append(desk.slack.click(INCIDENTS, ts, action_id, user).status)

    pressers = [threading.Thread(target=press, daemon=True) for _ in range(number)]
    for one in pressers:
        one.start()
    return pressers, answers


def shown(desk: TradingDesk, text: str) -> bool:
    return any(text in desk.slack.text_of(one) for one in desk.slack.messages(INCIDENTS))


@pytest.fixture(params=["http", "socket"])
def either_desk(
    tmp_path: Path, own_postgres_server: RealPostgres, request: pytest.FixtureRequest
) -> Iterator[TradingDesk]:
    """Slack comes over HTTP, or over the bot's own connection."""
    url = own_postgres_server.fresh_database()
    if request.param == "http":
        desk = TradingDesk(tmp_path, url)
    else:
        desk = TradingDesk(tmp_path, url, SLACK_APP_TOKEN=APP_TOKEN)
        desk.slack = SocketSlack()
    with desk:
        desk.start()
        if isinstance(desk.slack, SocketSlack):
            desk.slack.socket.wait_until_connected()
        yield desk


@pytest.mark.real
def test_presses_that_hang_leave_room_for_a_halt(either_desk: TradingDesk) -> None:
    """Eighty people at the checklist, more than there are threads, and thirty who may not halt; then one halts."""
    desk = either_desk
    desk.account.add_order("AAPL", "buy", "1", limit_price="100")
    assert desk.fire(webhook(alert("CircuitBreakerOpen"))).status_code == 200
    triage = phase_message(desk, "Triage")["ts"]
    root = desk.root()["ts"]
    desk.until(lambda: desk.slack.buttons(INCIDENTS, root), what="the buttons")
    with Frozen(desk.database_url):
        pressers, answers = press_all(desk, triage, "checklist.toggle:triage.severity", "U0OPERATOR", 80)
        others, refused = press_all(desk, root, "halt.open", "U0OBSERVER", 30)
        if not isinstance(desk.slack, SocketSlack):  # there, what is not taken is not answered
            desk.until(lambda: len(answers) >= 40, what="those without a place to be sent away", seconds=2.5)
        desk.until(lambda: refused == [200] * 30, what="those who may not to be told so", seconds=2.5)

        pressed = desk.slack.click(INCIDENTS, root, "halt.open", "U0OPERATOR")
        assert (pressed.status, pressed.seconds < 2) == (200, True), pressed
        view = desk.slack.wait_for(lambda: desk.slack.views("U0OPERATOR"), what="the modal")[-1]
        assert view["callback_id"] == "halt.confirm"
        assert "database does not answer" in str(view["blocks"])
        desk.until(
            lambda: "1 open order" in str(desk.slack.views("U0OPERATOR")), what="the figures", seconds=4
        )
        confirmed = desk.slack.submit(view["id"], {"reason": "the database hangs"}, "U0OPERATOR")
        assert (confirmed.status, confirmed.seconds < 2) == (200, True), confirmed
        desk.until(lambda: desk.account.suspended and not desk.account.open_orders, what="the halt")
        desk.until(lambda: shown(desk, "Halted: suspended"), what="the proof in the channel")
    if not isinstance(
        desk.slack, SocketSlack
    ):  # there, those who are not answered wait for as long as Slack does
        for one in (*pressers, *others):
            one.join(10)
    desk.until(lambda: desk.api("/v1/trading-state/main")["state"] == "halted", what="the record", seconds=60)
