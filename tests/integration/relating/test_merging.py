"""One incident is folded into another: its alerts and its group go on there, and nobody outside hears of it."""

import threading
from datetime import timedelta

import pytest

from bot.domain.actions import ActionResult
from bot.domain.words import ActionKind, ActionStatus, AlertStatus, IncidentStatus, TradingState
from bot.services import approvals as approving
from bot.services import auditing, relating, reminders, views
from bot.services import incidents as service
from bot.services.actions.requests import conclude, confirm
from bot.services.merging import merge
from bot.store import accounts, actions, alerts, approvals, documents, incidents
from bot.store.approvals import ApprovalStatus
from tests.fixtures.databases import wait_for_a_lock
from tests.integration.relating.related import OPERATOR, OTHER, Floor


def test_the_alerts_go_on_in_the_target_and_both_say_so(floor: Floor) -> None:
    floor.two_of_main()
    done = floor.merge(1, 2, reason="one outage")
    assert done.refusal is None
    floor.settle()
    source, target = floor.incident(1), floor.incident(2)
    assert (source.status, target.status) == (IncidentStatus.MERGED, IncidentStatus.OPEN)
    assert (floor.firing(1), floor.firing(2)) == (0, 2)
    with floor.database.read() as unit:
        moved = alerts.of_incident(unit, 2)
    assert sorted((one.name, one.status) for one in moved) == [
        ("FeedStale", AlertStatus.FIRING),
        ("OrderRejects", AlertStatus.FIRING),
    ]
    assert floor.told(1, "IncidentMerged") == ["Merged into INC-2: one outage"]
    assert "INC-1" in floor.told(2, "IncidentMergedIn")[0]
    assert floor.audited("IncidentsMerged") == ["INC-1 merged into INC-2: one outage"]
    assert floor.line(1, "Merged into INC-2")
    assert "INC-1" in floor.line(2, "Merged into this incident:")
    assert floor.line(2, "Related:") == ""
    # Closed: no button is left, and the other one keeps its own.
    assert not [block for block in floor.root(1)["blocks"] if block["type"] == "actions"]
    assert [block for block in floor.root(2)["blocks"] if block["type"] == "actions"]


def test_stakeholders_hear_nothing_and_nothing_is_reminded_of_any_more(floor: Floor) -> None:
    floor.two_of_main()
    assert floor.waits_for(1) == "acknowledge"
    floor.merge(1, 2)
    assert floor.waits_for(1) is None
    floor.time.move(24 * 3600)
    reminders.keep(floor.desk)
    floor.settle()
    assert floor.slack.messages("C0STAKEHOLDERS") == []
    assert floor.told(1, "AcknowledgementOverdue") == []
    with floor.database.read() as unit:
        assert documents.newest(unit, 1, "postmortem") is None


def test_what_the_merged_group_sends_next_belongs_to_the_target(floor: Floor) -> None:
    floor.two_of_main()
    began = floor.time.now() - timedelta(seconds=180)
    floor.merge(1, 2)
    service.acknowledge(floor.desk, 2, OPERATOR)
    # A further alert of the source's group, the resolution of its first, and that one firing anew.
    floor.fires("OrderRejects", account="main", venue="B")
    floor.fires("OrderRejects", account="main", started=began, status="resolved")
    floor.time.move(120)
    floor.fires("OrderRejects", account="main")
    floor.settle()
    assert floor.numbers() == [1, 2]
    assert floor.firing(2) == 3
    assert floor.loud(2, "new alert")
    assert floor.told(1, "AlertFired") == ["1 alert fired: OrderRejects"]


def test_the_target_is_resolved_only_when_the_alerts_of_both_are(floor: Floor) -> None:
    floor.two_of_main()
    began = floor.time.now()
    floor.merge(1, 2)
    floor.fires("FeedStale", account="main", started=began, status="resolved")
    assert floor.told(2, "AllAlertsCleared") == []
    floor.fires("OrderRejects", account="main", started=began - timedelta(seconds=180), status="resolved")
    assert len(floor.told(2, "AllAlertsCleared")) == 1


def test_a_refire_of_the_merged_group_reopens_the_target_within_the_window_and_not_after(
    floor: Floor,
) -> None:
    floor.two_of_main()
    floor.merge(1, 2)
    service.resolve(floor.desk, 2, OPERATOR, "done")
    floor.time.move(20 * 60)
    floor.fires("OrderRejects", account="main")
    assert floor.numbers() == [1, 2]
    assert floor.incident(2).open
    assert floor.told(2, "IncidentReopened")
    service.resolve(floor.desk, 2, OPERATOR, "done again")
    floor.time.move(31 * 60)
    floor.fires("OrderRejects", account="main")
    assert floor.numbers() == [1, 2, 3]
    assert floor.incident(3).open
    # From then on the group is the new incident's, also when the old one is open again.
    floor.fires("OrderRejects", account="main", venue="C")
    assert floor.firing(3) == 2


