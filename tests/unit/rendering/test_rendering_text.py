"""Text from outside, character by character."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rendering.filters import link, money, safe_url, span, when, who
from bot.rendering.limits import cut_markup
from bot.rendering.slots import Token
from bot.rendering.text import clean, cut, markdown, mrkdwn, plain, units


def test_metric_names_and_products_can_still_be_copied() -> None:
    assert mrkdwn("order_reject_rate > 5 on a*b") == "order_reject_rate &gt; 5 on a*b"


@pytest.mark.parametrize("written", ["*bold*", "_it_", "~st~", "`code`", "__init__", "(*x*)", "**", "é*x*"])
def test_emphasis_of_others_does_not_act(written: str) -> None:
    shown = mrkdwn(written)

    assert not re.search(r"(?<![A-Za-z0-9])[*_~]|[*_~](?![A-Za-z0-9])|`", shown)
    assert len(shown) == len(written)  # it looks the same


@given(st.text(st.characters()))
def test_no_marker_that_could_act_survives_and_every_angle_is_an_entity(written: str) -> None:
    shown = mrkdwn(clean(written))

    assert not re.search(r"(?<![A-Za-z0-9])[*_~]|[*_~](?![A-Za-z0-9])|[`<>\n]", shown)
    assert not re.search(r"&(?!amp;|lt;|gt;)", shown)


def test_a_quote_at_the_start_and_an_emoji_code_do_not_act() -> None:
    assert not mrkdwn("> 5 %").startswith(("&gt;", ">"))
    assert ":fire:" not in mrkdwn("the :fire: is out")
    assert mrkdwn("at 10:05:12") == "at 10:05:12"


def test_plain_text_shows_an_ampersand_as_it_is_and_a_spelled_entity_as_spelled() -> None:
    assert plain("A & B < C") == "A & B < C"
    assert "&lt;" not in plain("&lt;!channel&gt;")
    assert "<!channel>" not in plain("<!channel>")


def test_what_cannot_be_seen_is_removed_or_shown_to_be_there() -> None:
    assert clean("a\x00b") == "a b"
    assert clean("a\x1bb\ud800") == "a\ufffdb\ufffd"
    assert clean("\u202eabc\u2069") == "abc"
    assert clean(" a\r\n\t\u2028b ") == "a b"
    assert clean("👩‍👧 שלום") == "👩‍👧 שלום"


@given(st.text(), st.integers(1, 50))
def test_a_cut_text_is_within_its_length_as_slack_counts(written: str, limit: int) -> None:
    assert units(cut(written, limit)) <= limit


def test_a_cut_does_not_split_a_family_or_an_accent() -> None:
    assert cut("ab👩\u200d👧", 6) == "ab…"
    assert cut("abce\u0301f", 5) == "abc…"


@given(
    st.lists(st.sampled_from(["a", "&lt;", "&amp;", "<!date^1^{time}|now>", "<@U1>", "😀"])),
    st.integers(1, 60),
)
def test_a_cut_of_markup_never_ends_inside_an_entity_or_a_token(parts: list[str], limit: int) -> None:
    shorter = cut_markup("".join(parts), limit)

    assert units(shorter) <= limit
    assert re.fullmatch(r"(?:a|😀|&(?:lt|amp);|<[^<>]*>)*…?", shorter)


def test_markdown_of_others_does_not_act() -> None:
    assert markdown("# a | b") == r"\# a \| b"
    assert markdown("1. x") == r"1\. x"
    assert markdown("[x](http://e) <b> reject_rate") == r"\[x\](http://e) \<b> reject_rate"


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "http://",
        "https://a@b.example/",
        "ftp://x.example",
        "https://x\n.example",
        None,
        "x",
        "https://[::1",
        "https://x.example:99999/",
        "https://x.example/" + "a" * 3000,
    ],
)
def test_an_address_that_is_no_plain_web_address_makes_no_link(address: str | None) -> None:
    assert not isinstance(link("runbook", address), Token)


def test_a_web_address_cannot_end_its_own_link() -> None:
    assert safe_url("https://x.example/a|b>c <d") == "https://x.example/a%7Cb%3Ec%20%3Cd"
    made = link("a|b > c", "https://x.example/?a=1&b=2")
    assert isinstance(made, Token)
    assert made.mrkdwn == "<https://x.example/?a=1&amp;b=2|a¦b &gt; c>"


def test_only_an_id_of_slack_becomes_a_mention() -> None:
    assert who("U0OPERATOR") == Token("<@U0OPERATOR>", "@U0OPERATOR")
    assert who("!channel") == "!channel"
    assert who("U1> <!channel") == "U1> <!channel"  # text, escaped where it lands
    assert who(None) == "Haltdesk"


def test_each_reader_sees_their_own_time_and_a_naive_time_is_refused() -> None:
    at = datetime(2026, 11, 23, 15, 4, 5, tzinfo=UTC)

    assert when(at).mrkdwn == "<!date^1795446245^{date_short_pretty} {time}|2026-11-23 15:04 UTC>"
    with pytest.raises(ValueError, match="no time zone"):
        when(at.replace(tzinfo=None))


def test_figures_read_well() -> None:
    assert [money("2300"), money("-1.5"), money("about 3"), money("NaN")] == [
        "$2,300.00",
        "-$1.50",
        "about 3",
        "NaN",
    ]
    assert [span(timedelta(seconds=s)) for s in (0.11, 45, 250, 7500, 90_000)] == [
        "0.11 s",
        "45 s",
        "4 min",
        "2 h 5 min",
        "25 h",
    ]
