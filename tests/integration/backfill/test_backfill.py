"""What Alertmanager lost is found: alerts that nobody told of, resolutions that never came. Nothing is doubled."""

from datetime import timedelta

import pytest

from bot.domain.words import AlertStatus, Severity
from bot.store import deliveries
from tests.integration.backfill.conftest import ComparedDesk

FIRING, RESOLVED = AlertStatus.FIRING, AlertStatus.RESOLVED


def test_an_alert_that_came_and_went_while_haltdesk_was_away(desk: ComparedDesk) -> None:
    desk.world.fire("Watchdog")
    desk.time.move(3600)  # dead for an hour
    desk.world.fire("FeedStale", ago=1800, lasts=420, severity="warning")
    desk.restart()
    assert desk.backfill.run_once()
    (incident,) = desk.incidents()
    assert incident.title == "FeedStale"
    (alert,) = desk.stored()
    assert alert.status is RESOLVED
    (entry,) = desk.told("AlertBackfilled")
    # From 15:31 on the hand-moved clock, which began at 15:00 UTC; the desk lives in New York.
    assert entry.text == (
        "FeedStale: fired 10:30, cleared 10:38 EST while Haltdesk was away; found in Prometheus"
    )
    assert "while Haltdesk was away" in desk.shown()
    desk.compare(minutes=10)
    desk.restart()
    desk.compare()
    assert len(desk.incidents()) == len(desk.told("AlertBackfilled")) == len(desk.stored()) == 1


def test_an_alert_that_came_and_went_between_two_comparisons(desk: ComparedDesk) -> None:
    desk.time.move(30)
    desk.world.fire("FeedStale", lasts=15)  # one evaluation
    desk.compare(minutes=4)
    (entry,) = desk.told("AlertBackfilled")
    assert "no webhook told of it" in entry.text


def test_what_the_webhook_brought_is_not_taken_in_again(desk: ComparedDesk) -> None:
    alert = desk.world.fire("FeedStale", waits=timedelta(minutes=5))
    desk.post(desk.world.body(alert))
    desk.compare(minutes=5)
    desk.world.clear(alert)
    desk.post(desk.world.body(alert))
    desk.compare(minutes=15)
    assert len(desk.incidents()) == len(desk.stored()) == 1
    assert not desk.told("AlertBackfilled") + desk.told("AlertFound") + desk.told("AlertMissing")


def test_an_alert_that_fires_unknown_is_taken_in_and_its_late_webhook_joins(desk: ComparedDesk) -> None:
    first = desk.world.fire("FeedStale", host="a")
    desk.compare(minutes=2)
    (incident,) = desk.incidents()
    assert [alert.status for alert in desk.stored()] == [FIRING]
    assert "Alertmanager, no webhook had brought it" in desk.told("AlertFound")[0].text
    # At last the webhook comes, with a second alert of the group.
    second = desk.world.fire("FeedStale", host="b")
    desk.post(desk.world.body(first, second))
    assert [one.id for one in desk.incidents()] == [incident.id]
    assert len(desk.stored()) == 2
    assert desk.incidents()[0].group_key == '{}:{alertname="FeedStale"}'


def test_only_prometheus_has_it_and_the_webhook_tells_the_exact_start_later(desk: ComparedDesk) -> None:
    desk.world.alertmanager_holds = False
    alert = desk.world.fire("FeedStale", waits=timedelta(minutes=5))
    desk.compare(minutes=2)
    (stored,) = desk.stored()
    assert stored.starts_at == alert.starts_at - timedelta(minutes=5)  # activeAt
    desk.world.alertmanager_holds = True
    desk.post(desk.world.body(alert))
    (stored,) = desk.stored()
    assert stored.starts_at == alert.starts_at
    desk.time.move(90)
    desk.world.clear(alert)
    desk.post(desk.world.body(alert))
    assert [one.status for one in desk.stored()] == [RESOLVED]
    desk.time.move(60)
    again = desk.world.fire("FeedStale")
    desk.post(desk.world.body(again))
    assert sorted(one.status for one in desk.stored()) == [FIRING, RESOLVED]
    desk.compare(minutes=5)
    assert len(desk.incidents()) == 1
    assert len(desk.stored()) == 2


