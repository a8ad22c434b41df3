"""Long names are cut to what an index holds, and stay as different as they were."""

import pytest

from bot.domain.indexed_text import MOST_BYTES, indexable


@pytest.mark.parametrize("letter", ["k", "ß", "鍵", "🔑"])
def test_what_fits_is_left_as_it_is(letter: str) -> None:
    longest = letter * (MOST_BYTES // len(letter.encode()))
    assert indexable(longest) == longest
    assert indexable(longest + letter) != longest + letter


@pytest.mark.parametrize("letter", ["k", "ß", "鍵", "🔑"])
@pytest.mark.parametrize("lead", ["", "x", "xy", "xyz"])
def test_what_does_not_is_cut_between_characters_and_known_again(letter: str, lead: str) -> None:
    long = lead + letter * 3_000
    short = indexable(long)
    assert MOST_BYTES - 3 <= len(short.encode()) <= MOST_BYTES
    assert long.startswith(short.partition("...sha256:")[0])
    assert indexable(long) == indexable(short) == short


def test_two_that_differ_at_their_ends_stay_two() -> None:
    assert indexable("k" * 20_000 + "a") != indexable("k" * 20_000 + "b")
