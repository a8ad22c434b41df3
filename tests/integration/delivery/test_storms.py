"""Storms on the desk's clock: Slack's pace is used up and not bumped into, urgent news overtake, nothing starves."""

from collections import Counter
from collections.abc import Iterator

import pytest

from bot.domain.refusals import Remedy, remedy
from bot.services import incidents as service
from bot.services import thread
from bot.simulator.slack import SlackSimulator
from bot.store import delivery_lags, messages
from bot.store.messages import Urgency
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import INCIDENTS, DeskInProcess

STAKEHOLDERS = "C0STAKEHOLDERS"


@pytest.fixture
def calm(sqlite_url: str) -> Iterator[DeskInProcess]:
    with SlackSimulator() as slack:
        found = DeskInProcess(sqlite_url, slack)
        yield found
        found.close()


def storm(desk: DeskInProcess, groups: int) -> None:
    for number in range(groups):
        assert desk.post(webhook(alert(f"Alert{number}"))).status_code == 200


def roots(desk: DeskInProcess) -> int:
    return len(desk.slack.messages(INCIDENTS))


def say(desk: DeskInProcess, key: str, urgency: Urgency, words: str, *, channel: str = INCIDENTS) -> None:
    """A line in the thread of INC-1, or a message of its own in another channel."""
    with desk.database.begin() as unit:
        messages.want(
            unit,
            key,
            "reply",
            1,
            channel=channel,
            at=desk.time.now(),
            parent_key=thread.root_key(1) if channel == INCIDENTS else None,
            urgency=urgency,
            content={"heading": words, "lines": []},
        )


def every_message_once(desk: DeskInProcess, incidents: int) -> None:
    """One root and one checklist an incident, at their newest version."""
    found = desk.slack.messages(INCIDENTS)
    assert len(found) == incidents
    assert [len(desk.slack.thread(INCIDENTS, root["ts"])) for root in found] == [1] * incidents
    with desk.database.read() as unit:
        assert messages.backlog(unit) == (0, None)


def test_a_hundred_groups_at_one_message_a_second(calm: DeskInProcess) -> None:
    """Within 1.1 times what the pace needs, at most 1.05 calls a delivery; the incidents before their checklists."""
    calm.slack.pace("chat.postMessage", 1.0)
    storm(calm, 100)
    began = calm.time.now()
    while roots(calm) < 100:
        calm.deliver(for_seconds=1)
        assert (calm.time.now() - began).total_seconds() <= 1.1 * 99
    calm.deliver()
    assert (calm.time.now() - began).total_seconds() <= 1.1 * 199
    calls = calm.slack.calls_of("chat.postMessage")
    assert len(calls) <= 1.05 * 200
    every_message_once(calm, 100)


def test_two_processes_find_their_shares_of_the_pace(calm: DeskInProcess) -> None:
    """They know nothing of each other, and together they bump into Slack's limit ever less."""
    calm.slack.pace("chat.postMessage", 1.0)
    other = calm.new_deliverer()
    storm(calm, 60)
    began = calm.time.now()
    with calm.database.read() as unit:
        left = messages.backlog(unit)[0]
    while left:
        if not (calm.deliverer.run_once(calm.time.now()) | other.run_once(calm.time.now())):
            calm.time.move(0.05)
        with calm.database.read() as unit:
            left = messages.backlog(unit)[0]
        assert (calm.time.now() - began).total_seconds() < 1.5 * 120
    every_message_once(calm, 60)
    assert len(calm.slack.calls_of("chat.postMessage")) <= 1.4 * 120


def test_the_last_of_a_thousand_changes(calm: DeskInProcess) -> None:
    storm(calm, 1)
    calm.deliver()
    calm.time.move(60)
    before = len(calm.slack.calls_of("chat.update"))
    ends = calm.time.now()
    for number in range(1_000):
        calm.post(webhook(alert("Alert0", annotations={"summary": f"{number} rejected"})))
        calm.time.move(0.01)
        calm.deliverer.run_once(calm.time.now())
    assert (calm.time.now() - ends).total_seconds() == pytest.approx(10)
    calm.deliver()
    assert 5 <= len(calm.slack.calls_of("chat.update")) - before <= 15
    assert "999 rejected" in calm.slack.text_of(calm.slack.messages(INCIDENTS)[0])


def test_edits_keep_to_slacks_limit_for_the_whole_app(calm: DeskInProcess) -> None:
    """100 incidents change every second for a minute: chat.update is asked for no more than Slack allows."""
    storm(calm, 100)
    calm.deliver()
    calm.time.move(60)
    before = len(calm.slack.calls_of("chat.update"))
    began = calm.time.monotonic()
    for second in range(60):
        for number in range(0, 100, 7):
            calm.post(webhook(alert(f"Alert{number}", annotations={"summary": f"second {second}"})))
        calm.deliver(for_seconds=1)
    allowed = 20 + (calm.time.monotonic() - began) * 50 / 60  # a short burst, and then 50 a minute
    assert 45 <= len(calm.slack.calls_of("chat.update")) - before <= allowed + 2
    calm.deliver()
    texts = [calm.slack.text_of(one) for one in calm.slack.messages(INCIDENTS)]
    assert sum("second 59" in text for text in texts) == 15


