"""Two processes take in the same alert at the same moment: nothing is lost, nothing opened or told twice.

One process is a transaction of this test that is slow to commit; the other is the road of a webhook.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from bot.domain.alerts import AlertGroup
from bot.domain.words import AlertStatus
from bot.services import incidents as service
from bot.services import intake
from bot.services.intake import Received
from bot.store import alerts, incidents, timeline
from bot.store.database import Database
from bot.store.grouping import Grouped
from tests.fixtures.databases import wait_for_a_lock
from tests.fixtures.desk_in_process import DeskInProcess
from tests.integration.intake.test_grouped_commits import told

Receive = Callable[[AlertGroup], Received]

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def other(desk: DeskInProcess) -> Iterator[Database]:
    """The slow process's own way to the database."""
    database = Database(desk.database.url.render_as_string(hide_password=False))
    yield database
    database.dispose()


@pytest.fixture(params=["in a batch", "alone"])
def receive(desk: DeskInProcess, request: pytest.FixtureRequest) -> Receive:
    if request.param == "alone":
        return partial(intake.receive, desk.desk)
    return Grouped(partial(intake.receive_all, desk.desk), partial(intake.receive, desk.desk))


def at_once(
    desk: DeskInProcess, other: Database, slow: AlertGroup, receive: Receive, meanwhile: AlertGroup
) -> Received:
    """`slow` is taken in by the other process, which commits only when this one waits for it."""
    with ThreadPoolExecutor(1) as here:
        with other.begin() as unit:
            intake.receive_in(unit, desk.desk, slow)
            answer = here.submit(receive, meanwhile)
            wait_for_a_lock(desk.database)
        return answer.result(30)


def kinds(desk: DeskInProcess, number: int = 1) -> list[str]:
    with desk.database.read() as unit:
        return [entry.kind for entry in timeline.of_incident(unit, number)]


def test_a_resolution_beside_its_slow_firing_is_not_lost(
    desk: DeskInProcess, other: Database, receive: Receive
) -> None:
    """Else the alert would fire for ever: the resolution was answered with 200, and is not told again."""
    group = partial(told, "HighLatency", group="latency")
    at_once(desk, other, group(), receive, group(status="resolved"))
    with desk.database.read() as unit:
        (stored,) = alerts.of_incident(unit, 1)
    assert stored.status is AlertStatus.RESOLVED
    assert kinds(desk).count("AllAlertsCleared") == 1


def test_an_alert_of_two_groups_opens_no_incident_without_an_alert(
    desk: DeskInProcess, other: Database, receive: Receive
) -> None:
    """Routed to two groups (`continue: true`), flushed at once to two processes."""
    here = told("HighLatency", group="by instance")
    received = at_once(desk, other, told("HighLatency", group="by name"), receive, here)
    with desk.database.read() as unit:
        (incident,) = incidents.listed(unit)
        assert len(alerts.of_incident(unit, incident.id)) == 1
    assert (received.incident, incident.group_key) == (None, '{}:{alertname="by name"}')


def test_the_same_webhook_twice_is_told_once(desk: DeskInProcess, other: Database, receive: Receive) -> None:
    """Into an acknowledged incident, where a new alert is loud."""
    receive(told("HighLatency", group="latency"))
    service.acknowledge(desk.desk, 1, "U0OPERATOR")
    both = told("HighLatency", "DiskFull", group="latency")
    at_once(desk, other, both, receive, both)
    assert kinds(desk).count("AlertFired") == 2
    desk.deliver()
    root = desk.slack.messages("C0INCIDENTS")[0]["ts"]
    loud = [
        desk.slack.text_of(reply)
        for reply in desk.slack.thread("C0INCIDENTS", root)
        if reply.get("subtype") == "thread_broadcast"
    ]
    assert len(loud) == 1
    assert "1 new alert in an acknowledged incident" in loud[0]


def test_who_is_in_the_way_again_and_again_is_an_error_for_the_sender(
    desk: DeskInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def in_the_way(*_: Any) -> None:
        tried.append(1)
        raise IntegrityError("INSERT INTO alerts", {}, Exception("duplicate key"))

    monkeypatch.setattr(intake, "receive_in", in_the_way)
    with pytest.raises(IntegrityError):
        intake.receive(desk.desk, told("HighLatency", group="latency"))
    assert len(tried) == intake.ATTEMPTS