def test_what_was_found_first_stays_in_its_group_from_then_on(desk: ComparedDesk) -> None:
    desk.world.alertmanager_holds = False
    first = desk.world.fire("FeedStale")
    desk.compare(minutes=2)  # found in Prometheus, under a key of Haltdesk's own
    desk.world.alertmanager_holds = True
    desk.post(desk.world.body(first))
    desk.time.move(90)
    desk.world.clear(first)
    desk.post(desk.world.body(first))
    desk.time.move(90)
    desk.world.fire("FeedStale")  # lost again
    desk.compare(minutes=3)
    assert len(desk.incidents()) == 1
    assert sorted(one.status for one in desk.stored()) == [FIRING, RESOLVED]


def test_the_next_firing_of_an_alert_from_the_past_goes_into_its_incident(desk: ComparedDesk) -> None:
    desk.world.fire("FeedStale", lasts=30)
    desk.compare(minutes=3)
    assert len(desk.told("AlertBackfilled")) == 1
    desk.post(desk.world.body(desk.world.fire("FeedStale")))
    assert len(desk.incidents()) == 1
    assert len(desk.stored()) == 2


def test_a_group_that_is_known_is_joined(desk: ComparedDesk) -> None:
    first = desk.world.fire("FeedStale", host="a")
    desk.post(desk.world.body(first))
    desk.world.fire("FeedStale", host="b")  # lost
    desk.compare(minutes=3)
    assert len(desk.incidents()) == 1
    assert len(desk.stored()) == 2


def test_a_resolution_that_never_came_is_found_missing(desk: ComparedDesk) -> None:
    alert = desk.world.fire("FeedStale")
    desk.post(desk.world.body(alert))
    desk.compare(minutes=3)
    desk.world.clear(alert)
    desk.compare(minutes=5)
    assert [one.status for one in desk.stored()] == [FIRING]  # Alertmanager may tell it yet
    desk.compare(minutes=3)
    assert [one.status for one in desk.stored()] == [RESOLVED]
    (entry,) = desk.told("AlertMissing")
    assert (
        entry.text
        == "Neither Alertmanager nor Prometheus shows it any more, and no resolution came: FeedStale"
    )
    assert len(desk.told("AllAlertsCleared")) == 1


def test_a_resolution_lost_while_haltdesk_was_away_is_found_too(desk: ComparedDesk) -> None:
    alert = desk.world.fire("FeedStale")
    desk.post(desk.world.body(alert))  # and dies before the first comparison
    desk.time.move(600)
    desk.world.clear(alert)
    desk.time.move(3600)
    desk.restart()
    desk.compare(minutes=3)
    (stored,) = desk.stored()
    assert stored.status is RESOLVED
    assert stored.ends_at is not None
    assert alert.ends_at is not None
    assert abs(stored.ends_at - alert.ends_at) <= timedelta(seconds=30)


@pytest.mark.parametrize("trouble", ["alertmanager", "prometheus", "restart", "rules"])
def test_a_source_that_was_not_heard_whole_clears_nothing(desk: ComparedDesk, trouble: str) -> None:
    alert = desk.world.fire("FeedStale")
    desk.post(desk.world.body(alert))
    desk.compare(minutes=3)
    desk.world.clear(alert)
    desk.world.alertmanager_away = trouble == "alertmanager"
    desk.world.prometheus_away = trouble == "prometheus"
    desk.world.rule_health = "err" if trouble == "rules" else "ok"
    for _ in range(20):
        if trouble == "restart":  # again and again: its list is empty, and says nothing
            desk.world.alertmanager_started = desk.time.now()
        desk.compare()
    assert [one.status for one in desk.stored()] == [FIRING]


def test_what_other_systems_sent_is_never_missing(desk: ComparedDesk) -> None:
    """Another Alertmanager sends here too: that these two do not know its alert says nothing."""
    alert = desk.world.fire("FeedStale")
    body = desk.world.body(alert)
    desk.world.alerts.clear()
    desk.post(body)
    desk.compare(minutes=30)
    assert [one.status for one in desk.stored()] == [FIRING]


