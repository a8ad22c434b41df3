"""People fill in modals: what Slack sends, what its client refuses, and what the answers do."""

from typing import Any

import pytest
from slack_bolt import App
from slack_sdk.errors import SlackApiError

from bot.simulator.slack import SlackSimulator
from bot.simulator.slack.form import Refused
from tests.unit.simulator_slack.slack_desk import (
    INCIDENTS,
    acknowledge,
    actions,
    button,
    modal,
    reason_input,
    section,
)


def opened(slack: SlackSimulator, root: str) -> str:
    slack.click(INCIDENTS, root, "halt.open")
    return str(slack.views("U0OPERATOR")[-1]["id"])


def test_a_modal_is_submitted_with_what_was_typed(
    slack: SlackSimulator, app: App, root: str, heard: list[dict[str, Any]]
) -> None:
    states: list[Any] = []
    app.view("halt.confirm")(lambda ack, view: (ack(), states.append(view["state"]["values"])))
    view = opened(slack, root)
    with pytest.raises(Refused, match="required field"):
        slack.submit(view, {"reason": "breaks"})
    with pytest.raises(Refused, match="At least 3 characters"):
        slack.submit(view, {"reason": "x", "accounts": ["main"]})
    with pytest.raises(Refused, match="'third' is not offered; there are: 'main', 'second'"):
        slack.submit(view, {"reason": "breaks", "accounts": ["third"]})
    with pytest.raises(AssertionError, match="no input with block_id why; the view has: accounts, reason"):
        slack.submit(view, {"why": "breaks"})
    assert states == [], "Slack's client sends none of these"
    answer = slack.submit(view, {"reason": "breaks over limit", "accounts": ["main"]})
    assert answer.status == 200
    assert slack.views("U0OPERATOR") == []
    assert states[0]["reason"]["value"] == {"type": "plain_text_input", "value": "breaks over limit"}
    assert [o["value"] for o in states[0]["accounts"]["value"]["selected_options"]] == ["main"]
    with pytest.raises(AssertionError, match="is not open"):
        slack.submit(view, {"reason": "again", "accounts": ["main"]})


@pytest.mark.usefixtures("heard")
def test_the_answer_to_a_submission_rules_the_screen(slack: SlackSimulator, app: App, root: str) -> None:
    filled = {"reason": "breaks over limit", "accounts": ["main"]}
    replies: list[dict[str, Any]] = [
        {"response_action": "errors", "errors": {"reason": "Say more."}},
        {"response_action": "errors", "errors": {"nowhere": "x"}},
        {"response_action": "update", "view": modal(section("Really?"), callback_id="halt.confirm")},
        {"response_action": "push", "view": modal(section("On top"), callback_id="halt.confirm")},
        {"response_action": "clear"},
    ]
    app.view("halt.confirm")(lambda ack: ack(**replies.pop(0)))
    view = opened(slack, root)
    slack.submit(view, filled)
    assert slack.views("U0OPERATOR")[0]["errors"] == {"reason": "Say more."}
    slack.submit(view)
    assert "nowhere" in slack.views("U0OPERATOR")[0]["trouble"]
    slack.submit(view)
    assert "Really?" in slack.text_of(slack.views("U0OPERATOR")[0])
    slack.submit(view)
    stack = slack.views("U0OPERATOR")
    assert [v["previous_view_id"] for v in stack] == [None, view]
    slack.submit(stack[-1]["id"])
    assert slack.views("U0OPERATOR") == []


@pytest.mark.usefixtures("heard")
def test_what_is_typed_outlives_an_update_and_a_stale_hash_is_refused(
    slack: SlackSimulator, app: App, root: str
) -> None:
    states: list[Any] = []
    app.view("halt.confirm")(lambda ack, view: (ack(), states.append(view["state"]["values"])))
    app.action("refresh")(acknowledge)
    view = opened(slack, root)
    first = slack.views("U0OPERATOR")[0]["hash"]
    with_figures = modal(section("2 open orders"), actions(button("Refresh", "refresh")), reason_input())
    app.client.views_update(view_id=view, hash=first, view=with_figures)
    slack.click_in_view(view, "refresh", values={"reason": "typed before the figures came"})
    with pytest.raises(SlackApiError, match="hash_conflict"):
        app.client.views_update(view_id=view, hash=first, view=with_figures)
    app.client.views_update(view_id=view, view=modal(section("3 open orders"), reason_input()))
    slack.submit(view)
    assert states[0]["reason"]["value"]["value"] == "typed before the figures came"
    with pytest.raises(SlackApiError, match="not_found"):
        app.client.views_update(view_id=view, view=with_figures)


def test_three_views_at_most_lie_on_each_other(slack: SlackSimulator, app: App, root: str) -> None:
    @app.action("deeper")
    def push(ack: Any, body: Any, client: Any) -> None:
        ack()
        client.views_push(trigger_id=body["trigger_id"], view=modal(actions(button("Deeper", "deeper"))))

    @app.action("halt.open")
    def first(ack: Any, body: Any, client: Any) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=modal(actions(button("Deeper", "deeper"))))

    slack.click(INCIDENTS, root, "halt.open")
    for _ in range(2):
        slack.click_in_view(slack.views("U0OPERATOR")[-1]["id"], "deeper")
    assert len(slack.views("U0OPERATOR")) == 3
    slack.click_in_view(slack.views("U0OPERATOR")[-1]["id"], "deeper")
    assert slack.calls[-1].error == "push_limit_reached"
    slack.close_view(slack.views("U0OPERATOR")[1]["id"])
    assert len(slack.views("U0OPERATOR")) == 1
