"""What the health check says in one sentence, and that no secret is said with it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.health import Component, ComponentStatus, headline, overall, worst_first
from bot.domain.redacted import redacted

STATUSES = list(ComponentStatus)


@given(st.lists(st.sampled_from(STATUSES), max_size=12))
def test_the_worst_is_first_and_is_the_whole(statuses: list[ComponentStatus]) -> None:
    components = [Component(f"part {n}", status, "seen") for n, status in enumerate(statuses)]
    ordered = worst_first(components)
    assert [one.status.rank for one in ordered] == sorted(status.rank for status in statuses)
    assert overall(components) is (ordered[0].status if ordered else ComponentStatus.UNKNOWN)


@given(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=12))
def test_nothing_that_needs_attention_is_called_well(statuses: list[ComponentStatus]) -> None:
    components = [Component(f"part {n}", status, "seen") for n, status in enumerate(statuses)]
    wanting = sum(1 for status in statuses if status.needs_attention)
    sentence = headline(components)
    assert ("well" in sentence) == (wanting == 0 and overall(components) is ComponentStatus.OK)
    if wanting:
        assert sentence.startswith(
            f"{wanting} of {sum(1 for s in statuses if s is not ComponentStatus.OFF)} "
        )


def test_all_off_is_not_well() -> None:
    assert overall([Component("a", ComponentStatus.OFF, "")]) is ComponentStatus.OFF
    assert headline([Component("a", ComponentStatus.OFF, "")]).startswith("Nothing was measured")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("connect to postgresql+psycopg://desk:s3cret@10.0.0.5/halt failed", "s3cret"),
        ("http://user:p%40ss@prom:9090 refused", "p%40ss"),
        ("Authorization: Bearer abcdef123456", "abcdef123456"),
        ("header Authorization: Basic dXNlcjpwYXNz sent", "dXNlcjpwYXNz"),
        ("invalid_auth for xoxb-12-34-abcDEF", "xoxb-12-34"),
        ("app token xapp-1-A2-33-ff", "xapp-1"),
        ("key PKABCDEFGHIJ12345678 is wrong", "PKABCDEFGHIJ12345678"),
        ("{'APCA-API-SECRET-KEY': 'zzz999'}", "zzz999"),
        ("password=hunter2&x=1", "hunter2"),
        ('{"client_token": "abc"}', "abc"),
        ("dsn ABCdef0123456789ABCdef0123456789ABCdef", "ABCdef0123456789"),
    ],
)
def test_secrets_are_covered(text: str, secret: str) -> None:
    shown = redacted(text)
    assert secret not in shown
    assert "[hidden]" in shown


@pytest.mark.parametrize(
    "text",
    [
        "Connection refused",
        "refused (403): new orders are rejected by user request",
        "rule HighRejectRate fails: many-to-many matching not allowed",
        "no answer in 5 s",
    ],
)
def test_plain_reasons_stay_as_they_are(text: str) -> None:
    assert redacted(text) == text


@given(st.text(max_size=3000), st.integers(min_value=1, max_value=300))
def test_what_is_shown_is_one_line_and_cut(text: str, most: int) -> None:
    shown = redacted(text, most)
    assert len(shown) <= most
    assert "\n" not in shown


@pytest.mark.parametrize("piece", ["x", "token", "x1", "://a", "bearer ", "xoxb-", "secret=", "PK", "a-"])
def test_a_page_of_anything_is_read_in_a_moment(piece: str) -> None:
    start = time.process_time()
    redacted(piece * 20_000)
    assert time.process_time() - start < 1.0  # milliseconds, unless a pattern takes the square of the length


def test_a_secret_at_the_cut_is_not_half_shown() -> None:
    shown = redacted("x" * 20 + " token=abcdefghijkl", most=32)
    assert "abc" not in shown
