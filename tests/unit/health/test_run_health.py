"""The desk asks for health: everything at once, bounded in time, and nothing claimed that was not seen."""

import threading
import time

import pytest

from bot.domain.health import Component, ComponentStatus
from bot.domain.words import ActionStatus, StepStatus
from bot.services.actions.health import run_health
from bot.services.health.callables import CallableCheck, ReachCheck, database_check, slack_check
from tests.unit.health.desk import NOON, HandClock, Hanging, Notebook, health_request, ok


def well(name: str) -> CallableCheck:
    return CallableCheck(name, lambda limit: ok(name))


def test_all_well_is_done_and_recorded_with_its_evidence() -> None:
    notebook = Notebook()
    result = run_health(health_request(), [well("broker"), well("disk")], notebook, HandClock())
    assert result.status is ActionStatus.DONE
    assert result.headline == "All 2 measured components are well."
    assert result.next_step is None
    assert notebook.statuses("measure") == [StepStatus.STARTED, StepStatus.OK]
    assert notebook.written[-1][3] == result.evidence
    assert result.evidence["asked_at"] == NOON.isoformat()
    assert [part["name"] for part in result.evidence["components"]] == ["broker", "disk"]
    assert set(result.evidence["components"][0]) == {
        "name",
        "status",
        "figure",
        "threshold",
        "advice",
        "seconds",
    }


def test_an_unhealthy_desk_is_still_a_check_that_was_done() -> None:
    full = Component("disk", ComponentStatus.WARN, "91 % used", "warns from 90 %", "Make room.")
    dead = Component("broker", ComponentStatus.FAIL, "refused (401)", None, "Look at the keys.")
    checks = [well("Slack"), CallableCheck("disk", lambda _: full), CallableCheck("broker", lambda _: dead)]
    result = run_health(health_request(), checks, Notebook(), HandClock())
    assert result.status is ActionStatus.DONE
    assert result.headline == "2 of 3 need attention: broker fails (refused (401)), disk warns (91 % used)."
    assert result.next_step == "Look at the keys."
    assert [part["name"] for part in result.evidence["components"]] == ["broker", "disk", "Slack"]


def test_a_component_that_hangs_is_unknown_and_the_others_are_not_kept_waiting() -> None:
    silent = Hanging("ledger")
    notebook = Notebook()
    start = time.monotonic()
    result = run_health(health_request(), [silent, well("disk")], notebook, HandClock(), limit=0.5)
    assert time.monotonic() - start < 15
    silent.release.set()
    assert result.status is ActionStatus.UNKNOWN
    assert result.headline == "1 of 2 needs attention: ledger is not known (no answer in 0.5 s)."
    ledger, disk = result.evidence["components"]
    assert ledger["status"] == "unknown"
    assert "by hand" in ledger["advice"]
    assert disk["status"] == "ok"
    assert notebook.statuses("measure") == [StepStatus.STARTED, StepStatus.UNKNOWN]


def test_twenty_hanging_components_take_no_longer_than_one() -> None:
    silent = [Hanging(f"feed {number}") for number in range(20)]
    start = time.monotonic()
    result = run_health(health_request(), silent, Notebook(), HandClock(), limit=0.5)
    assert time.monotonic() - start < 8
    for one in silent:
        one.release.set()
    assert "and 15 more" in result.headline


def test_checks_run_side_by_side() -> None:
    together = threading.Barrier(3)

    def meet(limit: float) -> Component:
        together.wait(60)  # passes only when all three are inside at the same time
        return ok("met")

    checks = [CallableCheck(f"part {number}", meet) for number in range(3)]
    result = run_health(health_request(), checks, Notebook(), HandClock())
    assert result.status is ActionStatus.DONE


def test_a_check_is_given_a_little_less_than_the_whole_time() -> None:
    given: list[float] = []

    def ask(limit: float) -> Component:
        given.append(limit)
        return ok("part")

    run_health(health_request(), [CallableCheck("part", ask)], Notebook(), HandClock(), limit=5.0)
    assert given == [pytest.approx(4.5)]


def test_a_check_that_raises_is_unknown_and_shows_no_secret() -> None:
    def burst(limit: float) -> Component:
        raise RuntimeError("no route for postgresql://desk:hunter2@db/halt token=xoxb-1-2-abc " + "x" * 5000)

    result = run_health(health_request(), [CallableCheck("trader", burst)], Notebook(), HandClock())
    assert result.status is ActionStatus.UNKNOWN
    figure = result.evidence["components"][0]["figure"]
    assert "hunter2" not in str(result.evidence)
    assert "xoxb-1" not in str(result.evidence)
    assert "RuntimeError: no route" in figure
    assert len(figure) < 220


def test_two_checks_of_one_name_are_both_shown() -> None:
    result = run_health(health_request(), [well("broker"), well("broker")], Notebook(), HandClock())
    assert len(result.evidence["components"]) == 2


def test_nothing_to_check_is_not_called_healthy() -> None:
    result = run_health(health_request(), [], Notebook(), HandClock())
    assert result.status is ActionStatus.UNKNOWN
    assert result.headline.startswith("Nothing was measured")
    assert result.next_step is not None


def test_what_is_off_is_neither_counted_nor_unknown() -> None:
    off = Component("data feed", ComponentStatus.OFF, "not set")
    result = run_health(
        health_request(), [well("disk"), CallableCheck("data feed", lambda _: off)], Notebook(), HandClock()
    )
    assert result.status is ActionStatus.DONE
    assert result.headline == "The one measured component, disk, is well (1 off)."


def test_a_slow_notebook_does_not_take_time_from_the_checks() -> None:
    class SlowNotebook(Notebook):
        def step(self, *args: object, **kwargs: object) -> None:
            entered.wait(60)

    entered = threading.Event()

    def answer(limit: float) -> Component:
        entered.set()  # asked while the notebook is still writing, or the notebook would wait 60 s
        return ok("disk")

    start = time.monotonic()
    result = run_health(health_request(), [CallableCheck("disk", answer)], SlowNotebook(), HandClock())
    assert time.monotonic() - start < 50
    assert result.status is ActionStatus.DONE


def test_the_database_and_slack_answer_or_say_why_not() -> None:
    clock = HandClock()

    def quick(limit: float) -> str:
        clock.advance(0.02)
        return "oldest waiting row 3 s"

    assert database_check(quick, clock).run(5).figure == "oldest waiting row 3 s, 0.02 s"

    def slow(limit: float) -> str:
        clock.advance(2.5)
        return "haltdesk"

    assert slack_check(slow, clock).run(5).status is ComponentStatus.WARN

    def refused(limit: float) -> str:
        raise ConnectionError("could not connect to postgresql://desk:hunter2@db/halt")

    failed = database_check(refused, clock).run(5)
    assert failed.status is ComponentStatus.FAIL
    assert "hunter2" not in failed.figure
    assert failed.advice is not None

    def late(limit: float) -> str:
        raise TimeoutError

    assert slack_check(late, clock).run(5).status is ComponentStatus.UNKNOWN
    assert ReachCheck("mail", None, clock, "").run(5).status is ComponentStatus.OFF
