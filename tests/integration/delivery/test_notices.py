"""That stakeholders were notified is said when Slack has the notice, and not before."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.services import incidents as service
from bot.services import reminders
from bot.simulator.slack import SlackSimulator
from bot.store import incidents, timeline
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import DeskInProcess

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
