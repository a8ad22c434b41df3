"""What an account is said to be has the time of a whole reading; a resume restores what the desk itself had set."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain.actions import ActionResult, BrokerReading
from bot.domain.words import ActionKind, ActionStatus, TradingState
from bot.engine.figures import FiguresFetcher
from bot.ports.broker import BrokerTimeout
from bot.rendering.models import AccountFigures
from bot.services.drift import DriftWatch
from bot.services.queries import trading_states
from bot.services.thread import root_key
from bot.services.views import account_lines
from bot.store import accounts
from bot.store.accounts import AccountRecord
from tests.integration.resume.approving import Room, room
from tests.unit.actions.desk import Account


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Room]:
    with room(database_url, tmp_path) as found:
        yield found


def known(desk: Room) -> AccountRecord:
    with desk.database.read() as unit:
        found = accounts.get(unit, "paper")
    assert found is not None
    return found


def ended(
    desk: Room,
    status: ActionStatus,
    suspended: bool | None,
    open_orders: int | None,
    evidence: dict[str, Any] | None = None,
) -> ActionResult:
    reading = BrokerReading(desk.desk.now(), suspended, open_orders, "PA3FHALT0001")
    return ActionResult(status, "where it stands", evidence=evidence or {}, reading=reading)


def proved(desk: Room) -> None:
    """Halted and proved; then an hour passes."""
    number = desk.confirm(ActionKind.HALT)
    desk.run(number, outcome=ended(desk, ActionStatus.DONE, True, 0))
    desk.later(hours=1)


def open_modal(desk: Room, broker: Account) -> AccountFigures:
    with desk.database.read() as unit:
        (line,) = account_lines(unit, desk.desk)
    return FiguresFetcher(desk.desk, lambda name: broker)(AccountFigures(account=line, loading=True))


def test_a_fresh_halt_of_a_halted_account_that_the_broker_says_nothing_to_is_not_proved(desk: Room) -> None:
    proved(desk)
    at = known(desk).verified_at
    assert "*HALTED* — suspended, 0 live orders, proved" in desk.shown(root_key(1))

    again = desk.confirm(ActionKind.HALT)
    desk.run(again, outcome=ended(desk, ActionStatus.WATCHING, None, None))
    shown = desk.shown(root_key(1))
    assert "stop ordered, not proved" in shown
    assert "suspension not known" in shown
    assert "*HALTED*" not in shown
    (state,) = trading_states(desk.desk)
    assert state["position_multiplier"] == 0
    assert at is not None
    assert state["broker"] == {"verified_at": at.isoformat(), "suspended": None, "open_orders": None}

    desk.later(seconds=20)
    desk.run(again, outcome=ended(desk, ActionStatus.DONE, True, 0))
    assert known(desk).verified_at == desk.desk.now()
    assert "*HALTED* — suspended, 0 live orders, proved" in desk.shown(root_key(1))


def test_a_fresh_halt_that_breaks_off_leaves_no_proof_either(desk: Room) -> None:
    proved(desk)
    broken_off = ActionResult(ActionStatus.WATCHING, "broke off on an error in Haltdesk")
    desk.run(desk.confirm(ActionKind.HALT), outcome=broken_off)
    assert "stop ordered, not proved" in desk.shown(root_key(1))


def test_what_a_fresh_halt_did_learn_is_kept_without_a_time_of_its_own(desk: Room) -> None:
    proved(desk)
    at = known(desk).verified_at
    desk.run(desk.confirm(ActionKind.HALT), outcome=ended(desk, ActionStatus.WATCHING, False, None))
    found = known(desk)
    assert (found.suspended, found.open_orders, found.verified_at) == (False, None, at)


@pytest.mark.parametrize("kind", [ActionKind.CANCEL, ActionKind.RESUME, ActionKind.FLATTEN])
def test_half_a_reading_of_another_action_does_not_move_the_time_of_the_proof(
    desk: Room, kind: ActionKind
) -> None:
    proved(desk)
    at = known(desk).verified_at
    halves = (None, 0) if kind is ActionKind.CANCEL else (True, None)
    desk.run(desk.confirm(kind), outcome=ended(desk, ActionStatus.FAILED, *halves))
    found = known(desk)
    assert (found.suspended, found.open_orders, found.verified_at) == (True, 0, at)


def test_a_modal_in_which_only_the_account_answered_does_not_move_the_time_of_the_proof(desk: Room) -> None:
    proved(desk)
    at = known(desk).verified_at
    broker = Account()
    broker.configuration["suspend_trade"] = True
    for call in ("list_open_orders", "read_configuration", "list_positions", "read_clock"):
        broker.fail(call, BrokerTimeout(call, "no answer in 2.5 s", may_have_acted=False))
    figures = open_modal(desk, broker)
    assert known(desk).verified_at == at
    assert (figures.open_orders, figures.account.suspended) == (None, None)


def test_a_modal_that_read_all_of_it_moves_the_time(desk: Room) -> None:
    proved(desk)
    broker = Account()
    broker.configuration["suspend_trade"] = True
    open_modal(desk, broker)
    assert known(desk).verified_at == desk.desk.now()


@pytest.mark.parametrize("reader", ["cancel", "modal", "drift watch"])
def test_orders_that_half_a_reading_shows_gone_prove_no_halt(desk: Room, reader: str) -> None:
    """Three orders live on the halted account at 16:00; at 16:10 they are gone, and the flags are not read."""
    proved(desk)
    broker = Account()
    broker.configuration["suspend_trade"] = True
    broker.open(3)
    open_modal(desk, broker)
    assert "stop ordered, not proved" in desk.shown(root_key(1))

    desk.later(minutes=10)
    broker.let_go(*broker.orders)
    broker.fail(
        "read_account", BrokerTimeout("read_account", "no answer in 2.5 s", may_have_acted=False), times=1
    )
    if reader == "cancel":
        desk.run(desk.confirm(ActionKind.CANCEL), outcome=ended(desk, ActionStatus.DONE, None, 0))
    elif reader == "modal":
        open_modal(desk, broker)
    else:
        DriftWatch(desk.desk, {"paper": broker}, lambda: False).run_once()  # type: ignore[dict-item]
    assert "stop ordered, not proved* — suspended, 3 live orders" in desk.shown(root_key(1))

    broker.mend()
    open_modal(desk, broker)
    assert "*HALTED* — suspended, 0 live orders, proved" in desk.shown(root_key(1))


MARCH = {"suspend_trade": False, "max_margin_multiplier": "4"}
APRIL = {"suspend_trade": False, "max_margin_multiplier": "2"}


def halted(desk: Room, status: ActionStatus, evidence: dict[str, Any]) -> None:
    """One halt, whatever came of it, and the half minute after it."""
    desk.run(desk.confirm(ActionKind.HALT), outcome=ended(desk, status, True, 0, evidence))
    desk.later(seconds=30)


def test_a_halt_saves_what_the_desk_has_set_since_a_halt_that_was_never_resumed_from(desk: Room) -> None:
    """A halt in March was never proved, and somebody lifted its suspension at the broker. In April the desk allows less
    margin; then comes a real halt. What its resume restores is April's."""
    halted(desk, ActionStatus.UNKNOWN, {"configuration_before": MARCH})
    assert desk.state is TradingState.NORMAL
    assert known(desk).configuration_before == MARCH
    desk.later(days=20)
    halted(desk, ActionStatus.DONE, {"configuration_before": APRIL})
    assert desk.state is TradingState.HALTED
    assert known(desk).configuration_before == APRIL