def test_a_silenced_alert_opens_nothing_and_is_no_news_when_it_has_gone(desk: ComparedDesk) -> None:
    alert = desk.world.fire("FeedStale")
    alert.muted = "silenced"
    desk.compare(minutes=5)
    desk.world.clear(alert)
    desk.compare(minutes=5)
    assert desk.incidents() == []
    # The next time it is not silenced.
    desk.world.fire("FeedStale", lasts=20)
    desk.compare(minutes=4)
    assert len(desk.told("AlertBackfilled")) == 1


def test_a_known_alert_that_is_silenced_is_shown_so(desk: ComparedDesk) -> None:
    alert = desk.world.fire("FeedStale")
    desk.post(desk.world.body(alert))
    alert.muted = "silenced"
    desk.compare()
    assert "silenced" in desk.shown()
    alert.muted = None
    desk.compare()
    assert "silenced" not in desk.shown()


def test_ignorable_alerts_and_those_of_others_are_left_alone(desk: ComparedDesk) -> None:
    desk.world.fire("Watchdog")
    desk.world.fire("InfoInhibitor", lasts=90)
    desk.compare(minutes=5)
    assert desk.incidents() == []


def test_hostile_text_is_stored_and_shown_as_text(desk: ComparedDesk) -> None:
    hostile = "Stale\x00<!channel> \ud800 {{ 7 * 7 }}" + "x" * 20_000
    desk.world.fire(hostile).annotations = {"summary": "\x00<!here>" * 5_000}
    desk.world.fire(hostile + "2", lasts=30)
    desk.compare(minutes=4)
    assert len(desk.incidents()) == 2
    assert "{{ 7 * 7 }}" in desk.shown()
    assert desk.slack.pinged == []


def test_a_severe_alert_from_the_past_makes_a_severe_incident(desk: ComparedDesk) -> None:
    desk.time.move(3600)
    desk.world.fire("CircuitBreakerOpen", ago=1800, lasts=60)
    desk.restart()
    desk.compare()
    assert desk.incidents()[0].severity is Severity.SEV1


def test_a_storm_of_comparisons_costs_no_messages(desk: ComparedDesk) -> None:
    alert = desk.world.fire("FeedStale")
    desk.post(desk.world.body(alert))
    desk.compare(minutes=2)
    desk.deliver()
    with desk.database.read() as unit:
        before = deliveries.next_wanted_at(unit)
    desk.compare(minutes=30)
    with desk.database.read() as unit:
        assert deliveries.next_wanted_at(unit) == before is None


def test_an_alert_of_which_only_the_resolution_came_is_taken_in_from_the_past(desk: ComparedDesk) -> None:
    """Its group has no incident, so the resolution opened none: what fired is found in Prometheus' history."""
    alert = desk.world.fire("CircuitBreakerOpen", lasts=45)
    desk.time.move(50)
    desk.post(desk.world.body(alert))
    assert desk.incidents() == []
    desk.compare(minutes=5)
    (incident,) = desk.incidents()
    assert incident.severity is Severity.SEV1
    (stored,) = desk.stored()
    assert (stored.status, stored.starts_at, stored.ends_at) == (RESOLVED, alert.starts_at, alert.ends_at)
    (entry,) = desk.told("AlertBackfilled")
    assert "and only its resolution came; found in Prometheus" in entry.text
    desk.post(desk.world.body(alert))
    desk.compare(minutes=5)
    assert len(desk.incidents()) == len(desk.told("AlertBackfilled")) == 1


def test_an_alert_whose_lone_resolution_was_told_is_not_taken_in_again(desk: ComparedDesk) -> None:
    lasting = desk.world.fire("FeedStale", host="a")
    short = desk.world.fire("FeedStale", lasts=45, host="b")
    desk.time.move(50)
    desk.post(desk.world.body(lasting, short))
    desk.compare(minutes=5)
    assert len(desk.told("AlertClearedUnheard")) == 1
    assert desk.told("AlertBackfilled") == []
