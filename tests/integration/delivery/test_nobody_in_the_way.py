"""On PostgreSQL: whoever presses a button, holding the incident, and what works behind it never wait for each other."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.domain.words import Phase
from bot.services.checklist import toggle
from bot.services.desk import Desk
from bot.services.incidents import Outcome
from bot.services.reminders import keep
from bot.store import deadlines, incidents, messages, timeline
from bot.store.database import UnitOfWork
from bot.store.messages import Urgency
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.databases import wait_for_a_lock
from tests.fixtures.desk_in_process import DeskInProcess

POSTGRES = pytest.param("postgresql", marks=pytest.mark.real)
SOON = 4  # seconds: less than the time after which a transaction is refused a lock

pytestmark = pytest.mark.parametrize("database_url", [POSTGRES], indirect=True)


@pytest.fixture
def opened(desk: DeskInProcess) -> DeskInProcess:
    """INC-1, with its messages in Slack."""
    assert desk.post(webhook(alert("FeedStale"))).status_code == 200
    desk.deliver()
    desk.time.move(60)
    return desk


def acknowledged(unit: UnitOfWork, desk: Desk) -> None:
    incidents.change(unit, 1, acknowledged_at=desk.now())


def resolved(unit: UnitOfWork, desk: Desk) -> None:
    incidents.change(unit, 1, open_group_key=None)


@pytest.mark.parametrize("pressed", [acknowledged, resolved])
def test_a_message_is_chosen_while_its_incident_is_held(
    opened: DeskInProcess, pressed: Callable[[UnitOfWork, Desk], None]
) -> None:
    """Both ways: it is put back, for the pace gives no turn, and it is sent."""
    root = "incident:1:root"
    with opened.database.begin() as unit:
        assert messages.refresh(unit, root, at=opened.time.now(), urgency=Urgency.INCIDENT)
    for _ in range(3):  # the turns of this message are used up
        with opened.database.read() as unit:
            shown = messages.by_key(unit, root)
        assert shown is not None
        opened.deliverer._turns.take(shown, shown.channel, opened.time.monotonic())
    with opened.database.begin() as press, ThreadPoolExecutor(1) as worker:
        assert incidents.lock(press, 1) is not None
        pressed(press, opened.desk)
        assert worker.submit(opened.deliverer.run_once, opened.time.now()).result(SOON)
        with opened.database.read() as unit:
            waits = messages.by_key(unit, root)
        assert waits is not None
        assert (waits.shown < waits.wanted, waits.claimed_by) == (True, None)
        opened.time.move(10)
        edits = len(opened.slack.calls_of("chat.update"))
        assert worker.submit(opened.deliverer.run_once, opened.time.now()).result(SOON)
        assert len(opened.slack.calls_of("chat.update")) == edits + 1
        # The press goes on to show what it did.
        assert messages.refresh(press, root, at=opened.time.now())


def test_a_deadline_that_comes_due_during_a_press_does_not_end_the_press(opened: DeskInProcess) -> None:
    with opened.database.begin() as unit:
        deadlines.schedule(unit, "of the test", "acknowledge", 1, opened.time.now(), at=opened.time.now())
    opened.time.move(60)
    kept: list[int] = []
    clock = threading.Thread(target=lambda: kept.append(keep(opened.desk)))
    with opened.database.begin() as press:
        assert incidents.lock(press, 1) is not None
        clock.start()
        wait_for_a_lock(opened.database)
        assert deadlines.withdraw(press, "of the test", "acknowledged", at=opened.time.now())
    clock.join(60)
    assert kept == [0]


def test_a_press_that_the_database_ends_for_another_transaction_is_done_again(opened: DeskInProcess) -> None:
    """The other one holds the checklist's message and wants the incident: the press, which waited first, is ended."""
    item = opened.desk.policy.phase(Phase.TRIAGE).items[-1]
    outcomes: list[Outcome] = []
    click = threading.Thread(target=lambda: outcomes.append(toggle(opened.desk, 1, item.key, "U0OPERATOR")))
    with opened.database.begin() as other:
        assert messages.refresh(other, "incident:1:phase:triage", at=opened.time.now())
        click.start()
        wait_for_a_lock(opened.database)
        assert incidents.lock(other, 1) is not None
        assert outcomes == []
    click.join(60)
    assert [outcome.refusal for outcome in outcomes] == [None]
    with opened.database.read() as unit:
        assert incidents.marks(unit, 1)[item.key].done
        assert [entry.kind for entry in timeline.of_incident(unit, 1)].count("ChecklistItemDone") == 1
