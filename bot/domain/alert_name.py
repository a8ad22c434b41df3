"""Reads alert names as words, so that a pattern finds them whatever their prefix, order or spelling.

`TradingBotCircuitBreakerTripped`, `circuit_breaker_open` and `CIRCUIT-BREAKER` all hold "circuit breaker".
"""

import re
from dataclasses import dataclass, field
from fnmatch import translate

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
    # Each of the words that must stand there, as one expression for all of its choices.
    _wanted: tuple[re.Pattern[str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.text.lstrip("=").strip():
            raise ValueError("a pattern of an alert's name may not be empty")
        words = self.text.lower().split()
        expressions = ("|".join(map(translate, word.split("|"))) for word in words)
        object.__setattr__(self, "_wanted", tuple(map(re.compile, expressions)))

    def matches(self, name: tuple[str, ...]) -> bool:
        """`name` as `words_of` gives it."""
        if self.text.startswith("="):
            return name == words_of(self.text[1:])
        return all(any(map(wanted.match, name)) for wanted in self._wanted)
