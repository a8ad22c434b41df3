"""The running Haltdesk when its channel is archived under it: the desk reads elsewhere, and every look says so."""

from pathlib import Path

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.trading_desk import INCIDENTS, TradingDesk, alert, webhook

FALLBACK = "C0GENERAL"


def delivery(desk: TradingDesk) -> str | None:
    """What /readyz says of the delivery."""
    said = requests.get(f"{desk.url}/readyz", timeout=10).json()["not_ready"].get("delivery")
    return None if said is None else str(said)


def samples(desk: TradingDesk) -> dict[tuple[str, ...], float]:
    text = requests.get(f"{desk.url}/metrics", timeout=10).text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_incident_channel_is_archived(tmp_path: Path, database_url: str) -> None:
    with TradingDesk(tmp_path, database_url, FALLBACK_CHANNEL=FALLBACK) as desk:
        channel = desk.slack.workspace.channels[INCIDENTS]
        channel.archived = True
        desk.start()
        desk.fire(webhook(alert("OrderRejects")))
        (root,) = desk.slack.wait_for(lambda: desk.slack.messages(FALLBACK), what="the fallback")
        assert "is archived" in desk.slack.text_of(root)
        desk.slack.wait_for(lambda: desk.slack.thread(FALLBACK, root["ts"]), what="the checklist")
        desk.slack.click(FALLBACK, root["ts"], "incident.acknowledge", "U0OPERATOR")
        desk.slack.wait_for(
            lambda: (
                "acknowledged by @operator" in desk.slack.text_of(desk.slack.message(FALLBACK, root["ts"]))
            ),
            what="the acknowledgement",
        )
        said = delivery(desk)
        assert said is not None
        assert f"{INCIDENTS} is archived: 1 messages went to {FALLBACK}" in said
        found = samples(desk)
        assert found["haltdesk_delivery_lag_seconds_count", "incident"] >= 2
        assert found["haltdesk_delivery_lag_seconds_bucket", "+Inf", "incident"] >= 2
        assert found["haltdesk_delivery_lag_seconds_count", "notice"] == 0
        desk.until(lambda: samples(desk)[("haltdesk_backlog_age_seconds",)] == 0, what="an empty backlog")
        assert desk.cli("check").returncode == 1

        channel.archived = False
        desk.fire(webhook(alert("DataFeedStale")))
        desk.root()
        desk.until(lambda: delivery(desk) is None, what="/readyz to be content")


def test_what_was_refused_is_taken_up_by_check(tmp_path: Path) -> None:
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        desk.slack.faults.add("chat.postMessage", error="channel_not_found")
        desk.start()
        desk.fire(webhook(alert("OrderRejects")))
        desk.until(lambda: delivery(desk) is not None, what="/readyz to say it")
        desk.until(lambda: samples(desk)[("haltdesk_messages_refused",)] == 1, what="the refusal")
        assert "Slack refuses 1 messages, the first with chat.postMessage: channel_not_found" in (
            delivery(desk) or ""
        )
        desk.slack.faults.clear()
        done = desk.cli("check")
        assert "1 messages that Slack refused are tried again now" in done.stdout, done.stdout
        desk.root()
        desk.until(lambda: delivery(desk) is None, what="/readyz to be content")
