"""The comparison as work: claimed by one process, begun again after a crash, bounded, side by side with webhooks."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bot.domain.words import AlertStatus
from bot.services import backfill
from bot.services.alert_sources import AlertSources
from bot.services.backfill import Backfill
from bot.services.found_alerts import take_in_firing
from bot.simulator.slack import SlackSimulator
from bot.store import checkpoints
from tests.integration.backfill.conftest import ComparedDesk
from tests.integration.watching.test_query_plans import statements


def test_a_webhook_in_the_very_moment_of_a_comparison_waits_for_it(
    desk: ComparedDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert = desk.world.fire("FeedStale")
    desk.compare()
    taken, go_on = threading.Event(), threading.Event()

    def held(*arguments: Any) -> Any:
        found = take_in_firing(*arguments)
        taken.set()
        assert go_on.wait(30)
        return found

    monkeypatch.setattr(backfill, "take_in_firing", held)
    desk.time.move(60)
    body = desk.world.body(alert)
    with ThreadPoolExecutor() as pool:
        comparing = pool.submit(desk.backfill.run_once)
        assert taken.wait(30)
        posting = pool.submit(desk.post, body)
        with pytest.raises(TimeoutError):
            posting.result(0.3)
        go_on.set()
        assert comparing.result(30)
        assert posting.result(30).status_code == 200
    assert len(desk.incidents()) == len(desk.stored()) == 1


def test_two_processes_do_it_once(desk: ComparedDesk) -> None:
    other = Backfill(desk.desk, desk.sources)
    desk.time.move(60)
    asked = desk.sources.ask

    def beside(*arguments: object) -> object:
        assert not other.run_once()  # while the first one asks over the network
        return asked(*arguments)  # type: ignore[arg-type]

    desk.sources.ask = beside  # type: ignore[method-assign,assignment]
    assert desk.backfill.run_once()
    assert not other.run_once()


def test_a_process_that_died_in_the_middle_is_followed_by_another(desk: ComparedDesk) -> None:
    desk.time.move(3600)
    desk.world.fire("FeedStale", ago=1800, lasts=60)

    def killed(*_: object) -> object:
        raise SystemExit

    asked = desk.sources.ask
    desk.sources.ask = killed  # type: ignore[method-assign,assignment]
    with pytest.raises(SystemExit):
        desk.backfill.run_once()
    desk.sources.ask = asked  # type: ignore[method-assign]
    desk.restart()
    desk.time.move(29)
    assert not desk.backfill.run_once()  # it may live still
    desk.time.move(1)
    assert desk.backfill.run_once()
    assert len(desk.incidents()) == 1


def test_one_that_takes_long_keeps_the_comparison_while_it_lives(
    desk: ComparedDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prometheus answers each question in four seconds; the dead are known by half a minute without a word."""
    desk.time.move(24 * 3600)
    desk.world.fire("FeedStale", ago=3600, lasts=60)
    desk.restart()
    began, other = desk.time.now(), Backfill(desk.desk, desk.sources)
    query_range = desk.world.prometheus.query_range

    def slow(*arguments: Any, **named: Any) -> Any:
        desk.time.move(4)
        assert not other.run_once()
        return query_range(*arguments, **named)

    monkeypatch.setattr(desk.world.prometheus, "query_range", slow)
    assert desk.backfill.run_once()
    assert desk.time.now() - began > backfill.LEASE
    assert not other.run_once()


def test_what_is_asked_for_during_a_comparison_is_not_forgotten(desk: ComparedDesk) -> None:
    """Somebody waits for a fresh reading while one is being made: it is made once more, at once."""
    desk.time.move(60)
    asked = desk.sources.ask

    def awaited(*arguments: Any) -> Any:
        desk.time.move(1)
        with desk.database.begin() as unit:
            checkpoints.soon(unit, desk.time.now())
        return asked(*arguments)

    desk.sources.ask = awaited  # type: ignore[method-assign]
    assert desk.backfill.run_once()
    desk.sources.ask = asked  # type: ignore[method-assign]
    assert desk.backfill.run_once()
    assert not desk.backfill.run_once()


def test_many_at_once_are_taken_in_piece_by_piece(desk: ComparedDesk) -> None:
    desk.time.move(7200)
    for number in range(450):
        desk.world.fire("FeedStale", ago=3600 - number, lasts=60, feed=number)
    desk.restart()
    for _ in range(5):
        desk.backfill.run_once()
        desk.time.move(1)
    assert len(desk.incidents()) == 1
    assert len(desk.stored()) == 450


def test_while_prometheus_is_away_the_checkpoint_waits(desk: ComparedDesk) -> None:
    desk.world.prometheus_away = True
    desk.world.fire("FeedStale", lasts=30)
    desk.compare(minutes=30)
    assert desk.incidents() == []
    desk.world.prometheus_away = False
    desk.compare()
    assert len(desk.told("AlertBackfilled")) == 1


def test_prometheus_is_asked_from_the_checkpoint_in_bounded_pieces(desk: ComparedDesk) -> None:
    desk.time.move(7 * 24 * 3600)
    desk.world.fire("TooOld", ago=25 * 3600, lasts=60)
    desk.world.fire("FeedStale", ago=23 * 3600, lasts=60)
    desk.restart()
    desk.compare()
    assert [one.title for one in desk.incidents()] == ["FeedStale"]
    assert 0 < desk.world.most_points <= 600


def test_without_any_address_nothing_is_compared(sqlite_url: str) -> None:
    with SlackSimulator() as slack:
        desk = ComparedDesk(sqlite_url, slack)
        desk.backfill = Backfill(desk.desk, AlertSources(desk.desk.policy, None, None, desk.time))
        desk.world.fire("FeedStale")
        assert desk.compare()
        assert desk.incidents() == []
        desk.close()


def test_a_storm_is_noted_in_a_few_statements(desk: ComparedDesk) -> None:
    """Nobody else writes while a comparison does: a halt does not wait for a statement an alert."""
    many = [desk.world.fire("HighLatency", host=str(number)) for number in range(300)]
    desk.post(desk.world.body(*many))

    def noting() -> int:
        with statements(desk.database) as seen:
            desk.compare()
        return sum("INTO alert_sightings" in words for words, _ in seen)

    assert 0 < noting() < 12  # seen firing
    for alert in many:
        alert.muted = "silenced"
    assert 0 < noting() < 12
    for alert in many:
        desk.world.clear(alert)
    assert 0 < noting() < 12  # missing
    desk.compare(minutes=10)
    assert {alert.status for alert in desk.stored()} == {AlertStatus.RESOLVED}
