"""Blocks that Slack would refuse are refused, and the place is named."""

from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.unit.simulator_slack.slack_desk import (
    INCIDENTS,
    actions,
    button,
    modal,
    mrkdwn,
    plain,
    reason_input,
    section,
)

OPTION = {"text": plain("main"), "value": "main"}


def overflow(count: int) -> dict[str, Any]:
    options = [{"text": plain(str(n)), "value": str(n)} for n in range(count)]
    return {"type": "overflow", "action_id": "incident.more", "options": options}


def checkboxes(count: int) -> dict[str, Any]:
    options = [{"text": mrkdwn(str(n)), "value": str(n)} for n in range(count)]
    return {"type": "checkboxes", "action_id": "value", "options": options}


def confirm(**change: Any) -> dict[str, Any]:
    dialog = {
        "title": plain("Sure?"),
        "text": mrkdwn("No way back"),
        "confirm": plain("Yes"),
        "deny": plain("No"),
    }
    return {**dialog, **change}


def refused(client: WebClient, blocks: list[Any]) -> tuple[str, list[str]]:
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=INCIDENTS, text="x", blocks=blocks)
    answer = caught.value.response
    return answer["error"], (answer.get("response_metadata") or {}).get("messages", [])


GOOD = [
    {"type": "header", "text": plain("x" * 150)},
    {"type": "divider"},
    section("x" * 3000),
    {"type": "section", "fields": [mrkdwn("x" * 800)] * 10, "accessory": overflow(5)},
    {
        "type": "context",
        "elements": [mrkdwn("a")] * 9
        + [{"type": "image", "image_url": "http://127.0.0.1/a", "alt_text": "a"}],
    },
    actions(*[button("b", f"a{n}") for n in range(25)]),
    actions(button("x" * 75, "long", value="v" * 2000, style="danger", confirm=confirm())),
    actions({"type": "static_select", "action_id": "pick", "options": [OPTION], "initial_option": OPTION}),
    {"type": "table", "rows": [[{"type": "raw_text", "text": "AAPL"}] * 20] * 8},
    {"type": "markdown", "text": "# Draft"},
    {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "a"}]}],
    },
    {
        "type": "image",
        "image_url": "http://127.0.0.1/plot.png",
        "alt_text": "rejects",
        "title": plain("Rejects"),
    },
]


@pytest.mark.parametrize("block", GOOD, ids=lambda block: str(block["type"]))
def test_a_block_at_its_limits_is_accepted(client: WebClient, block: dict[str, Any]) -> None:
    client.api_call("blocks.validate", json={"blocks": [block]})
    assert client.chat_postMessage(channel=INCIDENTS, text="x", blocks=[block])["ok"]


BAD: list[tuple[dict[str, Any], str]] = [
    (section("x" * 3001), "/blocks/0/text/text"),
    (section(""), "/blocks/0/text/text"),
    ({"type": "section"}, "/blocks/0"),
    ({"type": "section", "fields": [mrkdwn("a")] * 11}, "/blocks/0/fields"),
    ({"type": "section", "fields": [mrkdwn("x" * 2001)]}, "/blocks/0/fields/0/text"),
    ({"type": "header", "text": plain("x" * 151)}, "/blocks/0/text/text"),
    ({"type": "header", "text": plain("🛑" * 76)}, "/blocks/0/text/text"),
    ({"type": "header", "text": mrkdwn("x")}, "/blocks/0/text/type"),
    ({"type": "context", "elements": [mrkdwn("a")] * 11}, "/blocks/0/elements"),
    ({"type": "context", "elements": []}, "/blocks/0/elements"),
    (actions(*[button("b", f"a{n}") for n in range(26)]), "/blocks/0/elements"),
    (actions(), "/blocks/0/elements"),
    (actions(button("x" * 76, "a")), "/blocks/0/elements/0/text/text"),
    (actions(button("b", "a" * 256)), "/blocks/0/elements/0/action_id"),
    (actions(button("b", "a", value="v" * 2001)), "/blocks/0/elements/0/value"),
    (actions(button("b", "a", style="warning")), "/blocks/0/elements/0/style"),
    (actions(button("b", "a", disabled=True)), "/blocks/0/elements/0"),
    (actions(button("b", "a"), button("c", "a")), "/blocks/0/elements/1/action_id"),
    (actions(button("b", "a", confirm=confirm(title=plain("x" * 101)))), "/confirm/title/text"),
    (actions(button("b", "a", confirm=confirm(text=mrkdwn("x" * 301)))), "/confirm/text/text"),
    (actions(button("b", "a", confirm=confirm(deny=None))), "/elements/0/confirm"),
    (actions({"type": "plain_text_input", "action_id": "a"}), "/blocks/0/elements/0/type"),
    (section("a", accessory=overflow(6)), "/blocks/0/accessory/options"),
    (section("a", accessory=checkboxes(11)), "/blocks/0/accessory/options"),
    (section("a", block_id="b" * 256), "/blocks/0/block_id"),
    (section("a", colour="red"), "/blocks/0"),
    ({"type": "alert", "text": plain("modals only")}, "/blocks/0/type"),
    ({"type": "secton", "text": plain("a")}, "/blocks/0/type"),
    ({"type": "table", "rows": [[{"type": "raw_text", "text": "a"}]] * 101}, "/blocks/0/rows"),
    ({"type": "table", "rows": [[{"type": "raw_text", "text": "a"}] * 21]}, "/blocks/0/rows/0"),
    ({"type": "markdown", "text": "x" * 12_001}, "/blocks/0/text"),
    ({"type": "image", "image_url": "http://127.0.0.1/a"}, "/blocks/0"),
    ({"type": "input", "label": plain("Why")}, "/blocks/0"),
]


