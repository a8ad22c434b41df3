"""A bad day at Slack: limits, errors, silence, answers lost after the effect. All of it can be asked for."""

import threading
import time
from contextlib import suppress

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.simulator.slack import SlackSimulator
from tests.unit.simulator_slack.slack_desk import INCIDENTS, HandClock


def test_a_rate_limit_says_how_long_and_wears_out(slack: SlackSimulator, client: WebClient) -> None:
    slack.faults.add("chat.postMessage", status=429, retry_after=7, times=2)
    for _ in range(2):
        with pytest.raises(SlackApiError, match="ratelimited") as caught:
            client.chat_postMessage(channel=INCIDENTS, text="x")
        assert caught.value.response.status_code == 429
        assert caught.value.response.headers["Retry-After"] == "7"
    assert client.chat_postMessage(channel=INCIDENTS, text="third")["ok"]
    assert [call.status for call in slack.calls_of("chat.postMessage")] == [429, 429, 200]
    assert [slack.text_of(m) for m in slack.messages(INCIDENTS)] == ["third"]


def test_errors_strike_one_method_or_all(slack: SlackSimulator, client: WebClient) -> None:
    slack.faults.add("chat.update", error="channel_not_found")
    posted = client.chat_postMessage(channel=INCIDENTS, text="x")
    with pytest.raises(SlackApiError, match="channel_not_found"):
        client.chat_update(channel=INCIDENTS, ts=posted["ts"], text="y")
    slack.faults.clear()
    slack.faults.add("*", status=503, body="<html>down</html>")
    with pytest.raises(SlackApiError, match="non-JSON"):
        client.auth_test()
    slack.faults.clear()
    assert client.auth_test()["ok"]


def test_an_answer_can_be_lost_after_the_effect(slack: SlackSimulator, client: WebClient) -> None:
    slack.faults.add("chat.postMessage", status=500, after=True, times=1)
    with pytest.raises(SlackApiError):
        client.chat_postMessage(channel=INCIDENTS, text="posted all the same")
    assert len(slack.find("posted all the same")) == 1
    slack.faults.add("chat.postMessage", drop=True, times=1)
    with pytest.raises(OSError, match="closed connection"):
        client.chat_postMessage(channel=INCIDENTS, text="never arrived")
    assert slack.find("never arrived") == []
    slack.faults.add("chat.postMessage", drop=True, after=True, times=1)
    with pytest.raises(OSError, match="closed connection"):
        client.chat_postMessage(channel=INCIDENTS, text="arrived unseen")
    assert len(slack.find("arrived unseen")) == 1
    assert [call.error for call in slack.calls] == ["internal_error", "dropped", "dropped"]


def test_a_silent_slack_keeps_the_client_waiting(slack: SlackSimulator) -> None:
    impatient = WebClient(token="xoxb-simulator", base_url=slack.api_url, timeout=1, retry_handlers=[])
    slack.faults.add("chat.postMessage", hang=60)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        impatient.chat_postMessage(channel=INCIDENTS, text="x")
    assert 0.9 < time.monotonic() - began < 5
    assert slack.calls[-1].error == "hung"
    slack.stop()  # and nobody waits for the rest of the minute
    assert time.monotonic() - began < 8


def test_a_slow_slack_still_does_what_it_is_asked(slack: SlackSimulator, client: WebClient) -> None:
    slack.faults.add("*", delay=0.08)
    began = time.monotonic()
    client.chat_postMessage(channel=INCIDENTS, text="slow")
    assert time.monotonic() - began >= 0.08
    assert slack.find("slow")


def test_the_pace_is_kept_for_each_channel_by_the_clock(
    slack: SlackSimulator, client: WebClient, clock: HandClock
) -> None:
    slack.pace("chat.postMessage", per_second=1)
    client.chat_postMessage(channel=INCIDENTS, text="1")
    client.chat_postMessage(channel="C0GENERAL", text="another channel has its own pace")
    with pytest.raises(SlackApiError, match="ratelimited") as caught:
        client.chat_postMessage(channel=INCIDENTS, text="too soon")
    assert caught.value.response.headers["Retry-After"] == "1"
    clock.forward(1)
    assert client.chat_postMessage(channel=INCIDENTS, text="2")["ok"]


def test_half_of_the_calls_fail_in_the_same_way_each_time() -> None:
    def outcomes() -> list[int]:
        with SlackSimulator() as slack:
            slack.faults.add("chat.postMessage", status=429, probability=0.5)
            client = WebClient(token="xoxb-simulator", base_url=slack.api_url, retry_handlers=[])
            for n in range(40):
                with suppress(SlackApiError):
                    client.chat_postMessage(channel=INCIDENTS, text=str(n))
            return [call.status for call in slack.calls]

    first = outcomes()
    assert 8 < first.count(429) < 32
    assert outcomes() == first


def test_a_fault_that_does_nothing_is_a_mistake(slack: SlackSimulator) -> None:
    with pytest.raises(ValueError, match="a fault needs one of"):
        slack.faults.add("chat.postMessage", times=3)


def test_waiting_ends_with_the_change_or_shows_what_is_there(
    slack: SlackSimulator, client: WebClient
) -> None:
    def post() -> None:
        client.chat_postMessage(channel=INCIDENTS, text="SEV-1 INC-42")

    thread = threading.Thread(target=post)
    thread.start()
    [found] = slack.wait_for(lambda: slack.find("INC-42"), timeout=5, what="the incident")
    thread.join(timeout=5)
    assert found["channel"] == INCIDENTS
    with pytest.raises(AssertionError, match=r"waited 0\.05 s for INC-43, in vain.[\s\S]*SEV-1 INC-42"):
        slack.wait_for(lambda: slack.find("INC-43"), timeout=0.05, what="INC-43")


def test_a_stopped_workspace_can_start_again_where_it_was(slack: SlackSimulator, client: WebClient) -> None:
    client.chat_postMessage(channel=INCIDENTS, text="before the outage")
    address = slack.api_url
    slack.stop()
    with pytest.raises(OSError, match="refused"):
        client.auth_test()
    slack.start()
    assert slack.api_url == address
    client.chat_postMessage(channel=INCIDENTS, text="after it")
    assert [slack.text_of(m) for m in slack.messages(INCIDENTS)] == ["before the outage", "after it"]
