"""The Watchdog stops coming: the alerting path is silent, which is an incident of its own, once."""

from bot.domain.words import AlertStatus, Severity
from tests.integration.backfill.conftest import ComparedDesk


def silence(desk: ComparedDesk) -> list[AlertStatus]:
    return [alert.status for alert in desk.stored() if alert.name == "AlertingPathSilent"]


def test_a_watchdog_that_never_came_is_not_missed(desk: ComparedDesk) -> None:
    desk.compare(minutes=60)
    assert desk.incidents() == []


def test_its_silence_opens_one_incident_which_clears_when_it_is_back(desk: ComparedDesk) -> None:
    watchdog = desk.world.fire("Watchdog")
    desk.compare(minutes=3)
    desk.world.clear(watchdog)
    desk.compare(minutes=9)
    assert desk.incidents() == []
    desk.compare(minutes=3)
    (incident,) = desk.incidents()
    assert (incident.title, incident.severity) == ("The alerting path is silent", Severity.SEV2)
    assert silence(desk) == [AlertStatus.FIRING]
    desk.compare(minutes=30)
    desk.restart()
    desk.compare(minutes=30)
    assert len(desk.incidents()) == 1
    assert silence(desk) == [AlertStatus.FIRING]
    assert "Watchdog has not come since" in desk.shown()

    desk.world.fire("Watchdog")
    desk.compare()
    assert silence(desk) == [AlertStatus.RESOLVED]
    assert len(desk.told("AllAlertsCleared")) == 1
    desk.compare(minutes=30)
    assert silence(desk) == [AlertStatus.RESOLVED]


def test_an_alertmanager_that_is_away_is_silence_too(desk: ComparedDesk) -> None:
    desk.world.fire("Watchdog")
    desk.compare(minutes=3)
    desk.world.alertmanager_away = True
    desk.compare(minutes=12)
    assert [one.title for one in desk.incidents()] == ["The alerting path is silent"]


def test_what_haltdesk_was_not_there_to_hear_is_no_silence(desk: ComparedDesk) -> None:
    desk.world.fire("Watchdog")
    desk.compare(minutes=3)
    desk.time.move(24 * 3600)
    desk.world.alertmanager_away = True
    desk.restart()
    desk.compare(minutes=9)
    assert desk.incidents() == []
    desk.compare(minutes=3)
    assert len(desk.incidents()) == 1


def test_webhooks_that_are_too_far_apart_do_not_start_the_watch(desk: ComparedDesk) -> None:
    """Its repeat_interval is four hours: ten minutes without it are nothing."""
    desk.world.alertmanager_holds = False
    watchdog = desk.world.fire("Watchdog")
    for _ in range(3):
        desk.post(desk.world.body(watchdog))
        desk.compare(minutes=40)
    assert desk.incidents() == []


def test_webhooks_alone_keep_it_quiet(desk: ComparedDesk) -> None:
    desk.world.alertmanager_holds = False
    watchdog = desk.world.fire("Watchdog")
    for _ in range(6):
        desk.post(desk.world.body(watchdog))
        desk.compare(minutes=5)
    assert desk.incidents() == []
    desk.compare(minutes=10)
    assert [one.title for one in desk.incidents()] == ["The alerting path is silent"]
    desk.post(desk.world.body(watchdog))
    desk.compare()
    assert silence(desk) == [AlertStatus.RESOLVED]