def test_the_worse_severity_goes_on_and_acknowledgement_is_asked_anew(floor: Floor) -> None:
    floor.fires("CircuitBreakerOpen", account="main")
    floor.fires("FeedStale", account="main")
    floor.settle()
    service.acknowledge(floor.desk, 2, OPERATOR)
    assert floor.incident(1).severity.worse_than(floor.incident(2).severity)
    floor.merge(1, 2)
    target = floor.incident(2)
    assert target.severity == floor.incident(1).severity
    assert target.acknowledged_at is None
    assert floor.waits_for(2) == "acknowledge"
    floor.settle()
    assert "Acknowledge immediately" in floor.slack.text_of(floor.root(2))
    assert floor.loud(2, "INC-1 was merged into this incident. Now SEV-1")


def test_a_lesser_incident_changes_nothing_about_the_acknowledgement(floor: Floor) -> None:
    floor.fires("FeedStale", account="main")
    floor.fires("CircuitBreakerOpen", account="main")
    floor.settle()
    service.acknowledge(floor.desk, 2, OPERATOR)
    floor.merge(1, 2)
    assert floor.incident(2).acknowledged_by == OPERATOR
    floor.settle()
    assert not floor.loud(2, "merged")


def test_merging_twice_in_both_directions_or_into_itself_is_refused_with_the_reason(floor: Floor) -> None:
    floor.two_of_main()
    assert floor.merge(1, 2).refusal is None
    assert floor.merge(1, 2, by=OTHER).refusal == "INC-1 was merged into INC-2 before."
    assert floor.merge(2, 1).refusal == "INC-1 was merged into INC-2 before."
    assert floor.merge(2, 2).refusal == "INC-2 cannot be merged into itself."
    assert len(floor.audited("IncidentsMerged")) == len(floor.told(1, "IncidentMerged")) == 1
    with pytest.raises(service.NotFound):
        floor.merge(99, 2)


def test_many_at_once_in_both_directions_come_to_one_merge(floor: Floor) -> None:
    """With webhooks of both groups coming in meanwhile: none is lost, and none opens a third incident."""
    floor.two_of_main()
    gate = threading.Barrier(12)
    refusals: list[str | None] = []
    failures: list[BaseException] = []

    def people(number: int) -> None:
        source, target = (1, 2) if number % 2 else (2, 1)
        gate.wait(30)
        refusals.append(merge(floor.desk, source, target, f"U0{number}").refusal)

    def alertmanager(number: int) -> None:
        gate.wait(30)
        for venue in range(4):
            name = "OrderRejects" if number % 2 else "FeedStale"
            floor.fires(name, account="main", venue=f"{number}-{venue}")

    def chores(number: int) -> None:
        gate.wait(30)
        for _ in range(5):
            relating.run_once(floor.desk)
            relating.link_once(floor.desk)

    def run(story: object, number: int) -> None:
        try:
            story(number)  # type: ignore[operator]
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(people, number)) for number in range(6)]
    threads += [threading.Thread(target=run, args=(alertmanager, number)) for number in range(4)]
    threads += [threading.Thread(target=run, args=(chores, number)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert refusals.count(None) == 1
    assert len(refusals) == 6
    assert floor.numbers() == [1, 2]
    (left,) = [number for number in (1, 2) if floor.incident(number).open]
    assert floor.firing(left) == 2 + 16
    assert floor.firing(3 - left) == 0
    assert auditing.verify(floor.database).intact


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.real)], indirect=True)
def test_a_merge_that_a_webhook_is_in_the_way_of_begins_anew(floor: Floor) -> None:
    """It holds INC-2 and wants INC-1, the merge the other way round: the database ends the merge's first try."""
    floor.two_of_main()
    result: list[str | None] = []
    merges = threading.Thread(target=lambda: result.append(floor.merge(1, 2).refusal))
    with floor.database.begin() as webhook:
        service.find(webhook, 2)
        merges.start()
        wait_for_a_lock(floor.database)
        service.find(webhook, 1)
        assert result == []
    merges.join(60)
    assert result == [None]
    assert floor.incident(1).status is IncidentStatus.MERGED
    assert len(floor.audited("IncidentsMerged")) == 1


