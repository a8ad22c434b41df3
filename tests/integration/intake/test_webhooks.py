"""What Alertmanager sends, and what does not come from it: stored by identity, or refused with the reason."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.services import incidents as service
from bot.store import alerts, incidents
from bot.store.alerts import StoredAlert
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import DeskInProcess

FIRST = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


def stored(desk: DeskInProcess, number: int = 1) -> list[StoredAlert]:
    with desk.database.read() as unit:
        return alerts.of_incident(unit, number)


def statuses(desk: DeskInProcess, number: int = 1) -> list[str]:
    return sorted(one.status.value for one in stored(desk, number))


def opened(desk: DeskInProcess) -> int:
    with desk.database.read() as unit:
        return len(incidents.listed(unit))


def kinds(desk: DeskInProcess, number: int = 1) -> list[str]:
    from bot.store import timeline

    with desk.database.read() as unit:
        return [entry.kind for entry in timeline.of_incident(unit, number)]


def test_without_the_token_nothing_is_taken(desk: DeskInProcess) -> None:
    body = webhook(alert("CircuitBreakerOpen"))
    for token in (None, "", "wrong", "alertmanager-token-of-the-tesT"):
        answer = desk.post(body, token=token)
        assert answer.status_code == 401
        assert "ALERTMANAGER_TOKEN" in answer.text
    assert opened(desk) == 0


def _without(key: str) -> dict[str, Any]:
    body = webhook(alert("CircuitBreakerOpen"))
    del body[key]
    return body


def _with_alert(**changes: Any) -> dict[str, Any]:
    return webhook(alert("CircuitBreakerOpen") | changes, group="desk")


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b"\xff\xfe{}", "body"),
        (json.dumps(webhook(alert("X")) | {"version": "3"}).encode(), "version"),
        (json.dumps(_without("groupKey")).encode(), "groupKey"),
        (json.dumps(_without("alerts")).encode(), "alerts"),
        (json.dumps(webhook(alert("X")) | {"alerts": "all"}).encode(), "alerts"),
        (json.dumps(_with_alert(status="pending")).encode(), "alerts.0.status"),
        (json.dumps(_with_alert(startsAt="2026-03-02T14:30:00")).encode(), "alerts.0.startsAt"),
        (json.dumps(_with_alert(startsAt="yesterday")).encode(), "alerts.0.startsAt"),
        # Times that are none in UTC, at either edge of the calendar.
        (json.dumps(_with_alert(startsAt="9999-12-31T23:59:59-05:00")).encode(), "alerts.0.startsAt"),
        (json.dumps(_with_alert(startsAt="0001-01-01T00:00:00+05:00")).encode(), "alerts.0.startsAt"),
        (json.dumps(_with_alert(endsAt="9999-12-31T23:59:59-05:00")).encode(), "alerts.0.endsAt"),
        (
            json.dumps(_with_alert(endsAt="9999-12-31T23:59:59-05:00", labels={"a": 1})).encode(),
            "alerts.0.endsAt",
        ),
        (json.dumps(_with_alert(labels=[1])).encode(), "alerts.0.labels"),
        (json.dumps(_with_alert(labels={"a": {"b": 1}})).encode(), "alerts.0.labels"),
        (json.dumps(_with_alert(fingerprint="")).encode(), "alerts.0.fingerprint"),
        (b'{"version":"4","groupKey":"g","alerts":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "this is no"),
    ],
)
def test_what_is_no_webhook_is_refused_with_the_place(sqlite_url: str, raw: bytes, word: str) -> None:
    from bot.simulator.slack import SlackSimulator

    with SlackSimulator() as slack:
        desk = DeskInProcess(sqlite_url, slack)
        answer = desk.post(None, raw=raw)
        assert answer.status_code == 400
        assert word in answer.text
        assert "Traceback" not in answer.text
        assert opened(desk) == 0
        desk.close()


@pytest.mark.parametrize("started", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59.999999+00:00"])
def test_a_start_at_the_calendars_edge_is_stored_and_shown(desk: DeskInProcess, started: str) -> None:
    """As a clock that was never set tells it. The desk's own zone may have no such moment."""
    edge = alert("HighLatency", started=FIRST) | {"startsAt": started}
    assert desk.post(webhook(edge)).status_code == 200
    desk.deliver()
    assert "HighLatency" in desk.slack.text_of(desk.slack.messages("C0INCIDENTS")[0])


