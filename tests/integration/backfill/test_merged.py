"""What a comparison finds of a group whose incident was merged stands in the incident that goes on."""

from bot.services import merging
from tests.integration.backfill.conftest import ComparedDesk


def merged(desk: ComparedDesk, source: int, target: int) -> None:
    assert merging.merge(desk.desk, source, target, "U0OPERATOR").refusal is None


def test_an_alert_from_the_past(desk: ComparedDesk) -> None:
    desk.post(desk.world.body(desk.world.fire("HighLatency")))
    first = desk.world.fire("FeedStale", host="a")
    desk.post(desk.world.body(first))
    merged(desk, 2, 1)
    desk.time.move(90)
    desk.world.clear(first)
    desk.post(desk.world.body(first))
    desk.time.move(60)
    desk.world.fire("FeedStale", host="a", lasts=30)  # and no webhook tells of it
    desk.compare(minutes=4)
    assert [one.id for one in desk.incidents()] == [1, 2]
    assert len(desk.told("AlertBackfilled")) == 1
    # The group goes on in the target afterwards, too.
    desk.post(desk.world.body(desk.world.fire("FeedStale", host="b")))
    assert [one.id for one in desk.incidents()] == [1, 2]


def test_the_watchdogs_silence(desk: ComparedDesk) -> None:
    desk.post(desk.world.body(desk.world.fire("HighLatency")))
    for _ in range(2):
        watchdog = desk.world.fire("Watchdog")
        desk.compare(minutes=3)
        desk.world.clear(watchdog)
        desk.compare(minutes=14)
        if len(desk.incidents()) == 2 and desk.incidents()[1].open:
            merged(desk, 2, 1)
    assert [one.id for one in desk.incidents()] == [1, 2]
    assert [one.name for one in desk.stored()].count("AlertingPathSilent") == 2
