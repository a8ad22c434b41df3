"""People at the desk press buttons and type commands; a real Bolt app answers them."""

import json
import threading
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from slack_bolt import App
from slack_sdk.errors import SlackApiError

from bot.simulator.slack import SlackSimulator
from bot.simulator.slack.acting import SlashInThread
from tests.unit.simulator_slack.slack_desk import (
    INCIDENTS,
    HandClock,
    acknowledge,
    modal,
    section,
)


def test_a_click_tells_the_bot_who_pressed_what_and_where(
    slack: SlackSimulator, app: App, root: str, heard: list[dict[str, Any]]
) -> None:
    answer = slack.click(INCIDENTS, root, "halt.open", user="U0APPROVER")
    assert (answer.status, slack.unanswered) == (200, [])
    [body] = heard
    assert body["user"]["id"] == "U0APPROVER"
    assert body["team"]["id"] == "T0DESK"
    assert body["api_app_id"] == "A0HALTDESK"
    assert body["container"] == {
        "type": "message",
        "message_ts": root,
        "channel_id": INCIDENTS,
        "is_ephemeral": False,
    }
    [action] = body["actions"]
    assert (action["action_id"], action["value"], action["block_id"]) == ("halt.open", "main", "buttons")
    assert body["message"]["ts"] == root
    assert slack.views("U0APPROVER")[0]["callback_id"] == "halt.confirm"
    assert slack.views("U0OPERATOR") == []


def test_buttons_stand_in_accessories_and_menus_too(slack: SlackSimulator, app: App, root: str) -> None:
    chosen: list[Any] = []
    app.action("more")(lambda ack, action: (ack(), chosen.append(action["selected_option"]["value"])))
    app.action("incident.acknowledge")(lambda ack, action: (ack(), chosen.append(action["value"])))
    slack.click(INCIDENTS, root, "flatten.open")
    slack.click(INCIDENTS, root, "more", option="Flatten")
    slack.click(INCIDENTS, root, "incident.acknowledge")
    assert chosen == ["flatten.open", "flatten.open", "42"]
    with pytest.raises(AssertionError, match=r"no button 'halt\.opne'.*halt\.open.*more -> flatten\.open"):
        slack.click(INCIDENTS, root, "halt.opne")
    assert ("halt.open", "Halt", "main") in slack.buttons(INCIDENTS, root)


def test_a_bot_that_does_not_acknowledge_is_shown_as_such(slack: SlackSimulator, app: App, root: str) -> None:
    answer = slack.click(INCIDENTS, root, "incident.acknowledge")
    assert answer.status == 404, "Bolt knows no such listener"
    assert [u.what for u in slack.unanswered] == ["incident.acknowledge in #incidents"]
    assert slack.message(INCIDENTS, root)["trouble"] == "haltdesk failed to respond"
    app.action("incident.acknowledge")(acknowledge)
    slack.click(INCIDENTS, root, "incident.acknowledge")
    assert slack.message(INCIDENTS, root)["trouble"] is None


def test_a_trigger_serves_once_and_for_three_seconds(
    slack: SlackSimulator, app: App, root: str, heard: list[dict[str, Any]], clock: HandClock
) -> None:
    slack.click(INCIDENTS, root, "halt.open")
    used = heard[0]["trigger_id"]
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        app.client.views_open(trigger_id=used, view=modal(section("again")))
    with pytest.raises(SlackApiError, match="invalid_trigger_id"):
        app.client.views_open(trigger_id="1.2.3", view=modal(section("a guess")))
    late: list[str] = []
    app.action("incident.acknowledge")(lambda ack, body: (ack(), late.append(body["trigger_id"])))
    slack.click(INCIDENTS, root, "incident.acknowledge")
    clock.forward(3.1)
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        app.client.views_open(trigger_id=late[0], view=modal(section("late")))


