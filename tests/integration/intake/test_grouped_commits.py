"""Webhooks that come together are committed together: each answered for itself, none lost, none doubled."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from psycopg.errors import LockNotAvailable
from sqlalchemy.exc import OperationalError

from bot.domain.alerts import AlertGroup
from bot.services import intake
from bot.store import alerts, incidents, messages, timeline
from bot.store.database import Database, DatabaseError
from bot.store.grouping import Grouped
from handlers.alertmanager import as_group, read_webhook
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import DeskInProcess


def told(*names: str, group: str, status: str = "firing") -> AlertGroup:
    body = webhook(*(alert(name, status=status) for name in names), group=group)
    return as_group(read_webhook(json.dumps(body).encode()))


def until(true: Callable[[], bool]) -> None:
    """Wait, for at most a minute, for threads of this very test that are on their way."""
    ends = time.monotonic() + 60
    while not true():
        assert time.monotonic() < ends
        threading.Event().wait(0.005)


def picture(desk: DeskInProcess) -> list[tuple[Any, ...]]:
    """What the desk has: incidents with their alerts, timeline and messages."""
    with desk.database.read() as unit:
        return [
            (
                found.id,
                found.title,
                found.severity,
                found.status,
                sorted((one.name, one.status) for one in alerts.of_incident(unit, found.id)),
                [(entry.kind, entry.text) for entry in timeline.of_incident(unit, found.id)],
                messages.by_key(unit, f"incident:{found.id}:root") is not None,
                _parent(unit, found.id),
            )
            for found in sorted(incidents.listed(unit), key=lambda one: one.id)
        ]


def _parent(unit: Any, number: int) -> bool:
    phase = messages.by_key(unit, f"incident:{number}:phase:triage")
    root = messages.by_key(unit, f"incident:{number}:root")
    return phase is not None and root is not None and phase.parent_id == root.id


def test_a_batch_leaves_what_the_same_webhooks_leave_one_by_one(desk: DeskInProcess, sqlite_url: str) -> None:
    """New groups, a group that is told of twice, a worse alert, a resolution, SEV-1: in one commit or in six."""
    story = [
        told("HighLatency", group="a"),
        told("CircuitBreakerOpen", group="b"),
        told("FeedStale", group="c"),
        told("HighLatency", "ReconciliationBreaks", group="a"),
        told("FeedStale", group="c", status="resolved"),
        told("DiskFull", "DiskFull", group="d"),
    ]
    received = intake.receive_all(desk.desk, story)
    together = picture(desk)
    other = DeskInProcess(sqlite_url.replace("haltdesk.db", "other.db"), desk.slack)
    try:
        alone = [intake.receive(other.desk, group) for group in sorted(story, key=lambda one: one.group_key)]
        assert picture(other) == together
    finally:
        other.close()
    assert len(together) == 4
    assert all(shown and parented for *_, shown, parented in together)
    by_key = sorted(zip(story, received, strict=True), key=lambda pair: pair[0].group_key)
    assert [one.stored for _, one in by_key] == [one.stored for one in alone]


def test_an_alert_of_two_groups_in_one_batch_is_known_to_the_second(desk: DeskInProcess) -> None:
    """Routed to two groups, flushed at once: stored once, by the batch itself, and nobody has to be tried alone."""
    both = [told("HighLatency", group="by instance"), told("HighLatency", group="by name")]
    first, second = intake.receive_all(desk.desk, both)
    assert (dict(first.stored), dict(second.stored)) == ({"fired": 1}, {"repeated": 1})
    assert len(picture(desk)) == 1


def test_a_bad_webhook_fails_for_its_sender_alone(desk: DeskInProcess) -> None:
    one = told("Unstorable", group="bad")
    local = datetime(2026, 3, 2, 14, 30)  # nobody's time: it is refused by the store  # noqa: DTZ001
    bad = replace(one, alerts=(one.alerts[0]._replace(starts_at=local),))
    receive = Grouped(partial(intake.receive_all, desk.desk), partial(intake.receive, desk.desk))
    good = [told(f"Latency{number}", group=f"good-{number}") for number in range(12)]
    at_once = threading.Barrier(13)

    def send(group: AlertGroup) -> Any:
        at_once.wait(60)
        return receive(group)

    with ThreadPoolExecutor(13) as senders:
        answers = [(group, senders.submit(send, group)) for group in (*good, bad)]
        for group, answer in answers:
            if group is bad:
                with pytest.raises((ValueError, DatabaseError), match="naive"):
                    answer.result(30)
            else:
                assert answer.result(30).incident.group_key == group.group_key
    stored = {one[1] for one in picture(desk)}
    assert stored == {f"good-{number}" for number in range(12)}


def test_who_waits_commits_together(desk: DeskInProcess) -> None:
    """While one commits, five come: they are one commit, not five."""
    begun, go_on = threading.Event(), threading.Event()
    batches: list[int] = []

    def together(groups: Any) -> list[Any]:
        batches.append(len(groups))
        if len(batches) == 1:
            begun.set()
            assert go_on.wait(60)
        return intake.receive_all(desk.desk, groups)

    receive = Grouped(together, lambda group: intake.receive(desk.desk, group))
    with ThreadPoolExecutor(6) as senders:
        answers = [senders.submit(receive, told("HighLatency", group="g-0"))]
        assert begun.wait(60)
        answers += [senders.submit(receive, told(f"Latency{one}", group=f"g-{one}")) for one in range(1, 6)]
        until(lambda: receive.waiting == 5)
        go_on.set()
        numbers = {answer.result(30).incident.id for answer in answers}
    assert batches == [1, 5]
    assert len(numbers) == 6


def test_who_was_answered_a_moment_ago_is_waited_for() -> None:
    """Six are in hand, and each comes again as soon as it is answered: from then on all are one commit."""
    crowd = 6
    batches: list[int] = []

    def together(numbers: Sequence[int]) -> list[int]:
        batches.append(len(numbers))
        time.sleep(0.5)  # they are waited for as long as this takes, at most
        return list(numbers)

    receive = Grouped(together, lambda number: number, patience=60)

    def comes_again(number: int) -> list[int]:
        return [receive(10 * number + turn) for turn in range(3)]

    with ThreadPoolExecutor(crowd) as senders:
        answers = [senders.submit(comes_again, number) for number in range(crowd)]
        assert [one.result(60) for one in answers] == [
            [10 * number + turn for turn in range(3)] for number in range(crowd)
        ]
    # Who came first was committed alone, for nobody was known yet; so there is one too few for the last commit.
    assert batches.count(crowd) >= 2


def test_nobody_waits_for_long_for_those_who_do_not_come_again() -> None:
    committed: list[int] = []

    def together(numbers: Sequence[int]) -> list[int]:
        committed.extend(numbers)
        time.sleep(0.05)
        return list(numbers)

    receive = Grouped(together, lambda number: number, patience=60)
    with ThreadPoolExecutor(8) as senders:
        list(senders.map(receive, range(8)))
    began = time.monotonic()
    assert receive(8) == 8
    assert time.monotonic() - began < 30  # not for as long as it would have patience
    assert sorted(committed) == list(range(9))


@pytest.mark.parametrize("trouble", ["away", "held"])
def test_while_the_database_is_away_nobody_waits_for_its_time_limit_in_turn(trouble: str) -> None:
    """Three webhooks wait for one that is being saved; then the database is gone, or somebody holds what they need for
    longer than anybody waits: each is told, after one look."""
    begun, go_on = threading.Event(), threading.Event()
    away = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    asked: list[int] = []

    def together(numbers: Sequence[int]) -> list[int]:
        asked.append(len(numbers))
        if len(asked) == 1:
            begun.set()
            assert go_on.wait(60)
            return list(numbers)
        if trouble == "held":
            raise OperationalError("SELECT pg_advisory_xact_lock_shared", {}, LockNotAvailable())
        with away.begin():
            raise AssertionError("there is no such database")

    def alone(number: int) -> int:
        raise AssertionError("nobody is to be tried alone")

    receive = Grouped(together, alone)
    with ThreadPoolExecutor(4) as senders:
        first = senders.submit(receive, 0)
        assert begun.wait(60)
        others = [senders.submit(receive, number) for number in (1, 2, 3)]
        until(lambda: receive.waiting == 3)
        go_on.set()
        assert first.result(30) == 0
        for other in others:
            with pytest.raises(DatabaseError):
                other.result(30)
    assert asked == [1, 3]
    away.dispose()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_processes_open_one_incident_for_a_group(desk: DeskInProcess) -> None:
    """The batch's incident was opened by another process meanwhile: it is done again, and joins that one."""
    other = Database(desk.database.url.render_as_string(hide_password=False))
    found: list[Any] = []
    with other.begin() as unit:
        group = told("HighLatency", group="raced")
        opened = intake.receive_in(unit, desk.desk, group).incident
        assert opened is not None
        receive = Grouped(
            lambda groups: intake.receive_all(desk.desk, groups), lambda one: intake.receive(desk.desk, one)
        )
        late = [told("HighLatency", group="raced"), told("DiskFull", group="other")]
        senders = [threading.Thread(target=lambda one=one: found.append(receive(one))) for one in late]
        for sender in senders:
            sender.start()
    for sender in senders:
        sender.join(30)
    other.dispose()
    assert len(found) == 2
    assert len(picture(desk)) == 2
