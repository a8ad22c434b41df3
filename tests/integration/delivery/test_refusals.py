"""Slack refuses: each refusal has its remedy, people are told of those that they must mend, and nothing is lost."""

from collections.abc import Iterator

import pytest

from bot.services import incidents as service
from bot.services import thread
from bot.simulator.slack import SlackSimulator
from bot.store import message_places, messages, timeline
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import INCIDENTS, DeskInProcess

FALLBACK, STAKEHOLDERS = "C0GENERAL", "C0STAKEHOLDERS"


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[DeskInProcess]:
    """A desk that has named fallback channels."""
    with SlackSimulator() as slack:
        found = DeskInProcess(sqlite_url, slack, fallbacks=(FALLBACK, INCIDENTS, STAKEHOLDERS))
        yield found
        found.close()


def opened(desk: DeskInProcess) -> None:
    assert desk.post(webhook(alert("OrderRejects"))).status_code == 200


def acknowledged(desk: DeskInProcess) -> None:
    service.acknowledge(desk.desk, 1, "U0OPERATOR")


def said_in_thread(desk: DeskInProcess, words: str) -> None:
    with desk.database.begin() as unit:
        thread.reply(unit, service.find(unit, 1), words, at=desk.time.now())


def texts(desk: DeskInProcess, channel: str) -> list[str]:
    return [desk.slack.text_of(one) for one in desk.slack.messages(channel)]


def all_shown(desk: DeskInProcess) -> None:
    with desk.database.read() as unit:
        assert messages.backlog(unit) == (0, None)
        assert not messages.in_trouble(unit)


def told(desk: DeskInProcess, kind: str) -> list[str]:
    with desk.database.read() as unit:
        return [entry.text for entry in timeline.of_incident(unit, 1) if entry.kind == kind]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"archived": True}, "is archived"),
        ({"bot_is_member": False}, "does not have the app as a member"),
    ],
)
def test_a_channel_that_takes_nothing_is_left_for_another(
    desk: DeskInProcess, state: dict[str, bool], words: str
) -> None:
    """The thread goes to the fallback channel, says why, and the desk's own looks say so too."""
    for name, value in state.items():
        setattr(desk.slack.workspace.channels[INCIDENTS], name, value)
    opened(desk)
    desk.deliver()
    assert not desk.slack.messages(INCIDENTS)
    (root,) = desk.slack.messages(FALLBACK)
    assert "INC-1" in desk.slack.text_of(root)
    assert words in desk.slack.text_of(root)
    (checklist,) = desk.slack.thread(FALLBACK, root["ts"])
    assert desk.slack.text_of(checklist).startswith("Triage")
    acknowledged(desk)
    desk.deliver()
    assert "acknowledged by @operator" in texts(desk, FALLBACK)[0]
    all_shown(desk)
    (said,) = told(desk, "MessageMoved")
    assert f"{INCIDENTS} {words}" in said
    with desk.database.read() as unit:
        (moved,) = message_places.moved(unit)
        assert (moved.channel, moved.to, moved.count) == (INCIDENTS, FALLBACK, 1)

    for name, value in state.items():
        setattr(desk.slack.workspace.channels[INCIDENTS], name, not value)
    desk.time.move(60)
    desk.post(webhook(alert("DataFeedStale")))
    desk.deliver()
    assert "INC-2" in texts(desk, INCIDENTS)[0]
    with desk.database.read() as unit:
        assert not message_places.moved(unit)


@pytest.mark.parametrize("error", ["no_permission", "restricted_action"])
def test_a_channel_in_which_the_app_may_not_post(desk: DeskInProcess, error: str) -> None:
    """It is that channel's trouble: the thread goes to another one, and nothing else waits."""
    desk.slack.faults.add("chat.postMessage", times=1, error=error)
    opened(desk)
    desk.deliver(for_seconds=5)
    (root,) = desk.slack.messages(FALLBACK)
    assert f"takes no messages from the app ({error})" in desk.slack.text_of(root)
    all_shown(desk)


def test_a_channel_archived_in_the_middle_of_an_incident(desk: DeskInProcess) -> None:
    """The root and the newest checklist come along at once; later lines go to the new thread."""
    opened(desk)
    desk.deliver()
    desk.slack.workspace.channels[INCIDENTS].archived = True
    acknowledged(desk)
    desk.deliver()
    (root,) = desk.slack.messages(FALLBACK)
    assert "acknowledged by @operator" in desk.slack.text_of(root)
    before = desk.slack.thread(FALLBACK, root["ts"])
    assert any(desk.slack.text_of(one).startswith("Triage") for one in before)
    said_in_thread(desk, "Two of 120 orders rejected")
    desk.deliver()
    assert len(desk.slack.thread(FALLBACK, root["ts"])) > len(before)
    assert len(desk.slack.messages(FALLBACK)) == 1
    all_shown(desk)


def test_no_channel_takes_the_message(desk: DeskInProcess) -> None:
    """Every channel is tried once a minute, and each attempt begins with the message's own."""
    fault = desk.slack.faults.add("chat.postMessage", error="channel_not_found")
    opened(desk)
    desk.deliver(for_seconds=50)
    assert [call.args["channel"] for call in desk.slack.calls_of("chat.postMessage")] == [
        INCIDENTS,
        FALLBACK,
        STAKEHOLDERS,
    ]
    with desk.database.read() as unit:
        (stuck,) = messages.in_trouble(unit)
        assert stuck.last_error is not None
        assert "channel_not_found" in stuck.last_error
    (said,) = told(desk, "MessageNotDelivered")
    assert "invite the app" in said
    assert fault.times is None
    desk.slack.faults.clear()
    desk.deliver()
    assert "INC-1" in texts(desk, INCIDENTS)[0]
    all_shown(desk)


