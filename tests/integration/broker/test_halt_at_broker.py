"""A halt of 120 orders at the stand-in broker, over HTTP with the real adapter, to its proof."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bot.adapters.alpaca import AlpacaBroker
from bot.domain.words import ActionKind, ActionStatus
from bot.services.actions import cancel, halt
from bot.services.actions.figures import live_figures
from bot.services.actions.reconcile import run_reconcile
from tests.integration.broker.floor import PATIENT, Floor, floor


@pytest.fixture
def desk() -> Iterator[Floor]:
    with floor(PATIENT) as stage:
        yield stage


def test_118_of_120_go_and_two_are_named_and_watched_until_they_are_gone(desk: Floor) -> None:
    orders = desk.orders(120)
    desk.account.stick(orders[7])
    desk.account.refuse(orders[90], 500)
    result = halt.run_halt(desk.asked(ActionKind.HALT), desk.tools)

    assert result.status is ActionStatus.WATCHING
    assert "halted" not in result.headline.lower()
    assert "118 of 120 orders gone, 2 unconfirmed" in result.headline
    why = {order.id: order.why for order in result.unconfirmed}
    assert set(why) == {orders[7], orders[90]}
    assert why[orders[7]] == "pending cancel"
    assert why[orders[90]].startswith("broker error 500")
    assert desk.account.suspended
    assert result.evidence["asked"] == 120
    # Read beside the halt, and not waited for: it says whether it came first.
    assert {"configuration_before", "configuration_suspended"} & set(result.evidence)
    assert result.reading is not None
    assert result.reading.open_orders == 2
    assert result.reading.account_number == desk.account.number

    desk.account.accept(orders[90])
    result = halt.look_again(desk.asked(ActionKind.HALT), desk.tools, result.evidence)
    assert [order.id for order in result.unconfirmed] == [orders[7]]

    desk.account.release(orders[7])
    for _ in range(3):  # the broker lets it go when it lets it go
        if result.status is ActionStatus.DONE:
            break
        result = halt.look_again(desk.asked(ActionKind.HALT), desk.tools, result.evidence)
    assert result.status is ActionStatus.DONE
    assert result.headline.startswith("Halted: suspended, all 120 orders gone")
    assert desk.is_halted


def test_suspension_and_cancel_arrive_without_waiting_for_each_other(desk: Floor) -> None:
    """While the broker holds the suspension back, the cancel has already taken effect."""
    desk.orders(3)
    seen_gone: list[bool] = []

    def held_back(_: object) -> None:
        desk.simulator.wait_for(lambda: not desk.account.open_orders)
        seen_gone.append(True)

    desk.simulator.on_request(1, held_back, method="PATCH", path="/v2/account/configurations")
    result = halt.run_halt(desk.asked(ActionKind.HALT), desk.tools)
    assert seen_gone == [True]
    assert result.status is ActionStatus.DONE


def test_an_order_that_fills_instead_of_going_shows_as_a_changed_position(desk: Floor) -> None:
    order = desk.account.add_order("AAPL", "buy", 2, limit_price=190)
    desk.account.fill_on_cancel(order.id)
    desk.account.add_order("MSFT", "sell", 5, "stop", stop_price=380)
    result = halt.run_halt(desk.asked(ActionKind.HALT), desk.tools)
    assert result.status is ActionStatus.DONE
    assert result.evidence["lost_stops"] == ["MSFT sell stop 5 @ 380"]
    assert result.evidence["positions_after"]["AAPL"] == "12"


def test_a_setting_that_the_account_does_not_show_is_no_suspension(desk: Floor) -> None:
    desk.account.shown_suspended = False
    result = halt.run_halt(desk.asked(ActionKind.HALT), desk.tools)
    assert result.status is ActionStatus.WATCHING
    assert "halted" not in result.headline.lower()


def test_a_revoked_key_claims_nothing_and_says_what_to_do(desk: Floor) -> None:
    desk.orders(3)
    desk.account.revoked = True
    result = halt.run_halt(desk.asked(ActionKind.HALT), desk.tools)
    assert result.status is ActionStatus.WATCHING
    assert "not known" in result.headline
    assert "refused (401)" in result.headline
    assert desk.account.secret not in str(result)


def test_a_halt_taken_up_after_a_crash_sends_only_what_is_still_needed(desk: Floor) -> None:
    halt.run_halt(desk.asked(ActionKind.HALT), desk.tools)
    desk.simulator.forget_requests()
    result = halt.run_halt(desk.asked(ActionKind.HALT, resumed=True), desk.tools)
    assert result.status is ActionStatus.DONE
    assert {request.method for request in desk.simulator.requests} == {"GET"}


def test_more_orders_than_two_pages_are_all_cancelled(desk: Floor) -> None:
    desk.orders(1100)
    assert len(desk.broker.list_open_orders().orders) == 1100
    result = cancel.run_cancel(desk.asked(ActionKind.CANCEL), desk.tools)
    assert result.status is ActionStatus.DONE
    assert "all 1100 orders gone" in result.headline
    assert not desk.account.suspended


def test_reconciling_finds_the_break_with_its_money(desk: Floor) -> None:
    assert run_reconcile(desk.asked(ActionKind.RECONCILE), desk.tools).evidence["run"]["clean"] is True
    desk.account.remove_position("MSFT")
    result = run_reconcile(desk.asked(ActionKind.RECONCILE), desk.tools)
    assert result.evidence["run"]["severity"] == "SEV-1"
    assert Decimal(result.evidence["run"]["impact"]) == Decimal(2000)


def test_the_modal_gets_its_figures_and_the_connections_are_warm_for_the_halt(desk: Floor) -> None:
    desk.account.add_order("MSFT", "sell", 5, "stop", stop_price=380)
    figures = live_figures(desk.broker, desk.ledger, now=datetime.now(UTC))
    assert (figures.open_orders, figures.positions, figures.ledger_positions) == (1, 2, 2)
    assert figures.protective_stops == ("MSFT sell stop 5 @ 380",)
    assert figures.market_open is True
    assert figures.suspended is False
    assert figures.account_number == desk.account.number
    assert figures.error is None


def test_an_account_without_a_broker_behind_it_gives_figures_with_reasons() -> None:
    with floor() as stage:
        url = stage.simulator.url
    figures = live_figures(AlpacaBroker("gone", "PK", "secret", url, paper=True), None, now=datetime.now(UTC))
    assert figures.open_orders is None
    assert set(figures.errors) == {"open orders", "positions", "account", "suspension", "market hours"}
