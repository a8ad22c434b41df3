"""SIGKILL at random during a storm: nothing is lost and nothing is doubled, on either database."""

import random
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.services.desk import Desk
from bot.store import tables
from tests.acceptance.storms import afterwards
from tests.acceptance.storms.several import Reaper, StormyDesk, submission
from tests.acceptance.storms.storm import Storm, send
from tests.acceptance.trading_desk import alert, webhook
from tests.benchmarks.clicks import confirmation
from tests.fixtures.pictures import differing, doubled

OVERDUE = "is not acknowledged"


@dataclass(frozen=True)
class Scale:
    alerts: int
    groups: int
    over: float
    kills: int
    reminders: int


SOME = Scale(alerts=600, groups=4, over=10, kills=6, reminders=4)
ALL = Scale(alerts=10_000, groups=40, over=60, kills=30, reminders=15)


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize(
    "scale", [pytest.param(SOME, id="some"), pytest.param(ALL, id="ten thousand", marks=pytest.mark.full)]
)
def test_killed_again_and_again_in_a_storm(scale: Scale, tmp_path: Path, database_url: str) -> None:
    draw = random.Random(11)
    with StormyDesk(tmp_path, database_url) as desk:
        # Orders of the day before: what a halt or a cancel that ran twice would have to do with is counted below.
        for number in range(20):
            desk.account.add_order("AAPL", "buy", "1", limit_price=str(100 + number))
        desk.slack.faults.add("chat.postMessage", status=429, retry_after=0, probability=0.3)
        desk.slack.faults.add("chat.update", status=429, retry_after=0, probability=0.3)
        desk.slack.faults.add("chat.postMessage", status=500, after=True, probability=0.05)
        desk.start()
        eyes = afterwards.reading(desk)
        waiting = unacknowledged(desk, eyes, scale.reminders)
        desk.kill()
        falls_due(eyes, over=scale.over, draw=draw)
        desk.start()

        storm = Storm(alerts=scale.alerts, groups=scale.groups, seed=5)
        reaper = Reaper(desk, kills=scale.kills, seed=12)
        marks = [("cancel", "one"), ("halt", "two"), ("halt", "three"), ("cancel", "four")]
        people = threading.Thread(target=press_all, args=(desk, marks, scale.over, draw), daemon=True)
        reaper.start()
        people.start()
        told = send(storm, lambda: desk.urls, over=scale.over)
        killed = reaper.finished(600)
        people.join(120)
        assert not people.is_alive()
        print(
            f"{told.webhooks} webhooks in {told.tries} tries over {told.seconds:.1f} s, answers {told.answers};"
            f" killed {Counter(name for _, name in killed)}"
        )

        desk.until(
            lambda: afterwards.backlog(eyes) == 0 and ended(eyes),
            what="Slack and the actions",
            seconds=60 + 6 * (scale.groups + scale.reminders),
        )
        for process in desk.processes:
            process.assert_alive()

        # No alert is missing.
        everything = afterwards.missing(eyes, storm)
        assert [one for one in everything if "was never sent" not in one] == []
        assert len(everything) == scale.reminders  # the incidents that wait for an acknowledgement
        assert afterwards.split(eyes) == []

        # No message stands twice, and each shows what the database says.
        assert doubled(desk.slack) == []
        found = differing(eyes, desk.slack)
        assert not found, "\n".join(found)

        # Every reminder that fell due was sent, once.
        assert overdue(eyes) == dict.fromkeys(waiting, 1)
        reminded = afterwards.said(desk.slack, OVERDUE)
        assert sorted(reminded.values()) == [1] * scale.reminders

        # Each confirmed action is one row, ran, and ended as the broker says; no call went out for nothing.
        acted_once(desk, eyes, [mark for _, mark in marks], kills=len(killed))
        verified = desk.cli("audit", "verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr

        # What has ended does not begin again: an order of now outlives one more death of everything.
        desk.kill()
        desk.broker.forget_requests()
        desk.start()
        desk.until(lambda: desk.broker.requests, what="the first look at the account")
        assert desk.fire(webhook(alert("AfterTheStorm"))).status_code == 200
        desk.until(
            lambda: afterwards.backlog(eyes) == 0 and desk.slack.find("AfterTheStorm"),
            what="one more incident",
        )
        assert [str(one) for one in desk.broker.requests if one.method != "GET"] == []
        eyes.database.dispose()


def unacknowledged(desk: StormyDesk, eyes: Desk, number: int) -> list[int]:
    """Incidents that stand in Slack and that nobody has taken."""
    for place in range(number):
        body = webhook(alert(f"Unanswered{place}", labels={"severity": "critical"}))
        assert desk.fire(body).status_code == 200
    desk.until(lambda: afterwards.backlog(eyes) == 0, what="the incidents", seconds=60 + 6 * number)
    with eyes.database.read() as unit:
        return list(unit.connection.execute(select(tables.incidents.c.id)).scalars())


def falls_due(eyes: Desk, *, over: float, draw: random.Random) -> None:
    """Time goes by while everything is dead: the acknowledgements fall due during the storm to come."""
    table, now = tables.deadlines, datetime.now(UTC)
    with eyes.database.begin() as unit:
        waiting = select(table.c.id).where(table.c.kind == "acknowledge", table.c.state == "waiting")
        for number in unit.connection.execute(waiting).scalars().all():
            due = now + timedelta(seconds=2 + draw.uniform(0, over))
            unit.connection.execute(update(table).where(table.c.id == number).values(due_at=due))


def press_all(desk: StormyDesk, marks: list[tuple[str, str]], over: float, draw: random.Random) -> None:
    """People confirm modals while it storms, each again until it is taken, and once more after that."""
    pause = threading.Event()
    for kind, mark in marks:
        pause.wait(over / (len(marks) + 1))
        body = submission(confirmation(kind, mark, reason=f"confirmation {mark}"))
        desk.press(body, draw)
        desk.press(body, draw)  # Slack believes that it was not answered


def actions(eyes: Desk) -> list[Any]:
    with eyes.database.read() as unit:
        return list(unit.connection.execute(select(tables.actions).order_by(tables.actions.c.id)))


def ended(eyes: Desk) -> bool:
    found = actions(eyes)
    return bool(found) and all(action.finished_at is not None for action in found)


def overdue(eyes: Desk) -> dict[int, int]:
    """How often the timeline of each incident says that nobody has acknowledged it."""
    table = tables.timeline
    with eyes.database.read() as unit:
        query = select(table.c.incident_id).where(table.c.kind == "AcknowledgementOverdue")
        return dict(Counter(unit.connection.execute(query).scalars()))


def acted_once(desk: StormyDesk, eyes: Desk, marks: list[str], *, kills: int) -> None:
    found = actions(eyes)
    assert {str(action.status) for action in found} == {"done"}
    keys = [action.request_key for action in found]
    assert len(set(keys)) == len(keys) <= len(marks)
    assert set(keys) <= {f"{mark}:main" for mark in marks}
    for kind in ("ActionConfirmed", "ActionProved"):
        told = entries(eyes, kind)
        assert told == Counter(action.id for action in found), f"{kind}: {told}"
    assert desk.account.suspended
    assert not desk.account.open_orders
    # Whatever changed something at the broker was sent for an action that was under way, and no oftener than it lived.
    windows = {
        kind: [
            (action.requested_at - timedelta(seconds=1), action.finished_at)
            for action in found
            if action.kind in kind
        ]
        for kind in (("halt",), ("halt", "cancel"))
    }
    changes = [one for one in desk.broker.requests if one.method != "GET"]
    for request in changes:
        kinds = ("halt",) if request.method == "PATCH" else ("halt", "cancel")
        assert any(began <= request.at <= over for began, over in windows[kinds]), str(request)
    lives = len(found) + kills
    assert sum(one.method == "PATCH" for one in changes) <= lives
    assert (
        sum(one.path.endswith("/orders") for one in changes) <= 2 * lives
    )  # the cancel, and the sweep after it


def entries(eyes: Desk, kind: str) -> Counter[int]:
    table = tables.timeline
    with eyes.database.read() as unit:
        query = select(table.c.details).where(table.c.kind == kind)
        return Counter(details["action"] for details in unit.connection.execute(query).scalars())
