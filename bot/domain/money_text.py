"""Reads amounts of money out of labels and annotations: "2300", "$2,300", "over $1K", "1.2 million USD"."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_SCALES = {
    "": Decimal(1),
    "k": Decimal(1_000),
    "thousand": Decimal(1_000),
    "m": Decimal(1_000_000),
    "mm": Decimal(1_000_000),
    "mn": Decimal(1_000_000),
    "million": Decimal(1_000_000),
    "b": Decimal(1_000_000_000),
    "bn": Decimal(1_000_000_000),
    "billion": Decimal(1_000_000_000),
}
_NUMBER = r"(?P<number>\d[\d,]{0,30}(?:\.\d{1,20})?(?:e[+-]?\d{1,3})?)"
_SCALE = r"(?:\s?(?P<scale>thousand|million|billion|mm|mn|bn|k|m|b)(?![a-z]))?"
_MORE = (
    r"(?P<more>(?:over|above|exceed(?:s|ed|ing)?|(?:more|greater|larger|higher) than|>)"
    r"\s*(?:the\s+)?(?:limit\s+of\s+)?)?"
)
_MARKED = re.compile(rf"{_MORE}[-+]?(?:us)?(?:\$|usd)\s?[-+]?{_NUMBER}{_SCALE}", re.IGNORECASE)
_AFTER = re.compile(rf"{_MORE}(?<![\d,.$])[-+]?{_NUMBER}{_SCALE}\s?(?:usd|dollars?)\b", re.IGNORECASE)
_BARE = re.compile(rf"[-+]?(?:us)?(?:\$|usd)?\s?[-+]?{_NUMBER}{_SCALE}\s?(?:usd|dollars?)?", re.IGNORECASE)
_INFINITE = re.compile(r"[-+]?inf(?:inity)?", re.IGNORECASE)
_LONGEST_TEXT = 10_000


@dataclass(frozen=True)
class Amount:
    """An amount without its sign, in dollars, from the field `source`. `more`: the text says "over" it."""

    value: Decimal
    source: str
    more: bool = False

    def exceeds(self, limit: Decimal) -> bool:
        return self.value > limit or (self.more and self.value == limit)

    @property
    def text(self) -> str:
        if not self.value.is_finite():
            return "an endless amount"
        shown = f"{self.value:,.2f}" if self.value < Decimal(10) ** 15 else f"{self.value:.2e}"
        return f"{'over ' if self.more else ''}${shown.removesuffix('.00')}"


def largest_amount(
    named: Mapping[str, str], texts: Mapping[str, str], *, apart_from: Decimal | None = None
) -> Amount | None:
    """The largest amount: `named` values are money even when bare, `texts` only where they write it as money.

    `apart_from` is a limit: a text that writes exactly that amount, and not "over" it, quotes the limit.
    """
    found = [amount for source, text in named.items() if (amount := _whole(text, source))]
    for source, text in texts.items():
        found += [a for a in _marked(text, source) if a.more or a.value != apart_from]
    return max(found, key=lambda amount: (amount.value, amount.more), default=None)


def _whole(text: str, source: str) -> Amount | None:
    stripped = text[:_LONGEST_TEXT].strip()
    if _INFINITE.fullmatch(stripped):
        return Amount(Decimal("Infinity"), source)
    match = _BARE.fullmatch(stripped)
    return _read(match, source) if match else None


def _marked(text: str, source: str) -> Iterator[Amount]:
    for pattern in (_MARKED, _AFTER):
        for match in pattern.finditer(text[:_LONGEST_TEXT]):
            amount = _read(match, source)
            if amount is not None:
                yield amount


def _read(match: re.Match[str], source: str) -> Amount | None:
    parts = match.groupdict()
    try:
        number = Decimal(parts["number"].replace(",", ""))
    except InvalidOperation:
        return None
    return Amount(number * _SCALES[(parts["scale"] or "").lower()], source, more=bool(parts.get("more")))
