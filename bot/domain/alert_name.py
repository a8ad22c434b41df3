"""Reads alert names as words, so that a pattern finds them whatever their prefix, order or spelling.

`TradingBotCircuitBreakerTripped`, `circuit_breaker_open` and `CIRCUIT-BREAKER` all hold "circuit breaker".
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
LONGEST_NAME = 300


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, in small letters: "HighVolatilityVIX" -> ("high", "volatility", "vix")."""
    return tuple(word.lower() for word in _WORD.findall(name[:LONGEST_NAME]))


@dataclass(frozen=True)
class NamePattern:
    """Words that must all stand in a name, in any order: "order* reject*", "data|feed stale".

    `*` stands for any letters, `|` for a choice. A pattern that starts with `=` is the whole name.
    """

    text: str

    def __post_init__(self) -> None:
        if not self.text.lstrip("=").strip():
            raise ValueError("a pattern of an alert's name may not be empty")

    def matches(self, name: tuple[str, ...]) -> bool:
        """`name` as `words_of` gives it."""
        if self.text.startswith("="):
            return name == words_of(self.text[1:])
        return all(
            any(fnmatchcase(word, choice) for choice in wanted.split("|") for word in name)
            for wanted in self.text.lower().split()
        )
