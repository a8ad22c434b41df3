"""A group that Slack and a webhook tell, and whose incident was merged: what comes next belongs where it went on."""

from datetime import timedelta

import pytest

from bot.services import incidents as service
from bot.services import merging
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.channel_posts import alertmanager
from tests.fixtures.desk_in_process import INCIDENTS, DeskInProcess
from tests.integration.channel_intake.channel import Channel, all_incidents, kinds, standing
from tests.integration.channel_intake.test_channel_and_webhook import GROUP, STARTED, labels, sent

WEBHOOK, SLACK = (False, "firing"), (True, "firing")


@pytest.fixture
def channel(desk: DeskInProcess) -> Channel:
    """INC-1 is of another group and tells two alerts; somebody has it."""
    hosts = [alert("FeedStale", started=STARTED, labels={"host": host}) for host in "ab"]
    desk.post(webhook(*hosts))
    return Channel(desk)


def merged(desk: DeskInProcess) -> None:
    """INC-2 into INC-1, which is acknowledged."""
    done = merging.merge(desk.desk, 2, 1, "U0OPERATOR")
    assert done.refusal is None
    service.acknowledge(desk.desk, 1, "U0OPERATOR")


def loud(desk: DeskInProcess) -> int:
    desk.deliver()
    root = desk.slack.messages(INCIDENTS)[0]["ts"]
    return sum(one.get("subtype") == "thread_broadcast" for one in desk.slack.thread(INCIDENTS, root))


def numbers(desk: DeskInProcess) -> list[int]:
    return sorted(one.id for one in all_incidents(desk))


def test_the_next_message_of_a_merged_group_tells_nothing_again(
    desk: DeskInProcess, channel: Channel
) -> None:
    desk.post(sent("A", "B"))
    channel.post(alertmanager(GROUP, [labels("A"), labels("B")]))
    merged(desk)
    before = loud(desk)
    desk.time.move(300)
    channel.post(alertmanager(GROUP, [labels("A"), labels("B")]))
    assert numbers(desk) == [1, 2]
    assert standing(desk) == [WEBHOOK] * 4
    assert loud(desk) == before


def test_a_first_message_finds_the_merged_group_too(desk: DeskInProcess, channel: Channel) -> None:
    desk.post(sent("A", "B"))
    merged(desk)
    before = loud(desk)
    channel.post(alertmanager(GROUP, [labels("A"), labels("B")]))
    assert numbers(desk) == [1, 2]
    assert standing(desk) == [WEBHOOK] * 4
    assert loud(desk) == before


def test_what_it_counts_beyond_its_own_webhook_is_not_hidden_by_the_other_group(
    desk: DeskInProcess, channel: Channel
) -> None:
    desk.post(sent("A"))
    channel.post(alertmanager(GROUP, [labels("A")]))
    merged(desk)
    channel.post(alertmanager(GROUP, [labels("A"), labels("B")]))
    assert standing(desk) == [*[WEBHOOK] * 3, SLACK]
    desk.time.move(30)
    desk.post(webhook(alert("FeedStale", started=STARTED, labels={"host": "c"})))
    assert standing(desk) == [*[WEBHOOK] * 4, SLACK]
    desk.post(sent("A", "B"))
    assert standing(desk) == [*[WEBHOOK] * 5]


def test_a_group_of_messages_alone_goes_on_in_the_target(desk: DeskInProcess, channel: Channel) -> None:
    channel.post(alertmanager(GROUP, [labels("A")]))
    merged(desk)
    channel.post(alertmanager(GROUP, [labels("A"), labels("B")]))
    assert numbers(desk) == [1, 2]
    assert standing(desk) == [WEBHOOK, WEBHOOK, SLACK, SLACK]


def test_its_webhook_comes_after_the_merge(desk: DeskInProcess, channel: Channel) -> None:
    channel.post(alertmanager(GROUP, [labels("A")]))
    merged(desk)
    before = loud(desk)
    desk.time.move(20)
    desk.post(sent("A"))
    assert numbers(desk) == [1, 2]
    assert standing(desk) == [WEBHOOK] * 3
    assert kinds(desk).count("JoinedByWebhook") == 1
    assert loud(desk) == before


def test_a_webhook_takes_over_its_own_group_of_two_that_were_merged(desk: DeskInProcess) -> None:
    """Both are told by messages alone; the other one waits for its own webhook."""
    channel = Channel(desk)
    other = {"alertname": "FeedStale", "host": "a"}
    channel.post(alertmanager({"alertname": "FeedStale"}, [other]))
    channel.post(alertmanager(GROUP, [labels("A")]))
    merged(desk)
    desk.post(sent("A"))
    assert numbers(desk) == [1, 2]
    assert standing(desk) == [WEBHOOK, SLACK]
    desk.time.move(20)
    desk.post(webhook(alert("FeedStale", started=STARTED, labels={"host": "a"})))
    assert numbers(desk) == [1, 2]
    assert standing(desk) == [WEBHOOK, WEBHOOK]


def test_a_slow_message_after_the_target_was_resolved_opens_nothing(
    desk: DeskInProcess, channel: Channel
) -> None:
    desk.post(sent("A"))
    merged(desk)
    desk.post(sent(ended=("A",)))
    service.resolve(desk.desk, 1, "U0OPERATOR", note="over")
    desk.time.move(timedelta(minutes=1).total_seconds())
    channel.post(alertmanager(GROUP, [labels("A")]))
    assert numbers(desk) == [1, 2]
    assert [one.open for one in all_incidents(desk)] == [False, False]
