"""Alerts that last over days: one incident, told again when it matters, and never a second one for a repeat."""

from datetime import timedelta

from bot.domain.words import IncidentStatus, Severity
from bot.services import incidents as service
from bot.services import reminders
from tests.acceptance.trading_desk import alert, webhook
from tests.integration.relating.related import OPERATOR, Floor

REPEAT = timedelta(hours=4).total_seconds()  # Alertmanager's own default


def test_six_days_of_repeats_are_one_incident_that_is_quiet(floor: Floor) -> None:
    began = floor.time.now()
    floor.fires("OrderRejects", started=began)
    service.acknowledge(floor.desk, 1, OPERATOR)
    floor.settle()
    shown = len(floor.slack.calls_of("chat.postMessage"))
    for _ in range(6 * 6):
        floor.time.move(REPEAT)
        floor.fires("OrderRejects", started=began)
        reminders.keep(floor.desk)
    floor.settle()
    assert floor.numbers() == [1]
    assert floor.incident(1).acknowledged_by == OPERATOR
    assert len(floor.slack.calls_of("chat.postMessage")) == shown
    assert floor.told(1, "AlertFired") == ["1 alert fired: OrderRejects"]


def test_resolved_by_hand_while_it_fires_a_repeat_is_told_in_the_old_thread_once(floor: Floor) -> None:
    began = floor.time.now()
    floor.fires("OrderRejects", started=began)
    service.resolve(floor.desk, 1, OPERATOR, "known, mended tomorrow")
    floor.time.move(300)
    floor.fires("OrderRejects", started=began)
    assert floor.told(1, "StillFiring") == []  # the desk knew that a moment ago
    for _ in range(3):
        floor.time.move(REPEAT)
        floor.fires("OrderRejects", started=began)
        floor.settle()
    assert floor.numbers() == [1]
    assert floor.incident(1).status is IncidentStatus.RESOLVED  # what a person decided stands
    assert floor.told(1, "StillFiring") == ["Still firing 4 h after INC-1 was resolved: OrderRejects"]
    (line,) = floor.loud(1, "Still firing")
    assert (
        "Still firing 12 h after INC-1 was resolved: OrderRejects" in line
    )  # the same line, brought up to date


def test_an_alert_that_gets_worse_reopens_what_was_resolved_as_something_lesser(floor: Floor) -> None:
    began = floor.time.now()
    floor.fires("ReconciliationBreaks", started=began, summary="impact $200")
    before = floor.incident(1).severity
    assert before is not Severity.SEV1
    service.resolve(floor.desk, 1, OPERATOR, "small")
    floor.time.move(2 * REPEAT)
    floor.fires("ReconciliationBreaks", started=began, summary="impact $5,000")
    incident = floor.incident(1)
    assert floor.numbers() == [1]
    assert incident.open
    assert incident.severity is Severity.SEV1
    assert incident.acknowledged_at is None
    floor.settle()
    assert floor.loud(1, "Reopened: ReconciliationBreaks is now SEV-1")
    assert floor.loud(1, "Now SEV-1")


def test_one_that_gets_worse_while_a_newer_incident_of_the_group_is_open_goes_there(floor: Floor) -> None:
    began = floor.time.now()
    floor.fires("ReconciliationBreaks", started=began, summary="impact $200", book="A")
    service.resolve(floor.desk, 1, OPERATOR, "small")
    floor.time.move(REPEAT)
    floor.fires("ReconciliationBreaks", summary="impact $100", book="B")
    assert floor.numbers() == [1, 2]
    floor.fires("ReconciliationBreaks", started=began, summary="impact $5,000", book="A")
    assert floor.incident(1).status is IncidentStatus.RESOLVED
    assert floor.incident(2).severity is Severity.SEV1
    assert floor.firing(2) == 2


def test_other_words_alone_are_no_reason_to_reopen(floor: Floor) -> None:
    began = floor.time.now()
    floor.fires("ReconciliationBreaks", started=began, summary="impact $200")
    service.resolve(floor.desk, 1, OPERATOR, "small")
    floor.time.move(REPEAT)
    floor.fires("ReconciliationBreaks", started=began, summary="impact $300")
    assert floor.incident(1).status is IncidentStatus.RESOLVED
    assert len(floor.told(1, "StillFiring")) == 1


def test_a_different_alert_of_the_group_hours_later_opens_one_that_can_be_seen(floor: Floor) -> None:
    began = floor.time.now()
    floor.fires("OrderRejects", started=began, venue="A")
    service.resolve(floor.desk, 1, OPERATOR, "known")
    floor.time.move(REPEAT)
    both = [
        alert("OrderRejects", labels={"venue": "A"}, started=began),
        alert("OrderRejects", labels={"venue": "B"}, started=floor.time.now()),
    ]
    floor.post(webhook(*both))
    assert floor.numbers() == [1, 2]
    assert (floor.firing(1), floor.firing(2)) == (1, 1)


def test_flapping_within_half_an_hour_goes_on_in_the_same_incident(floor: Floor) -> None:
    for _ in range(4):
        began = floor.time.now()
        floor.fires("OrderRejects", started=began)
        floor.time.move(60)
        floor.fires("OrderRejects", started=began, status="resolved")
        service.resolve(floor.desk, 1, OPERATOR, "over")
        floor.time.move(25 * 60)
    assert floor.numbers() == [1]
    assert len(floor.told(1, "IncidentReopened")) == 3
    floor.time.move(6 * 60)
    floor.fires("OrderRejects")
    assert floor.numbers() == [1, 2]


def test_an_alert_told_under_a_new_start_does_not_fire_twice_and_clears_whole(floor: Floor) -> None:
    """Prometheus was restarted: the old start's resolution never comes."""
    floor.fires("OrderRejects")
    floor.time.move(3600)
    again = floor.time.now()
    floor.fires("OrderRejects", started=again)
    assert floor.firing(1) == 1
    floor.fires("OrderRejects", started=again, status="resolved")
    assert floor.firing(1) == 0
    assert len(floor.told(1, "AllAlertsCleared")) == 1


def test_begun_anew_after_it_was_resolved_by_hand_it_fires_in_the_new_incident_only(floor: Floor) -> None:
    floor.fires("OrderRejects")
    service.resolve(floor.desk, 1, OPERATOR, "known")
    floor.time.move(REPEAT)
    floor.fires("OrderRejects")
    assert floor.numbers() == [1, 2]
    assert (floor.firing(1), floor.firing(2)) == (0, 1)
    assert floor.told(1, "AlertCleared") == ["OrderRejects began anew, see INC-2"]


def test_a_rise_in_severity_asks_anew_is_shown_and_is_reminded_of(floor: Floor) -> None:
    floor.fires("FeedStale", group="desk")
    service.acknowledge(floor.desk, 1, OPERATOR)
    floor.time.move(3600)
    reminders.keep(floor.desk)
    assert floor.told(1, "AcknowledgementOverdue") == []
    floor.fires("CircuitBreakerOpen", group="desk")
    floor.settle()
    assert "Acknowledge" in floor.slack.text_of(floor.root(1))
    assert "acknowledged by" not in floor.slack.text_of(floor.root(1))
    floor.time.move(61)
    reminders.keep(floor.desk)
    floor.settle()
    assert floor.told(1, "AcknowledgementOverdue") == ["SEV-1 is not acknowledged"]
    assert floor.loud(1, "SEV-1 is not acknowledged")
    service.acknowledge(floor.desk, 1, OPERATOR)
    floor.time.move(3600)
    reminders.keep(floor.desk)
    assert len(floor.told(1, "AcknowledgementOverdue")) == 1
