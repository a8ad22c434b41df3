"""That stakeholders were notified is said when Slack has the notice, and not before."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bot.domain.words import ActionKind, ActionStatus
from bot.services import incidents as service
from bot.services import reminders
from bot.services.actions.requests import confirm
from bot.simulator.slack import SlackSimulator
from bot.store import incidents, timeline
from bot.store.tables import actions
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import DeskInProcess
from tests.fixtures.pictures import differing

OPERATOR, STAKEHOLDERS, FALLBACK = "U0OPERATOR", "C0STAKEHOLDERS", "C0GENERAL"
ITEM = "resolution.notify"


@pytest.fixture
def due(desk: DeskInProcess) -> DeskInProcess:
    """INC-1 was resolved a quarter of an hour ago."""
    return resolved_long_ago(desk)


def resolved_long_ago(desk: DeskInProcess) -> DeskInProcess:
    assert desk.post(webhook(alert("OrderRejects"))).status_code == 200
    service.acknowledge(desk.desk, 1, OPERATOR)
    service.resolve(desk.desk, 1, OPERATOR, "the venue is back")
    desk.deliver()
    desk.time.move(timedelta(minutes=15).total_seconds())
    assert reminders.keep(desk.desk) == 1
    return desk


@pytest.fixture
def falling_back(sqlite_url: str) -> Iterator[DeskInProcess]:
    with SlackSimulator() as slack:
        found = DeskInProcess(sqlite_url, slack, fallbacks=(FALLBACK,))
        yield found
        found.close()


def said(desk: DeskInProcess, kind: str) -> list[str]:
    with desk.database.read() as unit:
        return [entry.text for entry in timeline.of_incident(unit, 1) if entry.kind == kind]


def ticked(desk: DeskInProcess) -> bool:
    with desk.database.read() as unit:
        mark = incidents.marks(unit, 1).get(ITEM)
    return mark is not None and mark.done


def test_it_is_said_when_slack_has_it(due: DeskInProcess) -> None:
    assert not said(due, "StakeholdersNotified")
    assert not ticked(due)
    due.deliver()
    assert len(due.slack.messages(STAKEHOLDERS)) == 1
    assert said(due, "StakeholdersNotified") == ["Notice of resolution went to stakeholders"]
    assert ticked(due)


def test_it_is_not_said_while_slack_is_away(due: DeskInProcess) -> None:
    due.slack.faults.add("*", status=503)
    due.deliver(for_seconds=120)
    assert not said(due, "StakeholdersNotified")
    assert not ticked(due)
    due.slack.faults.clear()
    due.deliver()
    assert len(said(due, "StakeholdersNotified")) == 1
    assert ticked(due)


def test_it_is_said_once_when_the_process_dies_after_the_post(
    due: DeskInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(due.deliverer, "_record", killed)
        with pytest.raises(Killed):
            due.deliver()
    due.deliverer = due.new_deliverer()
    due.deliver()
    assert len(due.slack.messages(STAKEHOLDERS)) == 1
    assert len(said(due, "StakeholdersNotified")) == 1
    assert ticked(due)


def test_it_is_said_once_when_somebody_deletes_it(due: DeskInProcess) -> None:
    due.deliver()
    (notice,) = due.slack.messages(STAKEHOLDERS)
    due.slack.remove(STAKEHOLDERS, notice["ts"])
    due.post(webhook(alert("OrderRejects", annotations={"summary": "more rejects"})))
    due.deliver()
    assert len(said(due, "StakeholdersNotified")) == 1


def test_one_that_went_elsewhere_is_for_people_to_tell(falling_back: DeskInProcess) -> None:
    """The stakeholders' channel is archived: that the notice stands in another one is no word to stakeholders."""
    desk = resolved_long_ago(falling_back)
    desk.slack.archive(STAKEHOLDERS)
    desk.deliver()
    assert len(desk.slack.messages(FALLBACK)) == 1
    assert not said(desk, "StakeholdersNotified")
    assert len(said(desk, "NoticeMoved")) == 1
    assert not ticked(desk)


def halted(desk: DeskInProcess) -> None:
    """Somebody confirms a halt in INC-1, and it is proved."""
    confirm(desk.desk, ActionKind.HALT, ["main"], reason="", by=OPERATOR, request_key="halt", incident_id=1)
    with desk.database.begin() as unit:
        done = {"status": ActionStatus.DONE, "finished_at": desk.time.now(), "headline": "Halted"}
        unit.connection.execute(update(actions).values(**done))


def impact(desk: DeskInProcess) -> str:
    (notice,) = desk.slack.messages(STAKEHOLDERS)
    lines = desk.slack.text_of(notice).splitlines()
    return next(line for line in lines if line.startswith("Impact:"))


def test_a_halt_before_the_resolution_is_part_of_its_impact(desk: DeskInProcess) -> None:
    assert desk.post(webhook(alert("OrderRejects"))).status_code == 200
    halted(desk)
    desk.time.move(60)
    service.acknowledge(desk.desk, 1, OPERATOR)
    service.resolve(desk.desk, 1, OPERATOR, "the venue is back")
    desk.time.move(timedelta(minutes=15).total_seconds())
    reminders.keep(desk.desk)
    desk.deliver()
    assert "Trading was halted on main" in impact(desk)


def test_a_halt_after_it_does_not_make_the_notice_untrue(due: DeskInProcess) -> None:
    due.deliver()
    assert "Trading was not halted" in impact(due)
    due.time.move(60)
    halted(due)
    due.deliver()
    assert [one for one in differing(due.desk, due.slack) if ":notice:" in one] == []
    assert "Trading was not halted" in impact(due)


def test_one_that_was_called_off_on_its_way_ticks_nothing(
    due: DeskInProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alert fires again between the post and its record: stakeholders have read it, and it is not over."""
    post = due.chat.post

    def fires_again(channel: str, *given: Any, **named: Any) -> str:
        ts = post(channel, *given, **named)
        if channel == STAKEHOLDERS:
            due.post(webhook(alert("OrderRejects", started=due.time.now())))
        return ts

    monkeypatch.setattr(due.chat, "post", fires_again)
    due.deliver()
    assert len(said(due, "StakeholdersNotified")) == 1
    assert not ticked(due)
    assert differing(due.desk, due.slack) == []
