"""A running stand-in Slack with a clock that tests move, a client, and a bot with a message to press on."""

from collections.abc import Iterator
from typing import Any

import pytest
from slack_bolt import App
from slack_sdk import WebClient

from bot.simulator.slack import SlackSimulator
from tests.unit.simulator_slack.slack_desk import (
    INCIDENTS,
    HandClock,
    actions,
    bolt_bot,
    button,
    modal,
    plain,
    reason_input,
    section,
)

ACCOUNTS = {
    "type": "input",
    "block_id": "accounts",
    "label": plain("Accounts"),
    "element": {
        "type": "checkboxes",
        "action_id": "value",
        "options": [{"text": plain(name), "value": name} for name in ("main", "second")],
    },
}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def slack(clock: HandClock) -> Iterator[SlackSimulator]:
    with SlackSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
def client(slack: SlackSimulator) -> WebClient:
    return WebClient(token="xoxb-simulator", base_url=slack.api_url, timeout=5, retry_handlers=[])


@pytest.fixture
def app(slack: SlackSimulator) -> Iterator[App]:
    with bolt_bot(slack) as app:
        yield app


@pytest.fixture
def heard(app: App) -> list[dict[str, Any]]:
    """The bodies of the halt button's clicks, each answered with a modal."""
    bodies: list[dict[str, Any]] = []

    @app.action("halt.open")
    def open_modal(ack: Any, body: Any, client: Any) -> None:
        ack()
        bodies.append(body)
        client.views_open(
            trigger_id=body["trigger_id"], view=modal(section("Halt?"), reason_input(), ACCOUNTS)
        )

    return bodies


@pytest.fixture
def root(app: App) -> str:
    more = {
        "type": "overflow",
        "action_id": "more",
        "options": [{"text": plain("Flatten"), "value": "flatten.open"}],
    }
    blocks = [
        section(
            "INC-42", block_id="head", accessory=button("Acknowledge", "incident.acknowledge", value="42")
        ),
        actions(button("Halt", "halt.open", value="main"), more, block_id="buttons"),
    ]
    return str(app.client.chat_postMessage(channel=INCIDENTS, text="INC-42", blocks=blocks)["ts"])
