"""What was posted and not recorded is found again: the process dies, the database goes, Slack limits the looking."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.engine.claims import LEASE
from bot.engine.sending import Draft
from bot.simulator.slack import SlackSimulator
from bot.store import message_places, messages
from bot.store.database import DatabaseError
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import INCIDENTS, DeskInProcess
from tests.fixtures.postgres import RealPostgres


def opened(desk: DeskInProcess) -> None:
    assert desk.post(webhook(alert("OrderRejects"))).status_code == 200


def shown_once(desk: DeskInProcess) -> None:
    (root,) = desk.slack.messages(INCIDENTS)
    assert len(desk.slack.thread(INCIDENTS, root["ts"])) == 1
    with desk.database.read() as unit:
        assert messages.backlog(unit) == (0, None)


def after_each_post(desk: DeskInProcess, monkeypatch: pytest.MonkeyPatch, what: Callable[[], None]) -> None:
    """Do `what` when a post has been answered, before it is recorded."""
    post = desk.chat.post

    def posted(*args: Any, **named: Any) -> str:
        ts = post(*args, **named)
        what()
        return ts

    monkeypatch.setattr(desk.chat, "post", posted)


def test_the_database_restarts_between_post_and_record(
    own_postgres_server: RealPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SlackSimulator() as slack:
        desk = DeskInProcess(own_postgres_server.fresh_database(), slack)
        opened(desk)
        with monkeypatch.context() as patched:
            after_each_post(desk, patched, own_postgres_server.stop)
            with pytest.raises(DatabaseError):
                desk.deliver()
        assert len(slack.messages(INCIDENTS)) == 1
        with pytest.raises(DatabaseError):
            desk.deliver()
        own_postgres_server.start()
        began = desk.time.now()
        desk.deliver()
        shown_once(desk)
        assert desk.time.now() - began < LEASE + timedelta(seconds=30)
        desk.close()


@pytest.mark.parametrize("trouble", [{"status": 429, "retry_after": 20}, {"status": 500}, {"drop": True}])
def test_slack_does_not_let_haltdesk_look(desk: DeskInProcess, trouble: dict[str, Any]) -> None:
    """Nothing is learned from an answer that says nothing: it looks again before anything is posted."""
    desk.slack.faults.add("chat.postMessage", times=1, status=500, after=True)
    desk.slack.faults.add("conversations.history", times=2, **trouble)
    opened(desk)
    desk.deliver()
    shown_once(desk)
    assert (
        len([call for call in desk.slack.calls_of("chat.postMessage") if not call.args.get("thread_ts")]) == 1
    )


def test_a_deliverer_that_looked_too_long_does_not_post(
    desk: DeskInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its claim ran out while Slack was slow, and another process has posted the message meanwhile."""
    desk.slack.faults.add("chat.postMessage", times=1, status=500)
    opened(desk)
    desk.deliver(for_seconds=1)
    assert not desk.slack.messages(INCIDENTS)
    desk.time.move(10)
    find = desk.chat.find

    def slow(*args: Any, **named: Any) -> str | None:
        found = find(*args, **named)
        monkeypatch.setattr(desk.chat, "find", find)
        desk.time.move(LEASE.total_seconds() + 1)
        assert desk.new_deliverer().run_once(desk.time.now())
        assert len(desk.slack.messages(INCIDENTS)) == 1
        return found

    monkeypatch.setattr(desk.chat, "find", slow)
    desk.deliver()
    shown_once(desk)


def test_looking_is_paced_and_bounded(sqlite_desk: DeskInProcess) -> None:
    """A crash in a storm leaves many posts unrecorded: Slack is asked at its pace, for a few minutes' messages only."""
    desk = sqlite_desk
    for number in range(30):
        desk.post(webhook(alert(f"Alert{number}")))
    desk.slack.faults.add("chat.postMessage", times=30, drop=True, after=True)
    desk.slack.faults.add("conversations.history", status=500)
    desk.deliver(for_seconds=20)
    with desk.database.begin() as unit:
        messages.release_all(unit)
    began = desk.time.now()
    desk.slack.faults.clear()
    desk.deliverer = desk.new_deliverer()
    desk.deliver()
    found = desk.slack.messages(INCIDENTS)
    assert len(found) == 30
    looks = [call for call in desk.slack.calls_of("conversations.history") if call.at >= began.timestamp()]
    assert looks
    for call in looks:
        assert float(call.args["latest"]) - float(call.args["oldest"]) <= 10 * 60
    for place in range(len(looks) - 10):
        assert looks[place + 10].at - looks[place].at >= 4


def test_a_thread_that_moved_while_its_line_was_on_the_way(
    desk: DeskInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line lands in the old thread; the next change brings it to the new one."""
    opened(desk)

    def moved() -> None:
        with desk.database.begin() as unit:
            root = messages.by_key(unit, "incident:1:root")
            if root is not None and root.ts is not None and root.moved_from is None:
                message_places.move(
                    unit,
                    root.id,
                    channel=INCIDENTS,
                    to="C0GENERAL",
                    because="is_archived",
                    at=desk.time.now(),
                )

    after_each_post(desk, monkeypatch, moved)
    desk.deliver()
    desk.slack.workspace.channels[INCIDENTS].archived = True
    (root,) = desk.slack.messages("C0GENERAL")
    with desk.database.begin() as unit:
        checklist = next(one for one in (messages.get(unit, 1), messages.get(unit, 2)) if one.view == "phase")
        assert checklist.channel == INCIDENTS
        messages.refresh(unit, checklist.key, at=desk.time.now())
    desk.deliver()
    (line,) = desk.slack.thread("C0GENERAL", root["ts"])
    assert desk.slack.text_of(line).startswith("Triage")
    with desk.database.read() as unit:
        assert messages.backlog(unit) == (0, None)
        assert not messages.in_trouble(unit)


def test_a_claim_that_ran_out_before_the_post_posts_nothing(
    desk: DeskInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process stood still after its claim, and another one has claimed the message meanwhile."""
    opened(desk)
    other, look = desk.new_deliverer(), desk.deliverer._sender.look

    def late(number: int) -> Draft:
        monkeypatch.undo()
        desk.time.move(LEASE.total_seconds() + 1)
        assert other._claims.next(desk.time.now()) is not None
        return look(number)

    monkeypatch.setattr(desk.deliverer._sender, "look", late)
    assert desk.deliverer.run_once(desk.time.now())
    assert desk.slack.calls_of("chat.postMessage") == []
    desk.time.move(LEASE.total_seconds() + 1)  # that one has died, too
    desk.deliver()
    shown_once(desk)