def test_a_configuration_that_was_read_while_suspended_does_not_replace_one_from_before(desk: Room) -> None:
    halted(desk, ActionStatus.UNKNOWN, {"configuration_before": MARCH})
    halted(desk, ActionStatus.DONE, {"configuration_suspended": {**APRIL, "suspend_trade": True}})
    assert known(desk).configuration_before == MARCH


def test_a_halt_while_partly_resumed_keeps_what_was_before_the_first(desk: Room) -> None:
    """Restricted has tightened the account: that is Haltdesk's own setting, and not to be restored."""
    before = dict(desk.floor.account.configuration)
    halted(desk, ActionStatus.DONE, {"configuration_before": before})
    desk.floor.account.configure(suspend_trade=True)
    desk.reconcile()
    desk.resume()
    assert desk.state is TradingState.RESTRICTED
    tightened = dict(desk.floor.account.configuration)
    assert tightened != before
    halted(desk, ActionStatus.DONE, {"configuration_before": tightened})
    assert known(desk).configuration_before == before


def test_a_halt_that_strikes_a_resume_before_its_state_is_on_record_keeps_what_was_before(desk: Room) -> None:
    """Suspended only, so normal on record; the resume has tightened the account and lifted it when the halt comes."""
    before = dict(desk.floor.account.configuration)
    halted(desk, ActionStatus.UNKNOWN, {"configuration_before": before})
    desk.floor.account.configure(suspend_trade=True)
    desk.reconcile()
    approved = desk.approve(desk.ask())
    assert approved.action_id is not None, approved.decision
    action = desk.action(approved.action_id)
    desk._perform(action, action.request(resumed=False))
    tightened = dict(desk.floor.account.configuration)
    assert tightened["suspend_trade"] is False
    assert desk.state is TradingState.NORMAL
    halted(desk, ActionStatus.DONE, {"configuration_before": tightened})
    assert known(desk).configuration_before == before
