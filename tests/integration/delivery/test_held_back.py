"""What is so no more is not told: a notice whose incident fires again, a reminder that was answered meanwhile."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.domain.words import IncidentStatus
from bot.engine.sending import Picture
from bot.services import incidents as service
from bot.services import merging, reminders
from bot.store import deliveries, incidents, message_places, messages, timeline
from bot.store.database import UnitOfWork
from bot.store.tables import messages as table
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import INCIDENTS, DeskInProcess
from tests.fixtures.pictures import differing

OPERATOR, STAKEHOLDERS = "U0OPERATOR", "C0STAKEHOLDERS"
REMINDED = "is not acknowledged"
Stories = pytest.mark.parametrize("answered", ["acknowledged", "resolved", "merged"])


def fires(desk: DeskInProcess, name: str = "OrderRejects", status: str = "firing") -> None:
    one = alert(name, started=desk.time.now(), status=status)
    assert desk.post(webhook(one, group=name)).status_code == 200


def later(desk: DeskInProcess, minutes: float) -> None:
    desk.time.move(timedelta(minutes=minutes).total_seconds())
    reminders.keep(desk.desk)


def resolved(desk: DeskInProcess) -> None:
    service.resolve(desk.desk, 1, OPERATOR, "the venue is back")


def slack_goes_away(desk: DeskInProcess) -> None:
    desk.slack.faults.add("*", status=503)


def slack_is_back(desk: DeskInProcess) -> None:
    desk.slack.faults.clear()
    desk.deliver()
    assert differing(desk.desk, desk.slack) == []


def notices(desk: DeskInProcess) -> list[str]:
    return [desk.slack.text_of(one) for one in desk.slack.messages(STAKEHOLDERS)]


def reminded(desk: DeskInProcess) -> list[str]:
    """What the incident channel was told loudly, ever: edited or not."""
    posts = [call for call in desk.slack.calls_of("chat.postMessage") if call.error is None]
    return [call.args["text"] for call in posts if REMINDED in call.args["text"]]


def told(desk: DeskInProcess, kind: str) -> list[str]:
    with desk.database.read() as unit:
        return [entry.text for entry in timeline.of_incident(unit, 1) if entry.kind == kind]


def a_notice_is_due(desk: DeskInProcess) -> None:
    """INC-1 was resolved a quarter of an hour ago, and Slack shows all but the notice."""
    fires(desk)
    service.acknowledge(desk.desk, 1, OPERATOR)
    resolved(desk)
    desk.deliver()
    later(desk, 15)
    with desk.database.read() as unit:
        waiting = select(table.c.view).where(table.c.shown < table.c.wanted)
        assert "notice" in unit.connection.execute(waiting).scalars().all()


def a_reminder_is_due(desk: DeskInProcess) -> None:
    """Nobody has acknowledged INC-1 for a quarter of an hour; INC-2 is there too."""
    fires(desk)
    desk.deliver()
    desk.time.move(60)
    fires(desk, "DataFeedStale")
    service.acknowledge(desk.desk, 2, OPERATOR)
    desk.deliver()
    later(desk, 14.5)
    assert told(desk, "AcknowledgementOverdue")


def answer(desk: DeskInProcess, how: str) -> None:
    if how == "acknowledged":
        service.acknowledge(desk.desk, 1, OPERATOR)
    elif how == "resolved":
        resolved(desk)
    else:
        assert merging.merge(desk.desk, 1, 2, OPERATOR).refusal is None


def until_next_is(desk: DeskInProcess, view: str) -> None:
    """Deliver what comes before the first message of that view; that one is the next."""
    for _ in range(100):
        with desk.database.begin() as unit:
            due = deliveries.most_urgent(unit, now=desk.time.now())
        if due is not None and due.view == view:
            desk.time.move(5)  # its turn of the pace has come
            return
        if not desk.deliverer.run_once(desk.time.now()):
            desk.time.move(1)
    raise AssertionError(f"no {view} comes due")


def before_the_look(desk: DeskInProcess, monkeypatch: pytest.MonkeyPatch, what: Callable[[], None]) -> None:
    """Do `what` once, when a message has been claimed and is about to be read."""
    look = desk.deliverer._sender.look

    def looked(number: int) -> Picture:
        monkeypatch.undo()
        what()
        return look(number)

    monkeypatch.setattr(desk.deliverer._sender, "look", looked)


def before_the_record(desk: DeskInProcess, monkeypatch: pytest.MonkeyPatch, what: Callable[[], None]) -> None:
    """Do `what` once, when a message has been posted and that is not on record yet."""
    post = desk.chat.post

    def posted(*args: Any, **named: Any) -> str:
        monkeypatch.undo()
        ts = post(*args, **named)
        what()
        return ts

    monkeypatch.setattr(desk.chat, "post", posted)


def test_an_incident_that_fires_again_before_its_notice_went_out(desk: DeskInProcess) -> None:
    """Slack was away when the notice came due. When it is back, nobody is told that what fires is resolved."""
    a_notice_is_due(desk)
    slack_goes_away(desk)
    desk.deliver(for_seconds=60)
    desk.time.move(240)
    fires(desk)
    slack_is_back(desk)
    assert notices(desk) == []
    assert told(desk, "NoticeWithheld") == ["Notice held back: OrderRejects fired again"]
    with desk.database.read() as unit:
        found = incidents.get(unit, 1)
        assert found is not None
        assert found.status is IncidentStatus.OPEN
        assert "resolution.notify" not in incidents.marks(unit, 1)  # it was never told
        assert messages.backlog(unit) == (0, None)


def test_resolved_twice_before_slack_is_back_is_one_notice(desk: DeskInProcess) -> None:
    a_notice_is_due(desk)
    slack_goes_away(desk)
    desk.time.move(300)
    fires(desk)
    desk.time.move(60)
    service.resolve(desk.desk, 1, OPERATOR, "the second venue too")
    later(desk, 15)
    slack_is_back(desk)
    (notice,) = notices(desk)
    assert "the second venue too" in notice
    with desk.database.read() as unit:
        assert incidents.marks(unit, 1)["resolution.notify"].done


def test_reopened_and_resolved_within_the_same_second(desk: DeskInProcess) -> None:
    a_notice_is_due(desk)
    for _ in range(2):
        fires(desk)
        service.resolve(desk.desk, 1, OPERATOR, "flapping")
        later(desk, 15)
    slack_is_back(desk)
    assert len([one for one in notices(desk) if "flapping" in one]) == 1


def test_fires_again_while_the_notice_is_claimed(
    desk: DeskInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claimed, and not read yet: what goes out is read after the claim, and there is nothing to tell any more."""
    a_notice_is_due(desk)
    until_next_is(desk, "notice")
    before_the_look(desk, monkeypatch, lambda: fires(desk))
    desk.deliver()
    assert notices(desk) == []
    assert told(desk, "NoticeWithheld") == ["Notice held back: OrderRejects fired again"]
    assert differing(desk.desk, desk.slack) == []


