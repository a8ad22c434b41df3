"""News of known incidents are gathered while Slack is behind; a Slack that refuses half is not met ever more slowly."""

from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from bot.engine.claims import CROWD, GATHER
from bot.services import incidents as service
from bot.simulator.slack import SlackSimulator
from bot.store import messages
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import INCIDENTS, DeskInProcess

GROUPS = 60


@pytest.fixture
def calm(sqlite_url: str) -> Iterator[DeskInProcess]:
    with SlackSimulator() as slack:
        found = DeskInProcess(sqlite_url, slack)
        yield found
        found.close()


def fire(desk: DeskInProcess, group: int, number: int, severity: str = "warning") -> None:
    one = alert(f"Storm{group}", labels={"instance": str(number), "severity": severity})
    assert desk.post(webhook(one, group=f"Storm{group}")).status_code == 200


def edits(desk: DeskInProcess) -> Counter[str]:
    return Counter(str(call.args["ts"]) for call in desk.slack.calls_of("chat.update"))


def test_the_first_incidents_of_a_storm_are_not_edited_again_and_again(calm: DeskInProcess) -> None:
    for second in range(60):
        for group in range(second % 2, GROUPS, 2):
            fire(calm, group, second)
        calm.deliver(for_seconds=1)
    assert max(edits(calm).values(), default=0) <= 60 / GATHER.total_seconds() + 1
    calm.deliver()
    # Everything is shown in the end: of each incident 30 alerts.
    assert len(calm.slack.messages(INCIDENTS)) == GROUPS
    assert all("Firing: 30" in calm.slack.text_of(one) for one in calm.slack.messages(INCIDENTS))
    assert max(edits(calm).values()) <= 60 / GATHER.total_seconds() + 3
    with calm.database.read() as unit:
        assert messages.backlog(unit) == (0, None)


def test_on_a_calm_day_news_are_shown_at_once(calm: DeskInProcess) -> None:
    fire(calm, 0, 0)
    calm.deliver()
    for number in range(1, 4):
        fire(calm, 0, number)
        calm.deliver(for_seconds=2)
        assert f"Firing: {number + 1}" in calm.slack.text_of(calm.slack.messages(INCIDENTS)[0])


@pytest.mark.parametrize("what", ["acknowledged", "worse"])
def test_what_is_more_than_news_is_not_gathered(calm: DeskInProcess, what: str) -> None:
    """An incident's news wait; then somebody takes it, or a worse alert fires: that is shown at once."""
    fire(calm, 0, 0)
    calm.deliver()
    for group in range(1, CROWD + 20):
        fire(calm, group, 0)
    fire(calm, 0, 1)
    calm.deliver(for_seconds=0.5)
    place = calm.slack.messages(INCIDENTS)[0]["ts"]
    before = edits(calm)[place]
    fire(calm, 0, 2)
    calm.deliver(for_seconds=2)
    assert edits(calm)[place] == before
    if what == "acknowledged":
        service.acknowledge(calm.desk, 1, "U0OPERATOR")
    else:
        fire(calm, 0, 3, severity="critical")
    fire(calm, 0, 4)  # further news do not put it off again
    calm.deliver(for_seconds=2)
    assert edits(calm)[place] > before
    shown = calm.slack.text_of(calm.slack.messages(INCIDENTS)[0])
    assert ("acknowledged by" if what == "acknowledged" else "SEV-2") in shown


def test_a_slack_that_refuses_half_of_the_calls_is_not_met_ever_more_slowly(calm: DeskInProcess) -> None:
    """Each post takes a turn of at most two seconds, and a second for each refusal."""
    calm.slack.faults.add("chat.postMessage", status=429, retry_after=1, probability=0.5, random=Random(7))
    for group in range(GROUPS):
        fire(calm, group, 0)
    began = calm.time.now()
    calm.deliver(for_seconds=3_600)
    calls = calm.slack.calls_of("chat.postMessage")
    refused = sum(call.status == 429 for call in calls)
    assert len(calls) - refused == 2 * GROUPS
    assert (calm.time.now() - began).total_seconds() <= 2.2 * 2 * GROUPS + 1.1 * refused
