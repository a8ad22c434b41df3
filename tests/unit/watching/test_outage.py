"""Slack is away: one message at a time is tried, and only what Slack answers says whether it is back."""

from bot.engine.outage import FOR_PEOPLE, PAUSES, PROBE, Outage


def away() -> Outage:
    outage = Outage()
    for message in range(3):
        outage.failed(message, 0.0)
    assert outage.pause(0.0) == PAUSES[0]
    return outage


def test_one_is_let_through_at_a_time() -> None:
    outage = away()
    assert outage.pause(2.0) == 0.0
    assert outage.pause(2.1) == PROBE - 0.1
    assert outage.pause(2.0 + PROBE) == 0.0  # it has not come back from its call


def test_one_that_made_no_call_lets_the_next_one_try() -> None:
    outage = away()
    assert outage.pause(2.0) == 0.0
    outage.through(2.5)
    assert outage.pause(2.5) == 0.0


def test_what_a_call_has_told_stands() -> None:
    outage = away()
    assert outage.pause(2.0) == 0.0
    outage.failed(1, 3.0)
    outage.through(3.0)
    assert outage.pause(3.0) == PAUSES[1]
    outage.refused(10.0)
    outage.through(10.0)
    assert outage.pause(10.0) == FOR_PEOPLE


def test_slack_is_back() -> None:
    outage = away()
    assert outage.pause(2.0) == 0.0
    outage.over()
    outage.through(3.0)
    assert [outage.pause(3.0) for _ in range(3)] == [0.0, 0.0, 0.0]