def test_a_patient_workspace_gives_a_slow_machine_more_time(
    slack: SlackSimulator, app: App, root: str, clock: HandClock
) -> None:
    slack.be_patient(60)
    late: list[str] = []
    app.action("incident.acknowledge")(lambda ack, body: (ack(), late.append(body["trigger_id"])))
    for _ in range(2):
        slack.click(INCIDENTS, root, "incident.acknowledge")
    clock.forward(59)
    app.client.views_open(trigger_id=late[0], view=modal(section("in time")))
    clock.forward(2)
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        app.client.views_open(trigger_id=late[1], view=modal(section("late")))


def test_an_answer_that_does_not_come_in_time_is_none(slack: SlackSimulator, app: App, root: str) -> None:
    released = threading.Event()
    app.action("incident.acknowledge")(lambda ack: (released.wait(60), ack()))
    slack.be_patient(0.3)
    try:
        answer = slack.click(INCIDENTS, root, "incident.acknowledge")
    finally:
        released.set()
    assert not answer.acknowledged
    assert answer.error == "no answer within 0.3 s"


def test_slash_commands_work_in_channels_and_never_in_threads(
    slack: SlackSimulator, app: App, root: str
) -> None:
    heard: list[Any] = []
    app.command("/halt")(lambda ack, command: (heard.append(command), ack("Nothing to halt.")))
    slack.slash("/halt", "main breaks", user="U0ENGINEER", channel="C0GENERAL")
    [command] = heard
    assert (command["text"], command["user_id"], command["channel_id"]) == (
        "main breaks",
        "U0ENGINEER",
        "C0GENERAL",
    )
    assert [slack.text_of(e) for e in slack.ephemerals("U0ENGINEER")] == ["Nothing to halt."]
    with pytest.raises(SlashInThread, match="not supported in threads"):
        slack.slash("/halt", thread_ts=root)
    assert len(heard) == 1
    slack.slash("/hlat")
    assert "/hlat failed" in slack.text_of(slack.ephemerals("U0OPERATOR")[-1])


def test_a_response_url_serves_five_times_within_half_an_hour(
    slack: SlackSimulator, app: App, clock: HandClock
) -> None:
    urls: list[str] = []
    app.command("/health")(lambda ack, command: (ack(), urls.append(command["response_url"])))
    slack.slash("/health")
    for n in range(5):
        assert requests.post(urls[0], json={"text": f"step {n}"}, timeout=5).status_code == 200
    spent = requests.post(urls[0], json={"text": "step 6"}, timeout=5)
    assert (spent.status_code, spent.json()["error"]) == (404, "used_url")
    assert len(slack.ephemerals("U0OPERATOR")) == 5
    slack.slash("/health")
    public = {"text": "All well", "response_type": "in_channel"}
    assert requests.post(urls[1], json=public, timeout=5).status_code == 200
    assert slack.find("All well", INCIDENTS)
    clock.forward(1801)
    late = requests.post(urls[1], json={"text": "late"}, timeout=5)
    assert (late.status_code, late.json()["error"]) == (404, "expired_url")


def test_requests_are_signed_and_retries_are_marked(slack: SlackSimulator, app: App, root: str) -> None:
    retries: list[Any] = []

    def note(ack: Any, request: Any) -> None:
        ack()
        retries.append(request.headers.get("x-slack-retry-num", [None])[0])

    app.action("incident.acknowledge")(note)
    first = slack.click(INCIDENTS, root, "incident.acknowledge")
    second = slack.resend(first)
    assert first.request.body == second.request.body
    assert (first.status, second.status) == (200, 200)
    assert retries == [None, "1"]
    body = first.request.body
    assert slack.signed_request(body).status == 200
    assert slack.signed_request(body, secret="stolen").status == 401
    assert slack.signed_request(body, timestamp=1_600_000_000).status == 401
    payload = json.loads(parse_qs(body)["payload"][0])
    assert payload["response_url"].startswith(slack.page_url)


def test_a_bot_that_hears_events_hears_what_people_write(slack: SlackSimulator, app: App) -> None:
    heard: list[str] = []
    app.event("message")(lambda event: heard.append(event["text"]))
    slack.say(INCIDENTS, "not subscribed yet")
    slack.events.add("message")
    slack.say(INCIDENTS, "AAPL looks wrong", user="U0ENGINEER")
    assert heard == ["AAPL looks wrong"]