@pytest.mark.parametrize(
    ("block", "pointer"), BAD, ids=[f"{n}:{pointer}" for n, (_, pointer) in enumerate(BAD)]
)
def test_a_bad_block_is_refused_and_its_place_named(
    client: WebClient, block: dict[str, Any], pointer: str
) -> None:
    error, messages = refused(client, [block])
    assert error == "invalid_blocks"
    assert any(f"{pointer}]" in message for message in messages), messages


def test_a_message_as_a_whole_has_limits_too(client: WebClient) -> None:
    assert "/blocks]" in refused(client, [{"type": "divider"}] * 51)[1][0]
    assert client.chat_postMessage(channel=INCIDENTS, text="x", blocks=[{"type": "divider"}] * 50)["ok"]
    same = [section("a", accessory=button("b", "x")), actions(button("c", "x"))]
    assert "/blocks/1/elements/0/action_id]" in refused(client, same)[1][0]
    assert (
        "/blocks/1/block_id]"
        in refused(client, [section("a", block_id="i"), section("b", block_id="i")])[1][0]
    )
    assert refused(client, [section("x" * 2900)] * 5)[0] == "msg_blocks_too_long"
    with pytest.raises(SlackApiError, match="invalid_blocks_format"):
        client.chat_postMessage(channel=INCIDENTS, text="x", blocks="[{not json")


VIEWS: list[tuple[dict[str, Any], str]] = [
    (modal(section("a"), title=plain("x" * 25)), "/view/title/text"),
    (modal(section("a"), close=plain("x" * 25)), "/view/close/text"),
    (modal(section("a"), private_metadata="x" * 3001), "/view/private_metadata"),
    (modal(section("a"), callback_id="x" * 256), "/view/callback_id"),
    (modal(*[section("a")] * 101), "/view/blocks"),
    (modal(reason_input(), submit=None), "/view"),
    (modal(reason_input(), reason_input()), "/view/blocks/1/block_id"),
    (modal({"type": "table", "rows": [[{"type": "raw_text", "text": "a"}]]}), "/view/blocks/0/type"),
    (modal(section("a"), type="dialog"), "/view/type"),
    (modal(section("a"), footer="x"), "/view"),
]


@pytest.mark.parametrize(
    ("view", "pointer"), VIEWS, ids=[f"{n}:{pointer}" for n, (_, pointer) in enumerate(VIEWS)]
)
def test_a_bad_view_is_refused_before_its_trigger_is_used(
    client: WebClient, view: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(SlackApiError) as caught:
        client.views_open(trigger_id="1.T0DESK.1", view=view)
    assert caught.value.response["error"] == "invalid_arguments"
    assert any(f"{pointer}]" in m for m in caught.value.response["response_metadata"]["messages"])


def test_a_view_of_more_than_250_kb_is_too_large(client: WebClient) -> None:
    with pytest.raises(SlackApiError, match="view_too_large"):
        client.views_open(trigger_id="1.T0DESK.1", view=modal(*[section("x" * 2990)] * 90))
