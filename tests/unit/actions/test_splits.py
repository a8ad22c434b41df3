"""A stock split that the ledger has not entered: told as a split, never clean, no reason to halt."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from bot.domain.splits import Split
from bot.domain.words import ActionKind, ActionStatus, StepStatus
from bot.ports.broker import BrokerTimeout
from bot.services.actions.reconcile import run_reconcile
from bot.services.actions.tools import ActionTools
from tests.unit.actions.desk import TEN, Account, Books, Notebook, asked, row, tools_for

TODAY = TEN.date()  # 10:00 in New York


def split(new: str, old: str, on: date = TODAY, symbol: str = "AAPL") -> Split:
    return Split(symbol, Decimal(old), Decimal(new), on)


def desk_with(*splits: Split, qty: str, price: str) -> Account:
    desk = Account()
    desk.hold("AAPL", qty, price)
    desk.splits.extend(splits)
    return desk


def compared(tools: ActionTools) -> tuple[str, dict[str, object]]:
    result = run_reconcile(asked(ActionKind.RECONCILE), tools)
    assert result.status is ActionStatus.DONE
    return result.headline, dict(result.evidence["run"])


@pytest.mark.parametrize(
    ("new", "old", "before", "after"),
    [
        ("2", "1", ("10", "500"), ("20", "250")),
        ("4", "1", ("-3", "400"), ("-12", "100")),
        ("1", "10", ("100", "1.5"), ("10", "15")),
        ("3", "2", ("10", "300"), ("15", "200")),
        ("1", "3", ("10", "30"), ("3.333333333", "90")),
    ],
)
def test_a_split_since_the_row_was_written_is_told_and_halts_nothing(
    new: str, old: str, before: tuple[str, str], after: tuple[str, str]
) -> None:
    desk = desk_with(split(new, old), qty=after[0], price=after[1])
    headline, run = compared(tools_for(desk, Books([row("AAPL", *before, age_hours=20)])))
    assert f"split {new}:{old} on 2026-11-20 not yet in the ledger" in headline
    assert headline.startswith("Not clean: ")
    assert [item["kind"] for item in run["breaks"]] == ["split not in the ledger"]  # type: ignore[attr-defined]
    assert (run["clean"], run["halt"], run["severity"]) == (False, False, "SEV-3")
    assert run["impact"] == "0.00"


def test_two_splits_count_together() -> None:
    desk = desk_with(split("2", "1", TODAY - timedelta(days=1)), split("3", "1"), qty="60", price="100")
    headline, run = compared(tools_for(desk, Books([row("AAPL", "10", "600", age_hours=60)])))
    assert "splits 2:1 on 2026-11-19 and 3:1 on 2026-11-20 not yet in the ledger" in headline
    # The row is stale as well, which is told beside it.
    assert len(run["breaks"]) == 2  # type: ignore[arg-type]
    assert run["halt"] is False


@pytest.mark.parametrize(
    ("why", "qty", "price", "ledger_price", "age_hours", "on"),
    [
        ("the quantity does not fit", "19", "250", "500", 20, TODAY),
        ("the price does not fit", "20", "400", "500", 20, TODAY),
        ("the ledger gives no price", "20", "250", None, 20, TODAY),
        ("the row was written after the open of that day", "20", "250", "500", 0.1, TODAY),
        ("the split is older than the row", "20", "250", "500", 20, TODAY - timedelta(days=3)),
        ("the split is still to come", "20", "250", "500", 20, TODAY + timedelta(days=1)),
    ],
)
def test_what_a_split_does_not_explain_stays_a_break_and_halts(
    why: str, qty: str, price: str, ledger_price: str | None, age_hours: float, on: date
) -> None:
    desk = desk_with(split("2", "1", on), qty=qty, price=price)
    _, run = compared(tools_for(desk, Books([row("AAPL", "10", ledger_price, age_hours=age_hours)])))
    assert run["breaks"][0]["kind"] == "quantity mismatch", why  # type: ignore[index]
    assert run["halt"] is True, why


def test_another_break_beside_the_split_is_judged_as_ever() -> None:
    desk = desk_with(split("2", "1"), qty="20", price="250")
    books = Books([row("AAPL", "10", "500", age_hours=20), row("MSFT", "5", "380")])
    _, run = compared(tools_for(desk, books))
    assert (run["halt"], run["severity"], run["impact"]) == (True, "SEV-1", "1900.00")
    assert run["reasons"] == ["MSFT missing at the broker", "impact $1,900.00 over $1,000.00"]


def test_rows_of_two_strategies_of_which_one_has_the_split_already() -> None:
    desk = desk_with(split("2", "1"), qty="30", price="250")
    books = Books([row("AAPL", "10", "500", age_hours=20), row("AAPL", "10", "250", age_hours=0.1)])
    headline, run = compared(tools_for(desk, books))
    assert "split 2:1" in headline
    assert run["halt"] is False


def test_without_the_brokers_splits_the_break_stands_and_the_report_says_so() -> None:
    desk = desk_with(split("2", "1"), qty="20", price="250")
    desk.fail("read_splits", BrokerTimeout("read the splits", "no answer in 5 s", may_have_acted=False))
    tools = tools_for(desk, Books([row("AAPL", "10", "500", age_hours=20)]))
    _, run = compared(tools)
    assert run["halt"] is True
    assert "Splits could not be looked up (no answer in 5 s)" in run["notes"][0]  # type: ignore[index]
    assert isinstance(tools.record, Notebook)
    assert tools.record.last("splits")[0] is StepStatus.FAILED


def test_nobody_is_asked_when_the_quantities_agree_or_are_no_shares() -> None:
    desk = Account()
    desk.hold("MSFT", "5")
    desk.hold("BTCUSD", "2", "100", asset_class="crypto")
    run_reconcile(
        asked(ActionKind.RECONCILE), tools_for(desk, Books([row("MSFT", "5"), row("BTC/USD", "1")]))
    )
    assert "read_splits" not in desk.calls