def test_odd_text_is_stored_as_text(desk: DeskInProcess) -> None:
    """NUL, lone surrogates, numbers for text, keys of the future: none of it loses the alert."""
    odd = alert("CircuitBreakerOpen", labels={"nul": "a\x00b"}, annotations={"summary": "x" * 100_000})
    body = webhook(odd) | {"somethingNew": {"deep": [1]}}
    body["alerts"][0]["labels"]["number"] = 7
    raw = json.dumps(body).replace("a\\u0000b", "a\\u0000b\\ud800")
    assert desk.post(None, raw=raw.encode()).status_code in (200, 400)
    assert desk.post(body).status_code == 200
    (one,) = stored(desk)
    assert one.labels["nul"] == "ab"
    assert one.labels["number"] == "7"
    assert len(one.summary) <= 16_384


def test_repeats_change_nothing(desk: DeskInProcess) -> None:
    body = webhook(alert("CircuitBreakerOpen", started=FIRST))
    for _ in range(3):
        assert desk.post(body).status_code == 200
    assert opened(desk) == 1
    assert statuses(desk) == ["firing"]
    assert kinds(desk).count("AlertFired") == 1


def test_the_first_resolution_does_not_close_the_others(desk: DeskInProcess) -> None:
    one = alert("OrderRejects", labels={"venue": "A"}, started=FIRST)
    two = alert("OrderRejects", labels={"venue": "B"}, started=FIRST)
    desk.post(webhook(one, two))
    gone = alert("OrderRejects", labels={"venue": "A"}, started=FIRST, status="resolved")
    # The group's own status says firing: each alert's counts.
    body = webhook(gone, two) | {"status": "firing"}
    assert desk.post(body).status_code == 200
    assert statuses(desk) == ["firing", "resolved"]
    assert "AllAlertsCleared" not in kinds(desk)


def test_a_lone_resolution_opens_nothing(desk: DeskInProcess) -> None:
    gone = alert("CircuitBreakerOpen", status="resolved", started=FIRST)
    assert desk.post(webhook(gone)).status_code == 200
    assert opened(desk) == 0


def test_a_late_resolution_of_an_earlier_firing_leaves_the_later_one(desk: DeskInProcess) -> None:
    later = FIRST + timedelta(hours=1)
    desk.post(webhook(alert("CircuitBreakerOpen", started=FIRST)))
    desk.post(webhook(alert("CircuitBreakerOpen", started=later)))
    desk.post(webhook(alert("CircuitBreakerOpen", started=FIRST, status="resolved")))
    assert [
        (one.starts_at, one.status.value) for one in sorted(stored(desk), key=lambda one: one.starts_at)
    ] == [
        (FIRST, "resolved"),
        (later, "firing"),
    ]
    assert opened(desk) == 1


def test_a_repeat_that_was_overtaken_by_the_resolution_does_not_fire_again(desk: DeskInProcess) -> None:
    desk.post(webhook(alert("CircuitBreakerOpen", started=FIRST)))
    desk.post(webhook(alert("CircuitBreakerOpen", started=FIRST, status="resolved")))
    desk.time.move(20)
    desk.post(webhook(alert("CircuitBreakerOpen", started=FIRST)))
    assert statuses(desk) == ["resolved"]
    # Much later it is no latecomer: Prometheus was away, and its alert comes back under its old start.
    desk.time.move(600)
    desk.post(webhook(alert("CircuitBreakerOpen", started=FIRST)))
    assert statuses(desk) == ["firing"]


def test_the_same_alert_twice_in_a_body_counts_once(desk: DeskInProcess) -> None:
    one = alert("CircuitBreakerOpen", started=FIRST)
    assert desk.post(webhook(one, one)).status_code == 200
    assert statuses(desk) == ["firing"]