def test_a_deleted_thread_is_posted_anew_and_its_replies_follow(desk: DeskInProcess) -> None:
    opened(desk)
    desk.deliver()
    (old,) = desk.slack.messages(INCIDENTS)
    (checklist,) = desk.slack.thread(INCIDENTS, old["ts"])
    desk.slack.remove(INCIDENTS, checklist["ts"])
    desk.slack.remove(INCIDENTS, old["ts"])
    assert not desk.slack.messages(INCIDENTS)
    # A line for the thread comes before anything that edits the root.
    said_in_thread(desk, "Two of 120 orders rejected")
    desk.deliver()
    (root,) = desk.slack.messages(INCIDENTS)
    lines = [desk.slack.text_of(one) for one in desk.slack.thread(INCIDENTS, root["ts"])]
    assert [text.startswith("Triage") for text in lines].count(True) == 1
    assert any("Two of 120" in text for text in lines)
    all_shown(desk)


def test_somebody_deletes_it_again_and_again(desk: DeskInProcess) -> None:
    """It is posted anew a few times; then people are told, and it is not forced on them any more."""
    opened(desk)
    desk.deliver()
    for number in range(6):
        for one in desk.slack.messages(INCIDENTS):
            if one.get("subtype") != "tombstone":
                desk.slack.remove(INCIDENTS, one["ts"])
        desk.post(webhook(alert("OrderRejects", annotations={"summary": f"{number} rejected"})))
        desk.deliver(for_seconds=60)
    roots = [
        call
        for call in desk.slack.calls_of("chat.postMessage")
        if call.error is None and not call.args.get("thread_ts")
    ]
    assert len(roots) == 4
    (said,) = told(desk, "MessageNotDelivered")
    assert "message_not_found" in said


@pytest.mark.parametrize("error", ["msg_too_long", "invalid_blocks", "msg_blocks_too_long"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_form_that_slack_does_not_take(desk: DeskInProcess, error: str, times: int) -> None:
    """First the words with the buttons, then the words alone; either says that it was shortened."""
    desk.slack.faults.add("chat.postMessage", times=times, error=error)
    opened(desk)
    desk.deliver()
    (root,) = desk.slack.messages(INCIDENTS)
    assert "Shortened" in desk.slack.text_of(root)
    assert "INC-1" in root["text"]
    buttons = [action for action, _, _ in desk.slack.buttons(INCIDENTS, root["ts"])]
    assert ("halt.open" in buttons) == (times == 1)
    all_shown(desk)


def test_an_unknown_refusal_is_tried_a_few_times_and_then_told(desk: DeskInProcess) -> None:
    """The incident's own message says so, the timeline too; a restart tries again, and so does a quarter of an hour."""
    opened(desk)
    desk.deliver()
    (root,) = desk.slack.messages(INCIDENTS)
    desk.slack.faults.add("chat.postMessage", error="a_code_of_tomorrow")
    said_in_thread(desk, "Two of 120 orders rejected")
    before = len(desk.slack.calls_of("chat.postMessage"))
    desk.deliver(for_seconds=300)
    refused = len(desk.slack.calls_of("chat.postMessage")) - before
    with desk.database.read() as unit:
        stuck = messages.in_trouble(unit)
    assert stuck
    assert refused == 5 * len(stuck)
    assert len(told(desk, "MessageNotDelivered")) == len(stuck)
    assert "a_code_of_tomorrow" in told(desk, "MessageNotDelivered")[0]
    assert "of this incident not shown" in texts(desk, INCIDENTS)[0]
    desk.deliver(for_seconds=900)
    assert len(desk.slack.calls_of("chat.postMessage")) - before == 6 * len(stuck)
    assert len(told(desk, "MessageNotDelivered")) == len(stuck)

    desk.slack.faults.clear()
    with desk.database.begin() as unit:  # as at a start
        messages.try_again(unit, desk.time.now())
    desk.deliver(for_seconds=60)
    assert any("Two of 120" in desk.slack.text_of(one) for one in desk.slack.thread(INCIDENTS, root["ts"]))
    assert "not shown" not in texts(desk, INCIDENTS)[0]
    all_shown(desk)


@pytest.mark.parametrize("error", ["invalid_auth", "account_inactive", "token_revoked"])
def test_a_token_that_slack_does_not_take(desk: DeskInProcess, error: str) -> None:
    """Everything is held back and tried twice a minute; when the token is mended all goes out, once each."""
    desk.slack.faults.add("*", error=error)
    for name in ("OrderRejects", "DataFeedStale", "LatencyHigh", "FillsMissing", "MarginLow"):
        desk.post(webhook(alert(name)))
    desk.deliver(for_seconds=600)
    assert 15 <= len(desk.slack.calls_of("chat.postMessage")) <= 25
    with desk.database.read() as unit:
        assert error in (messages.in_trouble(unit)[0].last_error or "")
    desk.slack.faults.clear()
    desk.deliver()
    assert len(desk.slack.messages(INCIDENTS)) == 5
    all_shown(desk)
