"""The Merge button in the real thread, pressed by those who may and those who may not; and a process that is killed."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.acceptance.trading_desk import INCIDENTS, TradingDesk, alert, webhook

OPERATOR, ENGINEER, APPROVER = "U0OPERATOR", "U0ENGINEER", "U0APPROVER"


@pytest.fixture
def desk(tmp_path: Path, database_url: str) -> Iterator[TradingDesk]:
    with TradingDesk(tmp_path, database_url) as found:
        found.start()
        yield found


def fire(desk: TradingDesk, name: str, **labels: str) -> None:
    from datetime import UTC, datetime

    body = webhook(alert(name, labels=labels, started=datetime.now(UTC)))
    assert desk.fire(body).status_code == 200


def root(desk: TradingDesk, number: int) -> dict[str, Any]:
    def look() -> list[dict[str, Any]]:
        return [
            one
            for one in desk.slack.messages(INCIDENTS)
            if f"INC-{number} " in desk.slack.text_of(one).splitlines()[0]
        ]

    return desk.slack.wait_for(look, what=f"INC-{number}")[0]


def shows(desk: TradingDesk, number: int, text: str) -> dict[str, Any]:
    # Longer than a killed process keeps what it held on PostgreSQL.
    desk.slack.wait_for(
        lambda: text in desk.slack.text_of(root(desk, number)), timeout=90, what=f"{text!r} in INC-{number}"
    )
    return root(desk, number)


def two_related(desk: TradingDesk) -> None:
    fire(desk, "OrderRejectRateHigh", account="paper")
    fire(desk, "FeedStale", account="paper")
    shows(desk, 1, "INC-2 (same account paper")
    shows(desk, 2, "INC-1 (same account paper")


def press_merge(desk: TradingDesk, number: int, user: str = OPERATOR) -> dict[str, Any]:
    desk.slack.click(INCIDENTS, root(desk, number)["ts"], "incident.merge", user)
    return desk.slack.wait_for(lambda: desk.slack.views(user), what="the modal")[-1]


def status(desk: TradingDesk, number: int) -> str:
    return str(desk.api(f"/v1/incidents/INC-{number}")["status"])


def test_an_operator_folds_one_into_the_other(desk: TradingDesk) -> None:
    two_related(desk)
    view = press_merge(desk, 2)
    assert view["callback_id"] == "incident.merge"
    desk.slack.submit(view["id"], {"reason": "one outage"}, OPERATOR)  # the only one is chosen beforehand
    merged = shows(desk, 1, "Merged into INC-2")
    assert "OPERATOR" in str(merged["blocks"]) or OPERATOR in str(merged["blocks"])
    shows(desk, 2, "Merged into this incident: INC-1")
    assert (status(desk, 1), status(desk, 2)) == ("merged", "open")
    fire(desk, "OrderRejectRateHigh", account="paper", venue="B")
    desk.until(lambda: desk.api("/v1/incidents/INC-2")["alerts"]["firing"] == 3, what="the alert in INC-2")
    assert [one["key"] for one in desk.api("/v1/incidents")["incidents"]] == ["INC-2", "INC-1"]


def test_only_operators_and_two_at_once_are_one_merge(desk: TradingDesk) -> None:
    two_related(desk)
    desk.slack.click(INCIDENTS, root(desk, 2)["ts"], "incident.merge", APPROVER)
    desk.slack.wait_for(
        lambda: [one for one in desk.slack.ephemerals(APPROVER) if "Only operators" in str(one)],
        what="the refusal",
    )
    assert desk.slack.views(APPROVER) == []
    mine, theirs = press_merge(desk, 2), press_merge(desk, 1, ENGINEER)
    desk.slack.submit(mine["id"], {}, OPERATOR)
    desk.slack.submit(theirs["id"], {}, ENGINEER)  # the other way round, from a modal opened before
    told = desk.slack.views(ENGINEER)[-1]
    assert "INC-1 was merged into INC-2 before." in str(told["blocks"])
    assert (status(desk, 1), status(desk, 2)) == ("merged", "open")
    kinds = [entry["kind"] for entry in desk.api("/v1/incidents/INC-2")["timeline"]]
    assert kinds.count("IncidentMergedIn") == 1


def test_killed_before_it_could_relate_them_it_does_so_afterwards_once(desk: TradingDesk) -> None:
    fire(desk, "OrderRejectRateHigh", account="paper")
    fire(desk, "FeedStale", account="paper")
    desk.kill()
    desk.start()
    for here, there in ((1, 2), (2, 1)):
        shows(desk, here, f"INC-{there} (same account paper")
        place = root(desk, there)["ts"].replace(".", "")
        desk.until(
            lambda here=here, place=place: f"/p{place}|" in str(root(desk, here)["blocks"]), what="the link"
        )
        kinds = [entry["kind"] for entry in desk.api(f"/v1/incidents/INC-{here}")["timeline"]]
        assert kinds.count("IncidentRelated") == 1


@pytest.mark.real
def test_the_page_shows_it_as_a_person_sees_it(
    tmp_path: Path, sqlite_url: str, chromium_binary: Path
) -> None:
    """`HALTDESK_PICTURES` keeps the pictures there."""
    pictures = Path(os.environ.get("HALTDESK_PICTURES", str(tmp_path)))
    with TradingDesk(tmp_path, sqlite_url) as desk, sync_playwright() as play:
        desk.start()
        for name in (
            "OrderRejectRateHigh",
            "FeedStale",
            "HighLatency",
            "BrokerDown",
            "QueueFull",
            "DiskFull",
        ):
            fire(desk, name, account="paper")
        fire(desk, "CircuitBreakerOpen", account="paper", component="risk <!channel> *bold*")
        shows(desk, 7, "and 1 more")
        browser = play.chromium.launch(executable_path=str(chromium_binary), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1500})
        page.goto(desk.slack.page_url + f"archives/{INCIDENTS}")
        message = page.locator("[data-list=channel] .message", has_text="INC-7 ·").first
        expect(message).to_contain_text("Related:")
        message.scroll_into_view_if_needed()
        page.screenshot(path=pictures / "related.png")
        message.locator("[data-action-id='incident.merge']").click()
        modal = page.locator("[data-view]")
        expect(modal).to_contain_text("Fold a related incident into INC-7")
        page.screenshot(path=pictures / "merge-modal.png")
        modal.locator("[data-block-id=incident] select").select_option(
            label="INC-6 · SEV-3 · 1 firing · DiskFull"
        )
        modal.locator("[data-submit]").click()
        expect(modal).to_have_count(0)
        expect(message).to_contain_text("Merged into this incident: INC-6")
        page.screenshot(path=pictures / "merged.png")
        browser.close()
