"""All breaks of a reconciliation as a CSV file for a spreadsheet: worst first, and no cell that runs as a formula."""

import csv
import io
import re
from collections.abc import Iterable

from bot.rendering.evidence import Break

HEADINGS = ("symbol", "break", "ledger_qty", "broker_qty", "impact_usd", "text")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
# What spreadsheets take for the beginning of a formula, full-width forms included. Source: OWASP, CSV injection.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "|", "%")


def breaks_csv(breaks: Iterable[Break]) -> bytes:
    """UTF-8 with a byte order mark, which is how spreadsheets know it. Figures that were not given are empty."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(HEADINGS)
    for item in breaks:
        impact = "" if item.impact is None else str(item.impact)
        cells = (item.symbol, item.kind, _given(item.ledger_qty), _given(item.broker_qty), impact, item.text)
        writer.writerow([safe_cell(cell) for cell in cells])
    return out.getvalue().encode("utf-8-sig")


def safe_cell(text: str) -> str:
    """The text on one line, with an apostrophe before what would run. A plain number stays a number."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    if _NUMBER.fullmatch(line) or not line.startswith(_FORMULA):
        return line
    return f"'{line}"


def _given(quantity: str) -> str:
    return "" if quantity == "\u2013" else quantity