def test_fires_again_while_slack_answers_the_notice(
    desk: DeskInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is out: what stands in Slack says at once that it is not over."""
    a_notice_is_due(desk)
    until_next_is(desk, "notice")
    before_the_record(desk, monkeypatch, lambda: fires(desk))
    desk.deliver()
    (notice,) = notices(desk)
    assert "Not over" in notice
    assert "Resolved" not in notice
    assert told(desk, "NoticeWithheld") == []
    assert differing(desk.desk, desk.slack) == []


@pytest.mark.parametrize("arrived", [True, False])
def test_fires_again_after_a_notice_whose_answer_was_lost(desk: DeskInProcess, arrived: bool) -> None:
    """It may stand in Slack: it is looked for. What is found says that it is not over; else nothing is posted."""
    a_notice_is_due(desk)
    until_next_is(desk, "notice")
    desk.slack.faults.add("chat.postMessage", times=1, status=500, after=arrived)
    assert desk.deliverer.run_once(desk.time.now())
    fires(desk)
    slack_is_back(desk)
    assert len(notices(desk)) == arrived
    assert all("Not over" in one for one in notices(desk))
    assert len(told(desk, "NoticeWithheld")) == (not arrived)


def test_a_notice_that_stands_says_so_when_it_is_not_over(desk: DeskInProcess) -> None:
    """Five minutes after the notice it fires again: the notice says so, and the next one is another message."""
    a_notice_is_due(desk)
    desk.deliver()
    (notice,) = notices(desk)
    assert "Resolved" in notice
    later(desk, 5)
    fires(desk)
    slack_is_back(desk)
    (notice,) = notices(desk)
    assert "INC-1: Not over: SEV-2" in notice
    assert "OrderRejects fired again" in notice
    assert "Resolved" not in notice
    resolved(desk)
    later(desk, 15)
    slack_is_back(desk)
    before, now = notices(desk)
    assert "Not over" in before
    assert "the venue is back" in now


@Stories
def test_a_reminder_that_is_answered_before_its_turn(desk: DeskInProcess, answered: str) -> None:
    """It waited for Slack, behind others. When Slack is back, nobody is told that INC-1 is not acknowledged."""
    a_reminder_is_due(desk)
    slack_goes_away(desk)
    desk.time.move(120)
    answer(desk, answered)
    slack_is_back(desk)
    assert reminded(desk) == []
    (entry,) = told(desk, "ReminderWithheld")
    assert entry.startswith(f"Reminder held back: {answered}")
    with desk.database.read() as unit:
        assert messages.backlog(unit) == (0, None)


@Stories
def test_a_reminder_that_is_answered_while_it_is_claimed(
    desk: DeskInProcess, monkeypatch: pytest.MonkeyPatch, answered: str
) -> None:
    a_reminder_is_due(desk)
    until_next_is(desk, "reminder")
    before_the_look(desk, monkeypatch, lambda: answer(desk, answered))
    desk.deliver()
    assert reminded(desk) == []
    assert len(told(desk, "ReminderWithheld")) == 1
    assert differing(desk.desk, desk.slack) == []


def test_a_reminder_whose_answer_was_lost_says_who_acknowledged_meanwhile(desk: DeskInProcess) -> None:
    a_reminder_is_due(desk)
    until_next_is(desk, "reminder")
    desk.slack.faults.add("chat.postMessage", times=1, status=500, after=True)
    assert desk.deliverer.run_once(desk.time.now())
    service.acknowledge(desk.desk, 1, OPERATOR)
    slack_is_back(desk)
    (root, *_) = desk.slack.messages(INCIDENTS)
    lines = [desk.slack.text_of(one) for one in desk.slack.thread(INCIDENTS, root["ts"])]
    (line,) = [one for one in lines if "acknowledged in time" in one]
    assert "Acknowledged by @operator" in line
    assert not any(REMINDED in one for one in lines)


def test_a_reminder_that_stands_is_left_as_it_was_said(desk: DeskInProcess) -> None:
    a_reminder_is_due(desk)
    desk.deliver()
    service.acknowledge(desk.desk, 1, OPERATOR)
    slack_is_back(desk)
    assert len(reminded(desk)) == 1
    (root, *_) = desk.slack.messages(INCIDENTS)
    lines = [desk.slack.text_of(one) for one in desk.slack.thread(INCIDENTS, root["ts"])]
    assert any(REMINDED in one for one in lines)
    assert told(desk, "ReminderWithheld") == []


def test_a_notice_that_slack_does_not_let_be_looked_for_is_not_called_held_back(desk: DeskInProcess) -> None:
    """It stands there, its answer was lost, and the app may not read the channel: nobody knows, and nobody says."""
    a_notice_is_due(desk)
    until_next_is(desk, "notice")
    desk.slack.faults.add("chat.postMessage", times=1, status=500, after=True)
    assert desk.deliverer.run_once(desk.time.now())
    fires(desk)
    desk.slack.faults.add("conversations.history", error="missing_scope")
    desk.deliver(for_seconds=90)
    assert told(desk, "NoticeWithheld") == []
    (said,) = told(desk, "MessageNotDelivered")
    assert "could not be looked up" in said
    assert "missing_scope" in said
    # The scope is granted: it is found, and says that it is not over.
    desk.time.move(60)
    slack_is_back(desk)
    (notice,) = notices(desk)
    assert "Not over" in notice


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_notice_that_was_read_and_deleted_is_not_called_held_back(desk: DeskInProcess, when: str) -> None:
    """Stakeholders had it; whoever deleted it in Slack did not take that back. It is not posted anew."""
    a_notice_is_due(desk)
    desk.deliver()
    (notice,) = desk.slack.messages(STAKEHOLDERS)
    desk.slack.remove(STAKEHOLDERS, notice["ts"])
    if when == "after":  # Haltdesk has noticed that it is gone, and has not posted it anew yet
        with desk.database.begin() as unit:
            for number in messages_of(unit, "notice"):
                message_places.forget_place(unit, number, notice["ts"], desk.time.now())
    fires(desk)
    slack_is_back(desk)
    assert notices(desk) == []
    assert told(desk, "NoticeWithheld") == []


def messages_of(unit: UnitOfWork, view: str) -> list[int]:
    return list(unit.connection.execute(select(table.c.id).where(table.c.view == view)).scalars())
