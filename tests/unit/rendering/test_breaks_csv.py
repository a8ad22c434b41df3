"""The file of all breaks: worst first, figures as figures, and nothing in it that a spreadsheet would run."""

import csv
import io

import pytest

from bot.domain.words import ActionKind, ActionStatus
from bot.rendering.breaks_csv import breaks_csv, safe_cell
from bot.rendering.evidence import read
from bot.rendering.limits import MESSAGE_CHARACTERS, size
from bot.rendering.render import Renderer
from tests.unit.rendering.desk_views import halt, run, words


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(1)",
        "\t=1",
        "\r\n=1",
        " =1",
        "\uff1dcmd",
        "-",
        "\u200b=1",
        "|x",
    ],
)
def test_a_cell_that_would_run_is_text(cell: str) -> None:
    safe = safe_cell(cell)
    assert safe.startswith("'")
    assert "\n" not in safe


@pytest.mark.parametrize("cell", ["-12.5", "0.000001", "AAPL", "BTC/USD", "", "10"])
def test_figures_and_symbols_stay_as_they_are(cell: str) -> None:
    assert safe_cell(cell) == cell


def test_worst_first_and_what_has_no_price_before_all() -> None:
    lines = [
        {
            "kind": "quantity mismatch",
            "symbol": "A",
            "ledger_qty": "-1",
            "broker_qty": None,
            "impact": "5.00",
        },
        {
            "kind": "quantity mismatch",
            "symbol": "=B()",
            "ledger_qty": "2",
            "broker_qty": "3",
            "impact": "700.00",
        },
        {"kind": "quantity mismatch", "symbol": "C", "ledger_qty": "2", "broker_qty": "3", "impact": None},
    ]
    found = read({"run": {"breaks": lines}}).run
    assert found is not None
    rows = list(csv.reader(io.StringIO(breaks_csv(found.breaks).decode("utf-8-sig"))))
    assert [row[0] for row in rows] == ["symbol", "C", "'=B()", "A"]
    assert rows[3][2:5] == ["-1", "", "5.00"]


def shown(evidence: dict[str, object]) -> tuple[str, int, int]:
    message = Renderer().action(
        halt(kind=ActionKind.RECONCILE, status=ActionStatus.DONE, unconfirmed=(), evidence={"run": evidence})
    )
    rows = [len(block["rows"]) - 1 for block in message.blocks if block["type"] == "table"]
    assert size(message.blocks) <= MESSAGE_CHARACTERS
    return words(message.blocks), sum(rows), len(message.blocks)


def test_no_break_three_and_five_hundred_read_well() -> None:
    text, rows, _ = shown(run(0))
    assert "*Clean: no break*" in text
    assert rows == 0
    text, rows, _ = shown(run(3, "AAPL: the ledger has 10, the broker has none ($2,300.00)."))
    assert rows == 3
    assert "the ledger has 10, the broker has none" in text
    text, rows, _ = shown(run(500))
    assert rows == 30
    assert "and 470 more breaks, less grave: all are in the CSV file in this thread" in text


def test_the_longest_of_everything_still_fits_with_its_table() -> None:
    long = {**run(500, "x" * 500, "Y" * 200), "notes": ["n" * 400] * 3, "reasons": ["r" * 300] * 9}
    _, rows, _ = shown(long)
    assert rows == 30
