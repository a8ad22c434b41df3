"""The same alerts come by Slack message and by webhook: one incident, and the webhook's alerts are the truth."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.services import incidents as service
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.channel_posts import alertmanager, grafana
from tests.fixtures.desk_in_process import INCIDENTS, DeskInProcess
from tests.integration.channel_intake.channel import Channel, all_incidents, kinds, only, standing

STARTED = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
GROUP = {"alertname": "OrderRejects"}


def labels(venue: str) -> dict[str, str]:
    return {"alertname": "OrderRejects", "venue": venue, "severity": "critical"}


def sent(*venues: str, ended: tuple[str, ...] = (), group: str | None = None) -> dict[str, Any]:
    from bot.domain.fingerprint import fingerprint

    alerts = [
        alert(
            "OrderRejects",
            status="resolved" if venue in ended else "firing",
            started=STARTED,
            labels=labels(venue),
            annotations={"summary": "Rejects over 5 %"},
            fingerprint=fingerprint(labels(venue)),
        )
        for venue in (*venues, *ended)
    ]
    return webhook(*alerts, group=group)


def test_the_webhook_first_then_the_message(desk: DeskInProcess) -> None:
    assert desk.post(sent("A", "B")).status_code == 200
    Channel(desk).post(alertmanager(GROUP, [labels("A"), labels("B")]))
    assert only(desk).group_key == '{}:{alertname="OrderRejects"}'
    assert standing(desk) == [(False, "firing"), (False, "firing")]
    assert kinds(desk).count("AlertFired") == 1
    assert "SlackMessageRead" in kinds(desk)


def test_the_message_first_then_the_webhook(desk: DeskInProcess) -> None:
    Channel(desk).post(alertmanager(GROUP, [labels("A"), labels("B")]))
    service.acknowledge(desk.desk, 1, "U0OPERATOR")
    desk.time.move(20)
    assert desk.post(sent("A", "B")).status_code == 200
    incident = only(desk)
    assert (incident.group_key, incident.title) == (
        '{}:{alertname="OrderRejects"}',
        "OrderRejects: Rejects over 5 %",
    )
    assert standing(desk) == [(False, "firing"), (False, "firing")]
    assert {"JoinedByWebhook", "SlackAlertsSuperseded"} <= set(kinds(desk))
    desk.deliver()
    root = desk.slack.messages(INCIDENTS)[0]
    assert "read from a Slack message" not in desk.slack.text_of(root)
    # Nobody is called a second time for what was acknowledged.
    assert [one for one in desk.slack.thread(INCIDENTS, root["ts"]) if one.get("subtype")] == []


def test_a_message_never_clears_what_a_webhook_brought(desk: DeskInProcess) -> None:
    channel = Channel(desk)
    channel.post(alertmanager(GROUP, [labels("A")]))
    desk.post(sent("A"))
    channel.post(alertmanager(GROUP, [], [labels("A")]))
    assert standing(desk) == [(False, "firing")]
    assert "AllAlertsCleared" not in kinds(desk)
    desk.post(sent(ended=("A",)))
    assert standing(desk) == [(False, "resolved")]
    assert kinds(desk).count("AllAlertsCleared") == 1


def test_what_the_message_counts_beyond_the_webhook_stands_until_the_webhook_tells_it(
    desk: DeskInProcess,
) -> None:
    desk.post(sent("A"))
    Channel(desk).post(alertmanager(GROUP, [labels("A"), labels("B")]))
    assert standing(desk) == [(False, "firing"), (True, "firing")]
    desk.post(sent("A", "B"))
    assert standing(desk) == [(False, "firing"), (False, "firing")]


def test_a_webhook_that_tells_less_than_the_message_takes_over_what_it_tells(desk: DeskInProcess) -> None:
    channel = Channel(desk)
    three = alertmanager(GROUP, [labels("A"), labels("B"), labels("C")])
    channel.post(three)
    desk.post(sent("A"))
    assert standing(desk) == [(False, "firing"), (True, "firing"), (True, "firing")]
    before = kinds(desk).count("AlertFired"), kinds(desk).count("AlertCleared")
    channel.post(three)
    assert (kinds(desk).count("AlertFired"), kinds(desk).count("AlertCleared")) == before
    desk.post(sent("A", "B", "C"))
    assert standing(desk) == [(False, "firing")] * 3


def test_a_slow_message_after_the_webhooks_resolution_opens_nothing_anew(desk: DeskInProcess) -> None:
    """Alertmanager's Slack notifier lags behind by minutes when Slack holds it back."""
    desk.post(sent("A"))
    desk.post(sent(ended=("A",)))
    service.resolve(desk.desk, 1, "U0OPERATOR", "over")
    desk.time.move(60)
    channel = Channel(desk)
    channel.post(alertmanager(GROUP, [labels("A")]))
    assert [(one.key, one.open) for one in all_incidents(desk)] == [("INC-1", False)]
    assert standing(desk) == [(False, "resolved")]


