"""Reconciling: two counted sides or a failed run, never a clean one from half of the picture."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.brokerage import Position
from bot.domain.reconciliation import BadPosition, BreakKind, LedgerPosition, Thresholds, compare
from bot.domain.words import ActionKind, ActionStatus, Severity
from bot.ports.broker import BrokerTimeout
from bot.ports.ledger import LedgerTimeout
from bot.services.actions.figures import live_figures
from bot.services.actions.reconcile import run_reconcile
from tests.unit.actions.desk import TEN, Account, Books, asked, row, tools_for

THRESHOLDS = Thresholds()


def held(symbol: str, qty: str, price: str = "100", **fields: str) -> Position:
    return Position(symbol, Decimal(qty), Decimal(price), Decimal(price), asset_class=fields.get("kind", ""))


def test_the_same_on_both_sides_is_clean() -> None:
    found = compare([row("AAPL", "10"), row("MSFT", "-2.5")], [held("MSFT", "-2.5"), held("AAPL", "10")],
                    THRESHOLDS, TEN)  # fmt: skip
    assert found.clean
    assert not found.halt
    assert found.severity is None
    assert (found.counts.ledger, found.counts.broker, found.counts.matched) == (2, 2, 2)


def test_nothing_on_either_side_is_clean_because_both_answered() -> None:
    assert compare([], [], THRESHOLDS, TEN).clean


@pytest.mark.parametrize(
    ("ledger", "broker"),
    [
        ("BTC/USD", "BTCUSD"),
        ("btc-usd", "BTC/USD"),
        ("AAPL  240119C00100000", "AAPL240119C00100000"),
        ("brk.b", "BRK.B"),
        ("BRK-B", "BRK.B"),
    ],
)
def test_two_ways_to_write_a_symbol_are_one_position(ledger: str, broker: str) -> None:
    assert compare([row(ledger, "1")], [held(broker, "1")], THRESHOLDS, TEN).clean


def test_a_position_missing_at_the_broker_is_sev_1_and_halts() -> None:
    found = compare([row("AAPL", "2", "10")], [], THRESHOLDS, TEN)
    assert [item.kind for item in found.breaks] == [BreakKind.MISSING_AT_BROKER]
    assert found.impact == Decimal("20.00")
    assert found.severity is Severity.SEV1
    assert found.halt
    assert found.reasons == ("AAPL missing at the broker",)


def test_a_small_position_missing_in_the_ledger_is_sev_2_and_three_are_sev_1() -> None:
    one = compare([], [held("AAPL", "1")], THRESHOLDS, TEN)
    assert (one.severity, one.halt) == (Severity.SEV2, False)
    three = compare([], [held("AAPL", "1"), held("MSFT", "1"), held("TSLA", "1")], THRESHOLDS, TEN)
    assert (three.severity, three.halt) == (Severity.SEV1, True)


@pytest.mark.parametrize(
    ("ledger", "broker", "halts"),
    [("11", "10", False), ("11.1", "10", True), ("-10", "10", True), ("9", "10", False), ("8.9", "10", True)],
)
def test_a_quantity_off_by_more_than_ten_percent_halts(ledger: str, broker: str, halts: bool) -> None:
    found = compare([row("AAPL", ledger, "1")], [held("AAPL", broker, "1")], THRESHOLDS, TEN)
    assert [item.kind for item in found.breaks] == [BreakKind.QUANTITY]
    assert found.halt is halts


def test_an_impact_over_1000_halts_and_1000_itself_does_not() -> None:
    at = compare([row("SPY", "100")], [held("SPY", "110")], THRESHOLDS, TEN)
    over = compare([row("SPY", "100")], [held("SPY", "110", "100.01")], THRESHOLDS, TEN)
    assert (at.impact, at.halt) == (Decimal("1000.00"), False)
    assert over.halt
    assert "over $1,000.00" in over.reasons[0]


def test_an_option_contract_stands_for_a_hundred_shares() -> None:
    found = compare([row("AAPL240119C00100000", "1", "5")], [held("AAPL240119C00100000", "3", "5")],
                    THRESHOLDS, TEN)  # fmt: skip
    assert found.impact == Decimal("1000.00")


def test_a_price_mismatch_is_a_break_with_its_money() -> None:
    found = compare([row("AAPL", "10", "102")], [held("AAPL", "10", "100")], THRESHOLDS, TEN)
    assert [item.kind for item in found.breaks] == [BreakKind.PRICE]
    assert found.impact == Decimal("20.00")
    assert found.severity is Severity.SEV2
    assert compare([row("AAPL", "10", "101")], [held("AAPL", "10", "100")], THRESHOLDS, TEN).clean


def test_a_stale_row_is_not_clean_and_halts_nothing() -> None:
    found = compare([row("AAPL", "10", age_hours=25)], [held("AAPL", "10")], THRESHOLDS, TEN)
    assert [item.kind for item in found.breaks] == [BreakKind.STALE]
    assert (found.clean, found.severity, found.halt) == (False, Severity.SEV3, False)


def test_rows_of_two_strategies_are_one_position_at_their_weighted_price() -> None:
    rows = [row("AAPL", "10", "100"), row("AAPL", "30", "104")]
    assert compare(rows, [held("AAPL", "40", "103")], THRESHOLDS, TEN).clean


def test_a_closed_row_is_no_position() -> None:
    found = compare([row("AAPL", "0", age_hours=1000)], [], THRESHOLDS, TEN)
    assert found.clean
    assert found.counts.ledger == 0


def test_symbols_of_the_broker_that_cannot_be_told_apart_fail_the_comparison() -> None:
    with pytest.raises(BadPosition, match=r"BRK-B and BRK\.B"):
        compare([], [held("BRK.B", "1"), held("BRK-B", "1")], THRESHOLDS, TEN)


@pytest.mark.parametrize(
    ("qty", "at"), [(Decimal("NaN"), TEN), (Decimal(1), TEN.replace(tzinfo=None)), (Decimal("Infinity"), TEN)]
)
def test_a_bad_row_is_named(qty: Decimal, at: datetime) -> None:
    with pytest.raises(BadPosition, match="AAPL"):
        LedgerPosition("AAPL", qty, None, at)


quantities = st.decimals("-1000", "1000", places=4)


@given(
    st.dictionaries(st.sampled_from("ABCDEFGH"), quantities),
    st.dictionaries(st.sampled_from("ABCDEFGH"), quantities),
)
def test_clean_exactly_when_every_quantity_agrees(
    ours: dict[str, Decimal], theirs: dict[str, Decimal]
) -> None:
    rows = [LedgerPosition(symbol, qty, Decimal(7), TEN) for symbol, qty in ours.items()]
    positions = [Position(symbol, qty, Decimal(7), Decimal(7)) for symbol, qty in theirs.items()]
    found = compare(rows, positions, THRESHOLDS, TEN)
    live = {symbol: qty for symbol, qty in ours.items() if qty}
    assert found.clean is (live == {symbol: qty for symbol, qty in theirs.items() if qty})
    assert found.impact >= 0
    assert found.halt is bool(found.reasons)
    assert found.halt is (found.severity is Severity.SEV1)


def test_a_run_with_breaks_is_done_and_its_headline_says_so() -> None:
    desk = Account()
    desk.hold("AAPL", "10", "190")
    result = run_reconcile(asked(ActionKind.RECONCILE), tools_for(desk, Books([row("AAPL", "22.1", "190")])))
    run = json.loads(json.dumps(result.evidence))["run"]
    assert result.status is ActionStatus.DONE
    assert result.headline.startswith("1 break, impact $2,299.00: SEV-1")
    assert run["breaks"][0]["ledger_qty"] == "22.1"
    assert (run["clean"], run["severity"], run["halt"]) == (False, "SEV-1", True)
    assert run["impact"] == "2299.00"


def test_a_clean_run_counts_both_sides() -> None:
    desk = Account()
    desk.hold("AAPL", "10")
    result = run_reconcile(asked(ActionKind.RECONCILE), tools_for(desk, Books([row("AAPL", "10")])))
    assert result.status is ActionStatus.DONE
    assert result.headline == "Clean: 1 in the ledger, 1 at the broker, no break above tolerance."
    assert result.evidence["run"]["clean"] is True


def test_a_silent_ledger_fails_the_run_though_the_broker_is_empty_too() -> None:
    books = Books(error=LedgerTimeout("ledger did not answer in 5 s"))
    result = run_reconcile(asked(ActionKind.RECONCILE), tools_for(Account(), books))
    assert result.status is ActionStatus.FAILED
    assert result.headline == "Positions could not be compared: ledger did not answer in 5 s."
    assert result.evidence["run"]["clean"] is False


def test_a_silent_broker_fails_the_run_though_the_ledger_is_empty_too() -> None:
    desk = Account()
    desk.fail("list_positions", BrokerTimeout("list positions", "no answer in 5 s", may_have_acted=True))
    result = run_reconcile(asked(ActionKind.RECONCILE), tools_for(desk, Books()))
    assert result.status is ActionStatus.FAILED
    assert "the broker did not give its positions (no answer in 5 s)" in result.headline
    assert result.evidence["run"]["clean"] is False


def test_without_a_ledger_the_run_fails_and_says_what_to_set() -> None:
    result = run_reconcile(asked(ActionKind.RECONCILE), tools_for(Account()))
    assert result.status is ActionStatus.FAILED
    assert result.next_step is not None
    assert "LEDGER_URL" in result.next_step


def test_the_desk_sets_its_own_limits() -> None:
    strict = replace(THRESHOLDS, impact_limit=Decimal(10), stale_after=timedelta(minutes=1))
    found = compare(
        [row("AAPL", "10.5")], [held("AAPL", "10")], strict, datetime(2026, 11, 20, 15, tzinfo=UTC)
    )
    assert found.halt
    assert [item.kind for item in found.breaks] == [BreakKind.QUANTITY, BreakKind.STALE]


def test_the_modal_shows_what_could_be_had_and_why_the_rest_could_not() -> None:
    desk = Account()
    desk.hold("MSFT", "5")
    desk.open(2, "MSFT", side="sell", type="stop", stop_price=Decimal(380))
    desk.fail("read_clock", BrokerTimeout("clock", "no answer in 2.5 s", may_have_acted=True))
    figures = live_figures(desk, Books([row("MSFT", "5")]), now=datetime(2026, 11, 20, 15, tzinfo=UTC))
    assert (figures.open_orders, figures.positions, figures.ledger_positions) == (2, 1, 1)
    assert figures.protective_stops == ("MSFT sell stop 10 @ 380",) * 2
    assert figures.suspended is False
    assert figures.market_open is None
    assert figures.error == "market hours not learned: no answer in 2.5 s"