def test_a_watchdog_opens_nothing(desk: DeskInProcess) -> None:
    assert desk.post(webhook(alert("Watchdog", labels={"severity": "none"}))).status_code == 200
    assert opened(desk) == 0


def test_two_thousand_alerts_in_one_body(desk: DeskInProcess) -> None:
    many = [
        alert(
            "HighLatency",
            labels={"instance": f"host-{number}", "pad": "x" * 200},
            fingerprint=f"{number:016x}",
        )
        for number in range(2_000)
    ]
    body = webhook(*many)
    assert len(json.dumps(body)) > 900_000
    assert desk.post(body).status_code == 200
    assert len(stored(desk)) == 2_000
    desk.deliver()
    assert "2000" in desk.slack.text_of(desk.slack.messages("C0INCIDENTS")[0]).replace(",", "")


def test_sixteen_at_once_open_one_incident(desk: DeskInProcess) -> None:
    """Each with an alert of its own, all of one new group."""
    gate = threading.Barrier(16)
    answers: list[int] = []

    def send(number: int) -> None:
        body = webhook(alert("HighLatency", labels={"instance": str(number)}, fingerprint=f"{number:016x}"))
        gate.wait()
        answers.append(desk.post(body).status_code)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [200] * 16
    assert opened(desk) == 1
    assert len(stored(desk)) == 16


def test_a_worse_alert_makes_it_worse_and_asks_again(desk: DeskInProcess) -> None:
    desk.post(webhook(alert("OrderRejectRateHigh", started=FIRST), group="desk"))
    service.acknowledge(desk.desk, 1, "U0OPERATOR")
    desk.post(webhook(alert("CircuitBreakerOpen", started=FIRST), group="desk"))
    with desk.database.read() as unit:
        incident = incidents.get(unit, 1)
    assert incident is not None
    assert incident.severity == "SEV-1"
    assert incident.acknowledged_at is None
    desk.deliver()
    loud = [
        reply
        for reply in desk.slack.thread("C0INCIDENTS", desk.slack.messages("C0INCIDENTS")[0]["ts"])
        if reply.get("subtype") == "thread_broadcast"
    ]
    assert len(loud) == 1
    assert "Now SEV-1" in desk.slack.text_of(loud[0])


def test_a_new_alert_in_an_acknowledged_incident_is_loud(desk: DeskInProcess) -> None:
    desk.post(webhook(alert("OrderRejects", labels={"venue": "A"}, started=FIRST)))
    service.acknowledge(desk.desk, 1, "U0OPERATOR")
    desk.post(webhook(alert("OrderRejects", labels={"venue": "B"}, started=FIRST)))
    desk.deliver()
    root = desk.slack.messages("C0INCIDENTS")[0]["ts"]
    assert [
        reply["subtype"]
        for reply in desk.slack.thread("C0INCIDENTS", root)
        if "new alert" in desk.slack.text_of(reply)
    ] == ["thread_broadcast"]
    # A repeat of it says nothing more.
    before = len(desk.slack.thread("C0INCIDENTS", root))
    desk.post(webhook(alert("OrderRejects", labels={"venue": "B"}, started=FIRST)))
    desk.deliver()
    assert len(desk.slack.thread("C0INCIDENTS", root)) == before


def test_a_database_that_does_not_take_it_is_a_503(tmp_path: Path) -> None:
    from bot.simulator.slack import SlackSimulator

    with SlackSimulator() as slack:
        desk = DeskInProcess(f"sqlite:///{tmp_path / 'haltdesk.db'}", slack)
        with desk.database.begin() as unit:
            unit.connection.exec_driver_sql("ALTER TABLE alerts RENAME TO away")
        answer = desk.post(webhook(alert("CircuitBreakerOpen")))
        assert answer.status_code == 503
        assert "send it again" in answer.text
        with desk.database.begin() as unit:
            unit.connection.exec_driver_sql("ALTER TABLE away RENAME TO alerts")
        assert desk.post(webhook(alert("CircuitBreakerOpen"))).status_code == 200
        assert opened(desk) == 1
        desk.close()
