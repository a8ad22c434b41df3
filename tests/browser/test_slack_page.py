"""A person plays the desk on the stand-in Slack's page, in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from slack_bolt import App

from bot.simulator.slack import SlackSimulator
from tests.unit.simulator_slack.slack_desk import (
    INCIDENTS,
    acknowledge,
    actions,
    bolt_bot,
    button,
    modal,
    mrkdwn,
    plain,
    reason_input,
    section,
)

pytestmark = pytest.mark.real

HOSTILE = (
    '</script><img src=x onerror="window.hacked=1"> "quotes" &lt;!channel&gt; <javascript:alert(1)|click>'
)


class OneAccount:
    """A desk with one account, which the scenario suspends."""

    def __init__(self) -> None:
        self.suspended = False

    def panel(self) -> dict[str, Any]:
        order = {"id": "1", "symbol": "AAPL", "side": "buy", "qty": "10", "type": "limit", "status": "new"}
        held = {"symbol": "MSFT", "qty": "5", "avg_price": "401.20", "price": "405.00", "value": "$2,025.00"}
        account = {
            "name": "PAPER main",
            "number": "PA3F0001",
            "suspended": self.suspended,
            "equity": "$100,000",
        }
        return {
            "accounts": [{**account, "orders": [order], "positions": [held]}],
            "ledger": [held],
            "alerts": [],
        }

    def scenarios(self) -> list[dict[str, str]]:
        return [
            {"id": "breaks", "title": "Reconciliation break", "description": "Broker and ledger disagree."}
        ]

    def run_scenario(self, scenario_id: str) -> None:
        if scenario_id != "breaks":
            raise KeyError(scenario_id)
        self.suspended = True


@pytest.fixture
def slack() -> Iterator[SlackSimulator]:
    with SlackSimulator(desk=OneAccount()) as simulator:
        yield simulator


@pytest.fixture
def app(slack: SlackSimulator) -> Iterator[App]:
    with bolt_bot(slack) as app:
        yield app


@pytest.fixture
def page(slack: SlackSimulator, chromium_binary: Path) -> Iterator[Page]:
    slack.be_patient(60)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_binary, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda line: troubles.append(line.text) if line.type == "error" else None)
        page.goto(slack.page_url)
        yield page
        page.close()
        browser.close()
    assert troubles == []


def incident(app: App, state: str, **how: str) -> str:
    sure = {
        "title": plain("Resolve?"),
        "text": mrkdwn("*All* clear?"),
        "confirm": plain("Resolve"),
        "deny": plain("Back"),
    }
    more = {
        "type": "overflow",
        "action_id": "more",
        "options": [{"text": plain("Flatten"), "value": "flatten.open"}],
    }
    blocks = [
        {
            "type": "header",
            "text": plain("SEV-1 · INC-42 · Reconciliation breaks: $2,300"),
            "block_id": "title",
        },
        section(f"*{state}* by <@U0OPERATOR>", block_id="state"),
        section(HOSTILE, block_id="alert"),
        actions(
            button("Halt trading", "halt.open", style="danger"),
            button("Resolve", "incident.resolve", style="primary", confirm=sure),
            more,
            block_id="buttons",
        ),
    ]
    if "ts" in how:
        return str(app.client.chat_update(channel=INCIDENTS, ts=how["ts"], text=state, blocks=blocks)["ts"])
    return str(app.client.chat_postMessage(channel=INCIDENTS, text=state, blocks=blocks)["ts"])


def test_the_desk_walks_through_an_incident(
    slack: SlackSimulator, app: App, page: Page, tmp_path: Path
) -> None:
    pressed: list[str] = []

    @app.action("halt.open")
    def open_modal(ack: Any, body: Any, client: Any) -> None:
        ack()
        client.views_open(
            trigger_id=body["trigger_id"], view=modal(section("Fetching figures…"), reason_input())
        )

    app.action("incident.resolve")(lambda ack: (ack(), pressed.append("resolve")))
    app.action("more")(lambda ack, action: (ack(), pressed.append(action["selected_option"]["value"])))
    app.view("halt.confirm")(
        lambda ack, view: (ack(), pressed.append(view["state"]["values"]["reason"]["value"]["value"]))
    )
    app.command("/health")(lambda ack: ack("All components answer."))

    root = incident(app, "Triage")
    app.client.chat_postMessage(channel=INCIDENTS, thread_ts=root, text="Triage 0/5")
    message = page.locator(f"[data-list=channel] [data-ts='{root}']")
    expect(message.locator("[data-block-id=title]")).to_have_text(
        "SEV-1 · INC-42 · Reconciliation breaks: $2,300"
    )
    expect(message.locator("[data-block-id=state]")).to_have_text("Triage by @operator")
    expect(message.locator("[data-block-id=alert]")).to_contain_text(
        'onerror="window.hacked=1"> "quotes" <!channel>'
    )
    assert message.locator("[data-block-id=alert] a").count() == 0, "only web addresses become links"
    assert page.evaluate("window.hacked") is None

    # An update of the message leaves the button where it is, the same element under the mouse.
    halt = message.locator("[data-action-id='halt.open']")
    halt.evaluate("node => { window.halt = node }")
    incident(app, "Diagnosis", ts=root)
    expect(message.locator("[data-block-id=state]")).to_have_text("Diagnosis by @operator")
    assert halt.evaluate("node => node === window.halt")

    # A modal: refused without a reason, kept over an update, submitted, closed.
    halt.click()
    view = page.locator("[data-view]")
    view.locator("[data-submit]").click()
    expect(view.locator("[data-block-id=reason] .error")).to_have_text("Please complete this required field.")
    reason = view.locator("[data-block-id=reason] [data-action-id=value]")
    reason.fill("breaks over limit")
    shown = slack.views("U0OPERATOR")[0]
    app.client.views_update(
        view_id=shown["id"], view=modal(section("2 open orders, 1 position"), reason_input())
    )
    expect(view).to_contain_text("2 open orders, 1 position")
    expect(reason).to_have_value("breaks over limit")
    page.screenshot(path=tmp_path / "modal.png")
    view.locator("[data-submit]").click()
    expect(view).to_have_count(0)

    # A confirm dialog, a menu, the thread, which takes no commands.
    message.locator("[data-action-id='incident.resolve']").click()
    page.locator("[data-confirm=no]").click()
    message.locator("[data-action-id='incident.resolve']").click()
    page.locator("[data-confirm=yes]").click()
    message.locator("[data-action-id=more]").click()
    page.locator("[data-option='flatten.open']").click()
    slack.wait_for(lambda: pressed == ["breaks over limit", "resolve", "flatten.open"], what="three presses")
    message.locator("[data-open-thread]").click()
    thread = page.locator("#thread")
    expect(thread).to_contain_text("Triage 0/5")
    thread.locator("[data-composer=thread] input").fill("/halt now")
    page.keyboard.press("Enter")
    expect(thread.locator("[role=alert]")).to_contain_text("/halt is not supported in threads")
    thread.locator("[data-composer=thread] input").fill("Looking at AAPL")
    page.keyboard.press("Enter")
    expect(thread.locator("[data-list=thread]")).to_contain_text("Looking at AAPL")

    # A command in the channel is answered to this person only.
    page.locator("[data-composer=channel] input").fill("/health")
    page.keyboard.press("Enter")
    private = page.locator(".private")
    expect(private).to_contain_text("Only visible to you")
    expect(private).to_contain_text("All components answer.")
    page.select_option("[data-me]", "U0APPROVER")
    expect(private).to_have_count(0)

    # The desk at the side.
    expect(page.locator("#desk [data-account='PAPER main']")).to_contain_text("Trading allowed")
    page.locator("[data-scenario=breaks]").click()
    expect(page.locator("#desk [data-account='PAPER main']")).to_contain_text("Trading suspended")
    page.screenshot(path=tmp_path / "thread.png")


def test_a_click_that_nobody_answers_is_shown(slack: SlackSimulator, app: App, page: Page) -> None:
    root = incident(app, "Triage")
    message = page.locator(f"[data-list=channel] [data-ts='{root}']")
    message.locator("[data-action-id='halt.open']").click()
    expect(message).to_contain_text("haltdesk failed to respond")
    app.action("halt.open")(acknowledge)
    message.locator("[data-action-id='halt.open']").click()
    expect(message).not_to_contain_text("haltdesk failed to respond")


def test_another_channel_shows_that_something_is_new(slack: SlackSimulator, app: App, page: Page) -> None:
    expect(page.locator("[data-channel=C0STAKEHOLDERS]")).not_to_have_class("unread")
    ts = app.client.chat_postMessage(channel="C0STAKEHOLDERS", text="INC-42 is resolved.")["ts"]
    expect(page.locator("[data-channel=C0STAKEHOLDERS]")).to_have_class("unread")
    page.goto(app.client.chat_getPermalink(channel="C0STAKEHOLDERS", message_ts=ts)["permalink"])
    expect(page.locator("#channel-name")).to_have_text("#stakeholders")
    expect(page.locator("#thread")).to_contain_text("INC-42 is resolved.")


def test_other_sites_cannot_act_for_the_person(slack: SlackSimulator, app: App, page: Page) -> None:
    said = page.request.post(
        slack.page_url + "_sim/say", form={"channel": INCIDENTS, "text": "x", "user": "U0OPERATOR"}
    )
    assert said.status == 400
    assert page.request.get(slack.page_url + "_sim/state", headers={"Host": "evil.example"}).status == 403
    assert slack.messages(INCIDENTS) == []
