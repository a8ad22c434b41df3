"""Slack rate-limits, fails, lies and forgets: every message arrives, none stands twice, the last state is shown."""

import pytest

from bot.services import incidents as service
from bot.store import messages
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import INCIDENTS, DeskInProcess


def opened(desk: DeskInProcess) -> None:
    assert desk.post(webhook(alert("OrderRejects"))).status_code == 200


def shown_once(desk: DeskInProcess) -> None:
    """One root and one checklist, both at their newest version."""
    (root,) = desk.slack.messages(INCIDENTS)
    assert "INC-1" in desk.slack.text_of(root)
    (checklist,) = desk.slack.thread(INCIDENTS, root["ts"])
    assert desk.slack.text_of(checklist).startswith("Triage")
    with desk.database.read() as unit:
        assert messages.backlog(unit)[0] == 0


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 429, "retry_after": 7},
        {"body": "<html>gateway</html>", "status": 502},
        {"body": "<html>login</html>", "status": 200},
        {"drop": True},
        {"error": "internal_error"},
        {"error": "fatal_error"},
        {"status": 500, "after": True},
        {"drop": True, "after": True},
        {"body": "not json", "status": 200, "after": True},
    ],
    ids=str,
)
def test_trouble_with_posts(sqlite_desk: DeskInProcess, fault: dict[str, object]) -> None:
    """`after`: the message stands, and its answer is lost; then Slack is asked before anything is posted again."""
    desk = sqlite_desk
    desk.slack.faults.add("chat.postMessage", times=2, **fault)  # type: ignore[arg-type]
    opened(desk)
    desk.deliver()
    shown_once(desk)


def test_a_pause_that_slack_asks_for_is_kept(sqlite_desk: DeskInProcess) -> None:
    desk = sqlite_desk
    desk.slack.faults.add("chat.postMessage", times=1, status=429, retry_after=30)
    opened(desk)
    began = desk.time.now()
    desk.deliver(for_seconds=29)
    assert not desk.slack.messages(INCIDENTS)
    assert len(desk.slack.calls_of("chat.postMessage")) == 1
    desk.deliver()
    assert (desk.time.now() - began).total_seconds() >= 30
    shown_once(desk)


def test_slack_is_away_for_ten_minutes(desk: DeskInProcess) -> None:
    """On the desk's clock; meanwhile the incident changes, and only its last state is told."""
    desk.slack.faults.add("*", status=503)
    opened(desk)
    for number in range(20):
        desk.deliver(for_seconds=30)
        desk.post(webhook(alert("OrderRejects", annotations={"summary": f"{number} of 100 rejected"})))
    service.acknowledge(desk.desk, 1, "U0OPERATOR")
    assert not desk.slack.messages(INCIDENTS)
    desk.slack.faults.clear()
    desk.deliver()
    (root,) = desk.slack.messages(INCIDENTS)
    text = desk.slack.text_of(root)
    assert "19 of 100 rejected" in text
    assert "acknowledged by @operator" in text
    assert len(desk.slack.thread(INCIDENTS, root["ts"])) == 1


def test_what_cannot_be_sent_does_not_stand_for_a_slack_that_is_away(sqlite_desk: DeskInProcess) -> None:
    """Slack is back. The first message that is tried is one that a newer version wrote: the next one goes at once."""
    desk = sqlite_desk
    desk.slack.faults.add("*", status=503)
    for name in ("OrderRejects", "DataFeedStale", "LatencyHigh"):
        desk.post(webhook(alert(name)))
    desk.deliver(for_seconds=60)
    assert desk.deliverer.rest(desk.time.now()) > 1  # everything is held back
    with desk.database.begin() as unit:
        messages.want(
            unit,
            "of tomorrow",
            "of tomorrow",
            1,
            channel=INCIDENTS,
            at=desk.time.now(),
            urgency=messages.Urgency.ACTION,
        )
    desk.slack.faults.clear()
    desk.time.move(45)  # nobody waits so long yet that the oldest goes first
    assert desk.deliverer.run_once(desk.time.now())
    assert not desk.slack.messages(INCIDENTS)
    assert desk.deliverer.run_once(desk.time.now())
    assert desk.slack.messages(INCIDENTS)


def test_a_restart_finds_what_was_posted(desk: DeskInProcess) -> None:
    """The answer is lost and the process dies: the next one looks for the message by its mark."""
    desk.slack.faults.add("chat.postMessage", times=1, drop=True, after=True)
    desk.slack.faults.add("conversations.history", times=3, status=500)
    opened(desk)
    desk.deliver(for_seconds=1)
    assert len(desk.slack.messages(INCIDENTS)) == 1
    desk.deliverer = desk.new_deliverer()
    desk.deliver()
    shown_once(desk)


def test_a_root_that_somebody_deleted_is_posted_anew(sqlite_desk: DeskInProcess) -> None:
    desk = sqlite_desk
    opened(desk)
    desk.deliver()
    (root,) = desk.slack.messages(INCIDENTS)
    desk.slack.remove(INCIDENTS, root["ts"])
    service.acknowledge(desk.desk, 1, "U0OPERATOR")
    desk.deliver()
    fresh = [one for one in desk.slack.messages(INCIDENTS) if one["ts"] != root["ts"]]
    assert [desk.slack.text_of(one).count("acknowledged by @operator") for one in fresh] == [1]


def test_a_channel_that_is_not_there_is_told_to_people(sqlite_desk: DeskInProcess) -> None:
    desk = sqlite_desk
    desk.slack.faults.add("chat.postMessage", error="channel_not_found")
    opened(desk)
    desk.deliver(for_seconds=5)
    with desk.database.read() as unit:
        (stuck,) = messages.in_trouble(unit)
    assert stuck.last_error is not None
    assert "channel_not_found" in stuck.last_error
    desk.slack.faults.clear()
    desk.deliver()
    shown_once(desk)
    with desk.database.read() as unit:
        assert not messages.in_trouble(unit)


def test_blocks_that_slack_does_not_take_go_out_as_words(sqlite_desk: DeskInProcess) -> None:
    desk = sqlite_desk
    desk.slack.faults.add("chat.postMessage", times=1, error="invalid_blocks")
    opened(desk)
    desk.deliver()
    (root,) = desk.slack.messages(INCIDENTS)
    assert "INC-1" in root["text"]


def test_a_thousand_changes_are_a_handful_of_edits(sqlite_desk: DeskInProcess) -> None:
    """Within ten seconds of the desk's clock; the last edit shows the last state."""
    desk = sqlite_desk
    opened(desk)
    desk.deliver()
    before = len(desk.slack.calls_of("chat.update"))
    for number in range(1_000):
        desk.post(webhook(alert("OrderRejects", annotations={"summary": f"{number} rejected"})))
        desk.time.move(0.01)
        desk.deliverer.run_once(desk.time.now())
    desk.deliver()
    assert len(desk.slack.calls_of("chat.update")) - before <= 15
    assert "999 rejected" in desk.slack.text_of(desk.slack.messages(INCIDENTS)[0])
