"""Alerts that fired and cleared before Alertmanager told of them: only the resolution comes, and it is news."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.words import ActionKind, AlertStatus, Severity, TradingState
from bot.services import incidents as service
from bot.store import accounts, actions, alerts, incidents, timeline
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import INCIDENTS, DeskInProcess

FIRST = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
SENTENCE = "CircuitBreakerOpen: fired 09:30, cleared 09:35 EST; only its resolution came"


def post(desk: DeskInProcess, *names: str, over: str | None = None, started: datetime = FIRST) -> None:
    """A webhook of the one group: those named fire, and `over` is told as resolved."""
    told = [alert(name, started=FIRST) for name in names]
    if over is not None:
        told.append(alert(over, status="resolved", started=started))
    assert desk.post(webhook(*told, group="desk")).status_code == 200


def entries(desk: DeskInProcess, kind: str) -> list[str]:
    with desk.database.read() as unit:
        return [entry.text for entry in timeline.of_incident(unit, 1) if entry.kind == kind]


def loud(desk: DeskInProcess) -> list[str]:
    desk.deliver()
    thread = desk.slack.thread(INCIDENTS, desk.slack.messages(INCIDENTS)[0]["ts"])
    return [desk.slack.text_of(one) for one in thread if one.get("subtype") == "thread_broadcast"]


def test_it_is_told_in_the_incident_of_its_group_once(desk: DeskInProcess) -> None:
    """Haltdesk was down for six minutes; in them SEV-1 came and went."""
    post(desk, "HighLatency")
    service.acknowledge(desk.desk, 1, "U0OPERATOR")
    for _ in range(3):
        post(desk, "HighLatency", over="CircuitBreakerOpen")
    assert entries(desk, "AlertClearedUnheard") == [SENTENCE]
    assert entries(desk, "AlertFired") == ["1 alert fired: HighLatency"]
    with desk.database.read() as unit:
        incident = incidents.get(unit, 1)
        assert sorted(one.status for one in alerts.of_incident(unit, 1)) == [
            AlertStatus.FIRING,
            AlertStatus.RESOLVED,
        ]
    assert incident is not None
    assert (incident.severity, incident.acknowledged_at) == (Severity.SEV1, None)
    assert len(loud(desk)) == 1
    assert desk.slack.transcript().count(SENTENCE) == 1


def test_one_that_is_no_worse_is_loud_in_an_acknowledged_incident(desk: DeskInProcess) -> None:
    post(desk, "HighLatency")
    service.acknowledge(desk.desk, 1, "U0OPERATOR")
    post(desk, "HighLatency", over="DiskFull")
    (told,) = loud(desk)
    assert "1 alert fired and cleared unheard" in told


def test_it_is_told_in_the_incident_that_its_own_webhook_opens(desk: DeskInProcess) -> None:
    post(desk, "HighLatency", over="CircuitBreakerOpen")
    assert entries(desk, "AlertClearedUnheard") == [SENTENCE]
    with desk.database.read() as unit:
        assert [one.severity for one in incidents.listed(unit)] == [Severity.SEV1]
    assert loud(desk) == []


def test_what_the_policy_ignores_stays_ignored(desk: DeskInProcess) -> None:
    post(desk, "HighLatency", over="Watchdog")
    assert entries(desk, "AlertClearedUnheard") == []


@pytest.mark.parametrize("began", ["before", "after"])
def test_sev_1_that_began_after_trading_was_partly_resumed_halts_again(
    desk: DeskInProcess, began: str
) -> None:
    post(desk, "HighLatency")
    with desk.database.begin() as unit:
        resumed = desk.time.now() - timedelta(minutes=10)
        accounts.set_state(unit, "main", TradingState.RESTRICTED, reason="resumed", incident_id=1, at=resumed)
    apart = timedelta(minutes=-1 if began == "before" else 1)
    post(desk, "HighLatency", over="CircuitBreakerOpen", started=resumed + apart)
    with desk.database.read() as unit:
        halts = actions.unended(unit, kind=ActionKind.HALT)
    assert len(halts) == (0 if began == "before" else 1)


def test_a_clock_that_was_never_set_does_not_lose_it(desk: DeskInProcess) -> None:
    post(desk, "HighLatency", over="DiskFull", started=datetime(1, 1, 1, tzinfo=UTC))
    assert len(entries(desk, "AlertClearedUnheard")) == 1