def test_a_chain_of_merges_ends_in_the_last(floor: Floor) -> None:
    for name in ("OrderRejects", "FeedStale", "HighLatency"):
        floor.fires(name, account="main")
    floor.settle()
    assert floor.merge(1, 2).refusal is None
    assert floor.merge(2, 3).refusal is None
    floor.time.move(60)
    floor.fires("OrderRejects", account="main", venue="B")
    assert floor.numbers() == [1, 2, 3]
    assert floor.firing(3) == 4
    # A modal that was opened in the first incident acts in the last.
    confirmed = confirm(
        floor.desk, ActionKind.HEALTH, ["main"], reason="", by=OPERATOR, request_key="k", incident_id=1
    )
    assert confirmed[0].incident.id == 3


def test_what_is_related_to_the_source_is_related_to_the_target(floor: Floor) -> None:
    floor.fires("OrderRejects", account="main", component="gateway")
    floor.fires("FeedStale", account="main")
    floor.fires("HighLatency", component="gateway")
    floor.settle()
    assert "INC-2" not in floor.line(3, "Related:")
    floor.merge(1, 2)
    floor.settle()
    assert "INC-2 (same component gateway" in floor.line(3, "Related:")
    assert "INC-1 (same component gateway, at the same time, merged)" in floor.line(3, "Related:")


def test_an_action_under_way_in_the_source_refuses_and_the_other_way_round_is_open(floor: Floor) -> None:
    floor.two_of_main()
    confirm(
        floor.desk, ActionKind.HALT, ["main"], reason="rejects", by=OPERATOR, request_key="k", incident_id=1
    )
    refusal = floor.merge(1, 2).refusal
    assert refusal is not None
    assert "Under way in INC-1: halt on main" in refusal
    assert "INC-2 into INC-1" in refusal
    assert floor.incident(1).open
    assert floor.firing(2) == 1
    assert floor.merge(2, 1).refusal is None


def test_requests_that_wait_in_the_source_are_void(floor: Floor) -> None:
    floor.two_of_main()
    with floor.database.begin() as unit:
        accounts.set_state(
            unit, "main", TradingState.HALTED, at=floor.time.now(), reason="halted", incident_id=1
        )
    asked = approving.ask(
        floor.desk, ActionKind.RESUME, ["main"], reason="r", by=OPERATOR, request_key="k", incident_id=1
    )
    number = asked[0].number
    assert number is not None
    floor.merge(1, 2)
    with floor.database.read() as unit:
        found = approvals.get(unit, number)
        account = accounts.get(unit, "main")
    assert found is not None
    assert found.status is ApprovalStatus.REFUSED
    assert found.decision == "INC-1 was merged into INC-2; ask again there"
    # The account's halt is the target's matter now.
    assert account is not None
    assert account.incident_id == 2


def test_a_drill_is_not_merged_with_what_is_real(floor: Floor) -> None:
    floor.fires("OrderRejects", account="main")
    drill = service.declare(
        floor.desk, title="Exercise", severity=floor.incident(1).severity, by=OPERATOR, drill=True
    )
    assert drill is not None
    for source, target in ((1, 2), (2, 1)):
        assert floor.merge(source, target).refusal == "INC-2 is a drill: it is not merged with what is real."


def test_a_merged_incident_takes_no_more_steps(floor: Floor) -> None:
    floor.two_of_main()
    floor.merge(1, 2)
    assert service.resolve(floor.desk, 1, OPERATOR).refusal == "INC-1 was merged before."
    service.acknowledge(floor.desk, 1, OPERATOR)
    assert floor.incident(1).acknowledged_at is None
    with floor.database.read() as unit:
        assert [one.id for one in incidents.listed(unit, status=IncidentStatus.OPEN)] == [2]


def test_a_halt_in_what_was_merged_is_in_the_notice_and_the_postmortem(floor: Floor) -> None:
    floor.two_of_main()
    confirmed = confirm(
        floor.desk, ActionKind.HALT, ["main"], reason="rejects", by=OPERATOR, request_key="k", incident_id=1
    )
    with floor.database.read() as unit:
        action = actions.get(unit, confirmed[0].action_id)
    assert action is not None
    conclude(floor.desk, action, ActionResult(ActionStatus.DONE, "Halted, proved."))
    opened = floor.incident(1).opened_at
    assert floor.merge(1, 2).refusal is None
    service.resolve(floor.desk, 2, OPERATOR, "over")
    with floor.database.read() as unit:
        notice = views.notice_view(unit, floor.desk, 2)
        postmortem = views.postmortem_view(unit, floor.desk, 2)
    assert "Trading was halted on main." in notice.impact
    assert notice.opened_at == opened
    assert [one.kind for one in postmortem.actions] == [ActionKind.HALT]
    assert "INC-1: Halted, proved." in [line.text for line in postmortem.timeline]
    assert [line.at for line in postmortem.timeline] == sorted(line.at for line in postmortem.timeline)
