"""Whatever an alert or a person writes: valid JSON, within Slack's limits, and never more than text."""

import json
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.rendering.limits import size
from bot.rendering.models import DeclareView
from bot.rendering.render import Renderer
from bot.simulator.slack.blocks import check_message_blocks
from bot.simulator.slack.views import check_view
from tests.unit.rendering.desk_views import (
    every_message,
    every_modal,
    foreign_control,
    notice,
    postmortem,
    texts,
)

NASTY = [
    '"' * 10_000,
    "\\" * 10_000,
    "\n" * 5_000 + "x" * 5_000,
    "<!channel> <!here> <!subteam^S1|x> <@U0VICTIM> <#C1> <https://evil.example|runbook> " * 120,
    "*bold* _it_ ~st~ `code` ```pre``` > quote :fire: &lt;!channel&gt; &amp;lt; " * 130,
    "👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿🇩🇪" * 800,
    "\u202eevil\u2066\u200b\u0000\x1b[31m\x07\ud800\udfff\ue000v\ue001t\ue002\ufeff\ufffe\u2028" * 500,
    "{{ 7 * 7 }}{% include 'x' %}{# #}" * 300,
    "</script>'; DROP TABLE incidents; -- %s %(x)s {0} ${x}" * 200,
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 e\u0301\u0301\u0301" * 900,
    "&" * 10_000,
    ">" * 10_000,
    "",
    " ",
]

pieces = st.sampled_from(
    [
        '"',
        "\\",
        "\n",
        "\r",
        "<!channel>",
        "<@U1>",
        "<http://e.example|x>",
        "*",
        "_",
        "~",
        "`",
        "&",
        "&lt;",
        "\ue000",
        "\ue001",
        "\ue002",
        "\ue000v",
        "�",
        "😀",
        "\u202e",
        "\x00",
        "|",
        ":fire:",
        ">",
        "{{",
        "%}",
    ]
)
hostile = st.lists(pieces | st.text(st.characters(), max_size=8), max_size=300).map("".join)


@cache
def renderer() -> Renderer:
    return Renderer()


def check(blocks: list[dict[str, object]], where: str) -> None:
    json.dumps(blocks).encode()
    json.dumps(blocks, ensure_ascii=False).encode()  # raises for a lone surrogate
    assert size(blocks) <= 100_000
    for text in texts(blocks):
        said = text["text"]
        assert 0 < len(said) <= 3_000, where
        assert not any("\ue000" <= char <= "\ue00f" or char in "\x00\x1b\u202e\u2066" for char in said), where
        if text["type"] == "mrkdwn":
            assert text["verbatim"] is True
            assert foreign_control(said) is None, where


def check_everything(text: str) -> None:
    for name, message in every_message(renderer(), text):
        check(message.blocks, name)
        check_message_blocks(message.blocks)  # as strict as Slack; raises what Slack would answer
        assert size(message.blocks) <= 12_000, name
        assert len(message.blocks) <= 50, name
        assert 0 < len(message.text) <= 1_000, name
        assert foreign_control(message.text) is None, name
        assert not any(key.startswith("_") for block in message.blocks for key in block)
    for name, view in every_modal(renderer(), text):
        check(view["blocks"], name)
        check_view(view)
        assert len(view["title"]["text"]) <= 24, name
        assert len(view["blocks"]) <= 100, name


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_ten_thousand_nasty_characters_in_every_field_stay_text(text: str) -> None:
    check_everything(text)


@settings(max_examples=60, deadline=None)
@given(hostile)
@example("\ue000t<!channel>\ue001x\ue002")
@example("a_b*c~d")
def test_any_mixture_of_slacks_control_language_stays_text(text: str) -> None:
    check_everything(text)


@settings(max_examples=60, deadline=None)
@given(hostile)
def test_the_postmortem_keeps_its_lines_and_its_table_whatever_was_written(text: str) -> None:
    quiet = renderer().postmortem_markdown(postmortem("quiet")).splitlines()
    loud = renderer().postmortem_markdown(postmortem(text or "quiet")).splitlines()

    assert abs(len(loud) - len(quiet)) <= 2  # an empty text leaves a line away, none adds one
    assert [line for line in loud if line.startswith("#")][1:] == [
        line for line in quiet if line.startswith("#")
    ][1:]


@settings(max_examples=60, deadline=None)
@given(hostile)
def test_the_mails_subject_is_one_line_so_that_no_header_can_be_smuggled_in(text: str) -> None:
    subject, body = renderer().notice_mail(notice(text))

    assert "\n" not in subject
    assert "\r" not in subject
    assert len(subject) <= 200
    assert "\x00" not in body
    body.encode()


def test_metadata_comes_through_untouched_even_when_it_looks_like_a_slot() -> None:
    opaque = '{"a":"\ue000vx\ue002 <!channel> * "}'

    assert renderer().declare(DeclareView("x", opaque))["private_metadata"] == opaque
