"""One asks, another approves: every refusal with its reason, on record, and nothing done at the broker."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from bot.domain.words import ActionKind, ActionStatus, AlertStatus, TradingState
from bot.services import approvals as service
from bot.services.approvals import number_matches
from bot.store import accounts
from bot.store import approvals as store
from bot.store.approvals import ApprovalStatus
from bot.store.tables import alerts
from tests.integration.resume.approving import APPROVER, MAY, MAY_NOT, OPERATOR, OTHER, Room, room


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Room]:
    with room(database_url, tmp_path) as found:
        yield found


def test_halted_to_normal_takes_three_requests_three_approvals_and_a_clean_reconciliation_each(
    desk: Room,
) -> None:
    before = dict(desk.floor.account.configuration)
    desk.halt()
    for state in (TradingState.RESTRICTED, TradingState.CAUTIOUS, TradingState.NORMAL):
        desk.reconcile()
        result = desk.resume()
        assert result.status is ActionStatus.DONE, result.headline
        assert desk.state is state
        desk.later(minutes=1)
    assert dict(desk.floor.account.configuration) == before
    kinds = [kind for kind in desk.kinds if kind.startswith(("Resume", "TradingState"))]
    assert kinds == [
        "TradingStateChanged",
        *("ResumeRequested", "ResumeApproved", "TradingStateChanged") * 3,
    ]


def test_the_thread_says_what_is_asked_and_offers_the_buttons_only_while_it_waits(desk: Room) -> None:
    desk.halted_and_reconciled()
    found = desk.ask()
    shown = desk.shown(f"approval:{found.id}")
    assert "Resume to restricted" in shown
    assert "reconciliation clean (2 positions in the ledger, 2 at the broker)" in shown
    assert "resume.approve" in shown
    assert "resume.reject" in shown
    desk.approve(found)
    shown = desk.shown(f"approval:{found.id}")
    assert f"approved by <@{APPROVER}>" in shown
    assert "resume.approve" not in shown


def test_ones_own_request_cannot_be_approved_even_by_an_approver(desk: Room) -> None:
    desk.halted_and_reconciled()
    found = desk.approve(desk.ask(by=APPROVER), by=APPROVER)
    assert found.status is ApprovalStatus.WAITING
    assert desk.whispers == [(APPROVER, "You asked for this yourself: another approver has to approve it.")]
    assert "ApprovalRefused" in desk.kinds
    assert desk.approve(found, by=OTHER).status is ApprovalStatus.APPROVED


def test_who_asked_at_the_command_line_by_their_own_word_cannot_approve(desk: Room) -> None:
    desk.halted_and_reconciled()
    found = desk.ask(by="somebody (command line)", asked_as=APPROVER)
    shown = desk.shown(f"approval:{found.id}")
    assert f"as <@{APPROVER}> by their own word" in shown
    assert f"<@{APPROVER}> cannot approve it" in shown
    found = desk.approve(found, by=APPROVER)
    assert found.status is ApprovalStatus.WAITING
    assert desk.whispers == [(APPROVER, "You asked for this yourself: another approver has to approve it.")]
    assert desk.approve(found, by=OTHER).status is ApprovalStatus.APPROVED
    assert (
        f"Resume to restricted on paper approved; asked (at the command line, as {APPROVER} by their own word)"
        in (desk.audited)
    )


def test_who_asked_at_the_command_line_is_said_to_be_unknown(desk: Room) -> None:
    desk.halted_and_reconciled()
    found = desk.ask(by="somebody (command line)")
    assert "two people must make sure" in desk.shown(f"approval:{found.id}")
    assert desk.approve(found).status is ApprovalStatus.APPROVED
    asked, approved = [text for text in desk.audited if text.startswith("Resume to restricted")]
    assert "(at the command line; who that is in Slack is not known)" in asked
    assert "(at the command line; who that is in Slack is not known)" in approved


def test_only_an_approver_approves(desk: Room) -> None:
    desk.halted_and_reconciled()
    found = desk.approve(desk.ask(), by=OTHER, permission=MAY_NOT)
    assert found.status is ApprovalStatus.WAITING
    assert desk.whispers == [(OTHER, "Only approvers may do this.")]


@pytest.mark.parametrize("noticed", [True, False], ids=["by the clock", "by the press"])
def test_a_request_expires_after_ten_minutes(desk: Room, noticed: bool) -> None:
    desk.halted_and_reconciled()
    found = desk.ask()
    desk.later(minutes=10)
    if noticed:
        desk.approver.run_once()
        assert desk.approval(found.id).status is ApprovalStatus.EXPIRED
    found = desk.approve(found)
    assert found.status is ApprovalStatus.EXPIRED
    assert "ResumeExpired" in desk.kinds
    assert "ResumeApproved" not in desk.kinds
    assert len(desk.whispers) == 1
    assert desk.unended(ActionKind.RESUME) == []


def a_new_break(desk: Room) -> None:
    desk.reconcile(clean=False)


def a_failed_reconciliation(desk: Room) -> None:
    desk.reconcile(clean=None)


def a_new_alert(desk: Room) -> None:
    desk.fire("CircuitBreakerOpen")


def a_new_order(desk: Room) -> None:
    desk.floor.account.configure(suspend_trade=False)
    desk.floor.orders(1)
    desk.floor.account.configure(suspend_trade=True)


def an_old_reconciliation(desk: Room) -> None:
    desk.later(minutes=9.95)


def another_halt(desk: Room) -> None:
    desk.confirm(ActionKind.HALT)


@pytest.mark.parametrize(
    ("happens", "word"),
    [
        (a_new_break, "not clean: 3 breaks"),
        (a_failed_reconciliation, "not clean: Nothing was compared"),
        (a_new_alert, "CircuitBreakerOpen (SEV-1"),
        (a_new_order, "orders moved after"),
        (an_old_reconciliation, "old; at most"),
        (another_halt, "still under way: halt"),
    ],
)
def test_what_happens_between_asking_and_approving_refuses_with_its_reason(
    desk: Room, happens: Any, word: str
) -> None:
    desk.halted_and_reconciled()
    found = desk.ask()
    assert found.status is ApprovalStatus.WAITING
    happens(desk)
    found = desk.approve(found)
    assert found.status is ApprovalStatus.REFUSED
    assert found.decision is not None
    assert word in found.decision
    (told,) = desk.whispers
    assert told[0] == APPROVER
    assert word in told[1]
    assert "ResumeRefused" in desk.kinds
    assert desk.unended(ActionKind.RESUME) == []
    assert desk.state is TradingState.HALTED


@pytest.mark.parametrize("clean", [None, False])
def test_asking_is_refused_without_a_clean_reconciliation(desk: Room, clean: bool | None) -> None:
    desk.halt()
    assert desk.ask().status is ApprovalStatus.REFUSED
    desk.later(seconds=1)
    desk.reconcile(clean=clean)
    found = desk.ask()
    assert found.status is ApprovalStatus.REFUSED
    assert "not clean" in str(found.decision)
    assert "Reconcile the account, then ask again." in str(found.decision)


def test_a_clean_reconciliation_from_before_the_halt_does_not_count(desk: Room) -> None:
    desk.reconcile()
    desk.halt()
    found = desk.ask()
    assert found.status is ApprovalStatus.REFUSED
    assert "older than the halt" in str(found.decision)


def test_a_broker_that_does_not_tell_its_orders_delays_the_approval_and_approves_nothing(desk: Room) -> None:
    desk.halted_and_reconciled()
    found = desk.ask()
    desk.floor.simulator.faults.add("GET", "/orders", status=500)
    found = desk.approve(found)
    assert found.status is ApprovalStatus.WAITING
    assert "could not be learned" in desk.whispers[0][1]
    desk.floor.simulator.faults.clear()
    assert desk.approve(found).status is ApprovalStatus.APPROVED


def test_firing_alerts_are_overridden_only_with_a_reason_by_an_approver_and_on_record(desk: Room) -> None:
    desk.fire("CircuitBreakerOpen")
    desk.halted_and_reconciled()
    found = desk.ask(override="it is the alert's own fault", may_override=False)
    assert found.override is None
    decided = service.approve(desk.desk, found.id, APPROVER, MAY)
    assert [alert.name for alert in decided.to_override] == ["CircuitBreakerOpen"]
    assert desk.approval(found.id).status is ApprovalStatus.WAITING
    found = desk.approve(found, override="the breaker was reset by hand")
    assert found.status is ApprovalStatus.APPROVED
    assert found.override is not None
    assert found.override["by"] == APPROVER
    assert "AlertsOverridden" in desk.kinds
    assert "the breaker was reset by hand" in desk.shown(f"approval:{found.id}")


def test_an_override_does_not_cover_an_alert_that_fires_later(desk: Room) -> None:
    desk.fire("CircuitBreakerOpen")
    desk.halted_and_reconciled()
    found = desk.ask(by=OTHER, override="known", may_override=True)
    desk.fire("DataCorruption")
    found = desk.approve(found, override="known too")
    assert found.status is ApprovalStatus.REFUSED
    assert "DataCorruption" in str(found.decision)
    assert "CircuitBreakerOpen" not in str(found.decision)


def test_two_approvers_at_once_lead_to_one_action(desk: Room) -> None:
    desk.halted_and_reconciled()
    found = desk.ask()
    service.approve(desk.desk, found.id, APPROVER, MAY)
    second = service.approve(desk.desk, found.id, OTHER, MAY)
    assert second.refusal is not None
    desk.approver.run_once()
    desk.approver.run_once()
    assert len(desk.unended(ActionKind.RESUME)) == 1
    assert desk.approval(found.id).decided_by == APPROVER


def test_one_confirmation_sent_twice_is_one_request_and_a_second_one_waits_its_turn(desk: Room) -> None:
    desk.halted_and_reconciled()
    for _ in range(2):
        service.ask(desk.desk, ActionKind.RESUME, ["paper"], reason="r", by=OPERATOR, request_key="one")
    other = service.ask(desk.desk, ActionKind.RESUME, ["paper"], reason="r", by=OTHER, request_key="two")
    assert "waits" in str(other[0].refusal)
    with desk.database.read() as unit:
        assert len(store.open_of(unit, ActionKind.RESUME, "paper")) == 1


def test_rejected_and_taken_back_requests_do_nothing(desk: Room) -> None:
    desk.halted_and_reconciled()
    found = desk.ask()
    assert service.reject(desk.desk, found.id, OTHER, MAY_NOT).refusal
    assert service.reject(desk.desk, found.id, APPROVER, MAY).refusal is None
    assert desk.approve(found).status is ApprovalStatus.REJECTED
    desk.later(seconds=1)
    mine = desk.ask()
    assert service.reject(desk.desk, mine.id, OPERATOR, MAY_NOT).refusal is None
    assert "taken back" in str(desk.approval(mine.id).decision)
    assert desk.unended(ActionKind.RESUME) == []


def test_a_check_cut_off_by_a_crash_is_taken_up_again(desk: Room) -> None:
    desk.halted_and_reconciled()
    asked = service.ask(desk.desk, ActionKind.RESUME, ["paper"], reason="r", by=OPERATOR, request_key="k")
    number = asked[0].number
    assert number is not None
    with desk.database.begin() as unit:
        store.claim(unit, now=desk.desk.now(), until=desk.time.now())
    desk.later(seconds=20)
    desk.approver.run_once()
    assert desk.approval(number).status is ApprovalStatus.WAITING


def test_flatten_takes_the_whole_account_number_and_another_person(desk: Room) -> None:
    with desk.database.begin() as unit:
        assert "has not said" in str(number_matches(unit, "paper", "PA3F"))
    desk.halt()
    with desk.database.begin() as unit:
        accounts.read_at_broker(unit, "paper", account_number=desk.floor.account.number)
        assert "not the number" in str(number_matches(unit, "paper", desk.floor.account.number[:-1]))
        assert number_matches(unit, "paper", f" {desk.floor.account.number.lower()} ") is None
    found = desk.ask(ActionKind.FLATTEN)
    assert "flatten.approve" in desk.shown(f"approval:{found.id}")
    found = desk.approve(found)
    assert found.action_id is not None
    result = desk.run(found.action_id)
    assert result.status is ActionStatus.DONE, result.headline
    assert not desk.floor.account.positions
    assert desk.floor.account.suspended
    assert desk.state is TradingState.HALTED
    assert "Flat" in desk.shown(f"action:{found.action_id}")


def test_alerts_that_cleared_do_not_block(desk: Room) -> None:
    desk.fire("CircuitBreakerOpen")
    desk.halted_and_reconciled()
    with desk.database.begin() as unit:
        unit.connection.execute(update(alerts).values(status=AlertStatus.RESOLVED))
    assert desk.approve(desk.ask()).status is ApprovalStatus.APPROVED
