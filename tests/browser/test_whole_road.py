"""A person walks the whole road of an incident in the demo's page: the real bot, clicked in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from bot.simulator.demo import Demo

# The walk waits for proofs at the broker, which are seconds apart, and for Slack's pace of one post a second.
pytestmark = pytest.mark.real
WITHIN_MS = 60_000
PHASES = ("Diagnosis", "Mitigation", "Resolution", "Post-incident")
REASON = "[data-block-id=reason] [data-action-id=value]"


class Walk:
    """What a person sees and does on the page. `pictures` takes a screenshot of each stage."""

    def __init__(self, page: Page, pictures: Path) -> None:
        self.page, self._pictures = page, pictures
        self.thread = page.locator("#thread [data-list=thread]")
        self.modal = page.locator("[data-view]")

    def root(self, key: str) -> Locator:
        return self.page.locator("[data-list=channel] .message", has_text=f"{key} ·").first

    def run(self, scenario: str) -> None:
        self.page.locator(f'[data-scenario="{scenario}"]').click()

    def picture(self, name: str) -> None:
        self.page.screenshot(path=self._pictures / f"{name}.png")

    def open_thread(self, key: str) -> None:
        self.root(key).locator("[data-open-thread]").click()
        expect(self.thread).to_contain_text("Triage")

    def command(self, text: str, where: str = "channel") -> None:
        self.page.locator(f"[data-composer={where}] input").fill(text)
        self.page.keyboard.press("Enter")

    def confirm(self, name: str, *figures: str) -> None:
        """Wait for the figures in the open modal, and confirm it."""
        for figure in figures:
            expect(self.modal).to_contain_text(figure)
        self.picture(name)
        self.modal.locator("[data-submit]").click()
        expect(self.modal).to_have_count(0)

    def finish_phase(self, then: str, reason: str) -> None:
        """Leave the phase, whose items are open, with a reason."""
        # The checklist that was left keeps its button until Slack shows it anew.
        self.page.locator(f"#thread [data-action-id='phase.advance']:has-text('{then}')").click()
        self.modal.locator("[data-submit]").click()
        expect(self.modal).to_contain_text("Please complete this required field.")
        self.modal.locator(REASON).fill(reason)
        self.confirm(f"leaving-for-{then}", then)
        expect(self.thread).to_contain_text(f"{then} ·")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    folder = tmp_path / "demo"
    folder.mkdir()
    demo = Demo(folder, notice_delay="2s")
    try:
        demo.slack.be_patient(60)
        demo.start()
        yield demo
    finally:
        demo.stop()


@pytest.fixture
def walk(demo: Demo, chromium_binary: Path, tmp_path: Path) -> Iterator[Walk]:
    troubles: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_binary, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(WITHIN_MS)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda line: troubles.append(line.text) if line.type == "error" else None)
        page.goto(demo.slack.page_url)
        yield Walk(page, tmp_path)
        page.close()
        browser.close()
    assert troubles == []


def test_a_break_is_halted_mended_resolved_and_told(demo: Demo, walk: Walk) -> None:
    page, thread = walk.page, walk.thread
    expect(page.locator("#guide")).to_contain_text("Start here")
    walk.picture("first-screen")
    walk.run("reconciliation")
    root = walk.root("INC-1")
    expect(root).to_contain_text("SEV-1 · INC-1")
    walk.open_thread("INC-1")
    root.locator("[data-action-id='incident.acknowledge']").click()
    expect(root).to_contain_text("acknowledged by @operator")

    item = page.locator("#thread [data-action-id='checklist.toggle:triage.severity']")
    item = item if item.count() else page.locator("#thread [data-action-id^='checklist.toggle:']").nth(1)
    expect(item).to_have_text("Done")
    item.click()
    expect(item).to_have_text("Undo")
    item.click()
    expect(item).to_have_text("Done")

    walk.command("/halt", where="thread")
    expect(page.locator("#thread [role=alert]")).to_contain_text("/halt is not supported in threads")
    walk.command("/reconcile")
    walk.confirm("reconcile-modal", "4 positions at the broker", "5 positions in the ledger")
    expect(thread).to_contain_text("2 breaks, impact $11,129.00")
    expect(thread).to_contain_text("NVDA missing at the broker")
    expect(thread).to_contain_text("HALTED, proved")
    expect(root).to_contain_text("HALTED — suspended, 0 live orders")
    account = page.locator("#desk [data-account=main]")
    expect(account).to_contain_text("Trading suspended")
    assert demo.desk.account.suspended
    assert not demo.desk.account.open_orders
    walk.picture("halted-by-policy")

    root.locator("[data-action-id='cancel.open']").click()
    walk.confirm("cancel-modal", "0 open orders · 4 positions")
    expect(thread).to_contain_text("Cancel orders · done, proved")
    root.locator("[data-action-id='health.open']").click()
    walk.confirm("health-modal", "Check")
    expect(thread).to_contain_text("database: ok")
    walk.picture("actions-done")

    for phase in PHASES[:3]:
        walk.finish_phase(phase, "Known cause: a fill that was not booked")
    walk.run("reconciliation:clears")
    expect(root).to_contain_text("No alert firing")
    root.locator("[data-action-id='reconcile.open']").click()
    walk.confirm("reconcile-again-modal", "5 positions at the broker", "5 positions in the ledger")
    expect(thread).to_contain_text("Clean: 5 in the ledger, 5 at the broker")

    root.locator("[data-action-id='incident.resolve']").click()
    walk.modal.locator(REASON).fill("Ledger and broker agree again")
    walk.confirm("resolve-modal", "Resolving does not resume trading")
    expect(root).to_contain_text("Resolved")
    drafts = page.locator("[data-list=channel]", has_text="Postmortem draft · INC-1")
    expect(drafts).to_be_visible()
    walk.picture("resolved")
    page.locator("[data-channel=C0STAKEHOLDERS]").click()
    expect(page.locator("[data-list=channel]")).to_contain_text("INC-1")
    walk.picture("stakeholders")


def test_stale_data_and_rejects_open_sev_2_and_only_operators_halt(demo: Demo, walk: Walk) -> None:
    walk.run("stale-data")
    root = walk.root("INC-1")
    expect(root).to_contain_text("SEV-2 · INC-1")
    walk.run("reject-rate")
    expect(walk.root("INC-2")).to_contain_text("SEV-2 · INC-2")
    walk.open_thread("INC-1")

    walk.page.select_option("[data-me]", "U0OBSERVER")
    root.locator("[data-action-id='halt.open']").click()
    expect(walk.page.locator(".private").first).to_contain_text("Only operators may do this")
    walk.picture("observer-refused")
    assert not demo.desk.account.suspended
    assert demo.desk.account.open_orders

    walk.page.select_option("[data-me]", "U0OPERATOR")
    live = len(demo.desk.account.open_orders)
    root.locator("[data-action-id='halt.open']").click()
    walk.modal.locator(REASON).fill("quotes are stale")
    walk.confirm("halt-modal", f"{live} open orders", "Protective stops that will be cancelled")
    expect(walk.thread).to_contain_text("HALTED, proved")
    expect(walk.thread).to_contain_text(f"all {live} orders gone")
    account = walk.page.locator("#desk [data-account=main]")
    expect(account).to_contain_text("Trading suspended")
    expect(account.locator("table", has_text="Open orders")).to_contain_text("none")
    assert not demo.desk.account.open_orders
    walk.picture("halted")
