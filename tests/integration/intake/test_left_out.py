"""Alertmanager leaves alerts out of a webhook (`max_alerts`): nobody knows them, so nobody says that they cleared."""

from typing import Any

import pytest

from bot.domain.words import IncidentStatus, Phase
from bot.services import merging
from bot.services.checklist import advance, toggle
from bot.store import incidents, timeline
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import INCIDENTS, DeskInProcess

OPERATOR = "U0OPERATOR"
SHOWN = "more that Alertmanager left out (max_alerts)"
UNKNOWN = "Alertmanager left 50 alerts out of its last webhook (max_alerts): whether they fire is not known."


def post(
    desk: DeskInProcess, *names: str, group: str = "desk", left_out: Any = 0, status: str = "firing"
) -> None:
    body = webhook(*(alert(name, status=status) for name in names), group=group)
    assert desk.post(body | {"truncatedAlerts": left_out}).status_code == 200


def at_resolution(desk: DeskInProcess) -> None:
    """Of INC-1 only the clearing is awaited."""
    for phase in (Phase.TRIAGE, Phase.DIAGNOSIS, Phase.MITIGATION):
        advance(desk.desk, 1, phase, OPERATOR, "known trouble")
    with desk.database.read() as unit:
        incident = incidents.get(unit, 1)
    assert incident is not None
    for item in desk.desk.policy.items_for(Phase.RESOLUTION, incident.severity):
        toggle(desk.desk, 1, item.key, OPERATOR, done=True)


def status(desk: DeskInProcess) -> IncidentStatus:
    with desk.database.read() as unit:
        incident = incidents.get(unit, 1)
    assert incident is not None
    return incident.status


def all_cleared(desk: DeskInProcess) -> int:
    with desk.database.read() as unit:
        return [entry.kind for entry in timeline.of_incident(unit, 1)].count("AllAlertsCleared")


def root(desk: DeskInProcess) -> str:
    desk.deliver()
    return desk.slack.text_of(desk.slack.messages(INCIDENTS)[0])


def test_what_was_left_out_is_counted_on_the_root(desk: DeskInProcess) -> None:
    post(desk, "HighLatency", left_out=50)
    assert f"and 50 {SHOWN}" in root(desk)
    post(desk, "HighLatency", left_out=20)
    assert f"and 20 {SHOWN}" in root(desk)
    post(desk, "HighLatency")
    assert SHOWN not in root(desk)


def test_when_all_that_were_told_have_cleared_the_rest_may_fire_still(desk: DeskInProcess) -> None:
    post(desk, "HighLatency", "DiskFull", left_out=50)
    at_resolution(desk)
    post(desk, "HighLatency", "DiskFull", left_out=50, status="resolved")
    assert all_cleared(desk) == 0
    assert status(desk) is IncidentStatus.OPEN
    desk.deliver()
    assert f"All alerts that are known here have cleared, but {UNKNOWN}" in desk.slack.transcript()
    # Now Alertmanager tells the others, which are few enough, and they clear too.
    post(desk, "QueueLag")
    post(desk, "QueueLag", status="resolved")
    assert all_cleared(desk) == 1
    assert status(desk) is IncidentStatus.RESOLVED


@pytest.mark.parametrize("last", ["QueueLag", "HighLatency"])
def test_the_last_word_may_be_of_an_alert_that_nobody_knew(desk: DeskInProcess, last: str) -> None:
    """Or of one that is known to have cleared: what speaks against "all clear" is gone with it."""
    post(desk, "HighLatency", left_out=1)
    at_resolution(desk)
    post(desk, "HighLatency", left_out=1, status="resolved")
    assert (all_cleared(desk), status(desk)) == (0, IncidentStatus.OPEN)
    post(desk, last, status="resolved")
    assert (all_cleared(desk), status(desk)) == (1, IncidentStatus.RESOLVED)
    desk.deliver()
    assert "whether they fire is not known" not in desk.slack.transcript()


@pytest.mark.parametrize("source", [1, 2])
def test_a_merge_keeps_what_each_group_left_out(desk: DeskInProcess, source: int) -> None:
    """Each group's own next webhook says it anew, and only for that group."""
    post(desk, "HighLatency", group="a", left_out=50)
    post(desk, "DiskFull", group="b", left_out=7)
    target = 3 - source
    assert merging.merge(desk.desk, source, target, OPERATOR).refusal is None

    def left_out() -> int:
        with desk.database.read() as unit:
            found = incidents.get(unit, target)
        assert found is not None
        return found.left_out

    assert left_out() == 57
    post(desk, "HighLatency", group="a", left_out=0)
    assert left_out() == 7
    post(desk, "DiskFull", group="b", left_out=9)
    assert left_out() == 9
    post(desk, "DiskFull", group="b")
    assert left_out() == 0


@pytest.mark.parametrize("count", [-1, 10**30, None, "x", "3", 1.5, [], {}])
def test_a_count_that_is_none_loses_no_alert(desk: DeskInProcess, count: Any) -> None:
    post(desk, "HighLatency", left_out=count)
    assert status(desk) is IncidentStatus.OPEN