def test_urgent_news_overtake_a_storm(calm: DeskInProcess) -> None:
    storm(calm, 60)
    calm.deliver(for_seconds=30)
    waiting = roots(calm)
    assert 20 < waiting < 50
    say(calm, "action:1", Urgency.ACTION, "HALTED")
    calm.deliver(for_seconds=2)
    assert calm.slack.find("HALTED", INCIDENTS)
    assert roots(calm) <= waiting + 2


def test_nothing_starves_beside_endless_urgent_news(calm: DeskInProcess) -> None:
    """A checklist waits while louder messages come faster than Slack takes them; it gets its turn all the same."""
    storm(calm, 1)
    said: float | None = None
    heard: float | None = None
    for second in range(300):
        for number in range(2):
            say(calm, f"loud:{second}:{number}", Urgency.ACTION, "loud")
        if second == 20:
            say(calm, "quiet", Urgency.NOTICE, "quiet word")
            said = calm.time.monotonic()
        calm.deliver(for_seconds=1)
        if said is not None and calm.slack.find("quiet word", INCIDENTS):
            heard = calm.time.monotonic() - said
            break
    assert heard is not None
    assert 60 < heard < 200
    assert len(calm.slack.find("loud", INCIDENTS)) > 0.7 * heard


def test_a_storm_in_one_channel_does_not_delay_another(calm: DeskInProcess) -> None:
    calm.slack.pace("chat.postMessage", 1.0)
    storm(calm, 50)
    calm.deliver(for_seconds=10)
    say(calm, "notice:1", Urgency.NOTICE, "Resolved", channel=STAKEHOLDERS)
    calm.deliver(for_seconds=1)
    assert roots(calm) < 20
    assert calm.slack.find("Resolved", STAKEHOLDERS)


def test_lines_of_a_thread_keep_their_order_through_trouble(calm: DeskInProcess) -> None:
    storm(calm, 1)
    calm.deliver()
    calm.slack.faults.add("chat.postMessage", times=2, status=500)
    for number in range(8):
        with calm.database.begin() as unit:
            thread.reply(unit, service.find(unit, 1), f"line {number}", at=calm.time.now())
    calm.deliver()
    root = calm.slack.messages(INCIDENTS)[0]
    lines = [calm.slack.text_of(one) for one in calm.slack.thread(INCIDENTS, root["ts"])]
    assert [line for line in lines if line.startswith("line")] == [f"line {number}" for number in range(8)]


def test_after_ten_minutes_away_slack_is_not_overrun(calm: DeskInProcess) -> None:
    """While it is away one call at a time looks whether it is back; then all goes out at the pace, once each."""
    storm(calm, 2)
    calm.deliver()
    calm.slack.faults.add("*", status=503)
    storm(calm, 40)
    before = len(calm.slack.calls)
    calm.deliver(for_seconds=600)
    assert len(calm.slack.calls) - before <= 60
    calm.slack.faults.clear()
    back = calm.time.now()
    calm.deliver()
    every_message_once(calm, 40)
    after = [call.at for call in calm.slack.calls_of("chat.postMessage") if call.at >= back.timestamp()]
    seconds = Counter(int(at - back.timestamp()) for at in after)
    assert max(seconds.values()) <= 5
    assert (calm.time.now() - back).total_seconds() < 76 + 20


def test_the_age_and_the_lag_count_from_when_it_was_wanted(calm: DeskInProcess) -> None:
    calm.slack.faults.add("chat.postMessage", status=503)
    wanted = calm.time.now()
    storm(calm, 1)
    calm.deliver(for_seconds=90)
    storm(calm, 1)  # a newer state does not make the old one young
    with calm.database.read() as unit:
        assert messages.backlog(unit) == (2, wanted)
    calm.slack.faults.clear()
    calm.deliver()
    with calm.database.read() as unit:
        assert messages.backlog(unit) == (0, None)
        lags = delivery_lags.counted(unit)
    at = delivery_lags.BOUNDS.index(120.0)
    assert lags[Urgency.INCIDENT].counts[at] == 1
    assert 90 <= lags[Urgency.INCIDENT].seconds <= 120
    assert sum(lags[Urgency.THREAD].counts) == 1


def test_the_table_of_refusals() -> None:
    assert remedy("is_archived") is Remedy.MOVE
    assert remedy("internal_error") is Remedy.TRY_AGAIN
    assert remedy("message_not_found") is Remedy.POST_ANEW
    assert remedy("token_revoked") is Remedy.LET_IN
    assert remedy("missing_scope") is Remedy.ALLOW
    assert remedy("no_permission") is Remedy.MOVE
    assert remedy("msg_too_long") is Remedy.SHORTEN
    assert remedy("never_heard_of") is Remedy.GIVE_UP