def test_another_group_of_the_same_alert_is_another_incident(desk: DeskInProcess) -> None:
    desk.post(sent("A"))
    by_venue = {"alertname": "OrderRejects", "venue": "Z"}
    Channel(desk).post(alertmanager(by_venue, [labels("Z")]))
    assert len(all_incidents(desk)) == 2


def test_beyond_the_window_what_has_ended_is_not_joined(desk: DeskInProcess) -> None:
    channel = Channel(desk)
    channel.post(alertmanager(GROUP, [labels("A")]))
    channel.post(alertmanager(GROUP, [], [labels("A")]))
    desk.time.move(301)
    desk.post(sent("A"))
    assert len(all_incidents(desk)) == 2


@pytest.mark.parametrize("first", ["webhook", "message"])
def test_a_title_of_the_desks_own_joins_by_the_labels_that_are_listed(
    desk: DeskInProcess, first: str
) -> None:
    content = grafana(GROUP, [labels("A")])
    content["attachments"][0]["title"] = "[FIRING:1] Please look"
    if first == "webhook":
        desk.post(sent("A"))
    Channel(desk).post(content)
    if first == "message":
        desk.post(sent("A"))
    assert standing(desk, only(desk).id) == [(False, "firing")]


def test_a_title_that_fits_two_groups_joins_the_one_whose_labels_it_tells(desk: DeskInProcess) -> None:
    """Two routes, both grouped by alertname: only what stands in the brackets tells them apart."""
    for team in ("a", "b"):
        one = alert("Slow", labels={"team": team}, started=STARTED, fingerprint=team * 16)
        body = webhook(one) | {"groupKey": f'{{}}/{{team="{team}"}}:{{alertname="Slow"}}'}
        assert desk.post(body).status_code == 200
    Channel(desk).post(alertmanager({"alertname": "Slow"}, [{"alertname": "Slow", "team": "b"}]))
    assert len(all_incidents(desk)) == 2
    assert "SlackMessageRead" in kinds(desk, 2)
    assert "SlackMessageRead" not in kinds(desk, 1)
    # Neither fits: an incident of its own, for nobody knows whose end its end would be.
    Channel(desk, "B0ELSE").post(alertmanager({"alertname": "Slow"}, [{"alertname": "Slow", "team": "c"}]))
    assert len(all_incidents(desk)) == 3


def test_a_worse_telling_by_the_webhook_is_loud(desk: DeskInProcess) -> None:
    """The label that makes it worse did not stand in the title."""
    Channel(desk).post(alertmanager({"alertname": "Queue"}, [{"alertname": "Queue", "host": "x"}]))
    assert only(desk).severity == "SEV-3"
    service.acknowledge(desk.desk, 1, "U0OPERATOR")
    desk.post(webhook(alert("Queue", labels={"host": "x", "sev": "1"}, started=STARTED)))
    assert only(desk).severity == "SEV-1"
    assert only(desk).acknowledged_at is None
    desk.deliver()
    root = desk.slack.messages(INCIDENTS)[0]["ts"]
    loud = [one for one in desk.slack.thread(INCIDENTS, root) if one.get("subtype") == "thread_broadcast"]
    assert ["Now SEV-1" in desk.slack.text_of(one) for one in loud] == [True]


def test_both_at_the_same_moment_are_one_incident(desk: DeskInProcess) -> None:
    """Eight groups; each one's webhook and message meet in two threads."""
    trouble: list[BaseException] = []
    for number in range(8):
        name = f"Rejects{number}"
        content = alertmanager({"alertname": name}, [{"alertname": name, "severity": "critical"}])
        event = Channel(desk).event(content)
        body = webhook(
            alert(name, labels={"severity": "critical"}, started=STARTED + timedelta(seconds=number))
        )
        gate = threading.Barrier(2)

        def by_webhook(body: dict[str, Any] = body, gate: threading.Barrier = gate) -> None:
            gate.wait(60)
            if desk.post(body).status_code != 200:
                trouble.append(AssertionError("the webhook was not stored"))

        def by_message(event: dict[str, Any] = event, gate: threading.Barrier = gate) -> None:
            gate.wait(60)
            try:
                Channel(desk).hear(event)
            except Exception as failure:
                trouble.append(failure)

        threads = [threading.Thread(target=by_webhook), threading.Thread(target=by_message)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert trouble == []
    assert len(all_incidents(desk)) == 8
    assert all(standing(desk, one.id) == [(False, "firing")] for one in all_incidents(desk))
