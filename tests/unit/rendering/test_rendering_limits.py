"""Fitting to Slack's limits: what goes first, what is said about it, and what is never cut."""

import pytest

from bot.rendering.limits import Block, fit_message, fit_view, size
from bot.rendering.slots import RenderingError


def line(text: str, **marks: object) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **marks}


def actions(count: int = 1) -> Block:
    button = {"type": "button", "text": {"type": "plain_text", "text": "Halt"}, "value": "v"}
    return {"type": "actions", "elements": [{**button, "action_id": f"a{n}"} for n in range(count)]}


def said(blocks: list[Block]) -> list[str]:
    return [e["text"] for block in blocks if block["type"] == "context" for e in block["elements"]]


def test_what_fits_is_left_as_it_is_without_the_marks() -> None:
    blocks = [line("head"), line("one", _spare="alerts"), {"_more": "alerts", "_count": 0}, actions()]

    assert fit_message(blocks) == [line("head"), line("one"), actions()]


def test_spare_blocks_go_last_to_first_and_are_counted_with_those_that_were_never_shown() -> None:
    blocks = [line("head"), *(line(f"alert {n}", _spare="alerts") for n in range(60))]
    fitted = fit_message([*blocks, {"_more": "alerts", "_count": 300}, actions()])

    assert len(fitted) == 50
    assert fitted[-1]["type"] == "actions"
    assert said(fitted) == ["and 313 more alerts"]  # 47 stand
    assert fitted[47] == line("alert 46")


def test_a_line_says_what_went_even_where_the_template_has_none() -> None:
    fitted = fit_message([line("x" * 2_900, _spare="parts") for _ in range(5)])

    assert said(fitted) == ["and 1 more parts"]
    assert size(fitted) <= 12_000


def test_without_spare_blocks_the_longest_text_is_shortened_and_every_block_stays() -> None:
    fitted = fit_message([line(letter * 2_999) for letter in "abcdef"] + [actions()])

    assert len(fitted) == 7
    assert size(fitted) <= 12_000
    assert all(block["text"]["text"].endswith("…") for block in fitted[:1])


def test_buttons_outlast_everything_else() -> None:
    fitted = fit_message([*(line(f"{n}") for n in range(80)), actions(6)])

    assert len(fitted) <= 50
    assert fitted[-2]["type"] == "actions"
    assert said(fitted) == ["and 32 more parts, in the record"]


def test_the_caller_s_blocks_are_not_changed() -> None:
    blocks = [line("x" * 9_000, _spare="alerts")]
    fit_message(blocks)

    assert blocks == [line("x" * 9_000, _spare="alerts")]


def test_texts_are_cut_to_the_limit_of_their_place() -> None:
    header = {"type": "header", "text": {"type": "plain_text", "text": "<" * 400}}
    button = {
        "type": "button",
        "action_id": "a",
        "text": {"type": "plain_text", "text": "b" * 90},
        "value": "v",
    }
    fitted = fit_message([header, line("&lt;" * 2_000), {"type": "actions", "elements": [button]}])

    assert fitted[0]["text"]["text"] == "<" * 149 + "…"
    assert fitted[1]["text"]["text"] == "&lt;" * 749 + "…"
    assert len(fitted[2]["elements"][0]["text"]["text"]) == 75


def test_ids_and_values_are_refused_rather_than_cut() -> None:
    long = {
        "type": "button",
        "action_id": "a",
        "text": {"type": "plain_text", "text": "b"},
        "value": "v" * 2_001,
    }
    with pytest.raises(RenderingError, match="value of 2001"):
        fit_message([{"type": "actions", "elements": [long]}])
    with pytest.raises(RenderingError, match="26 elements"):
        fit_message([actions(26)])
    choice = {"text": {"type": "plain_text", "text": "b"}, "value": "v" * 151}
    element = {"type": "checkboxes", "action_id": "a", "options": [choice]}
    with pytest.raises(RenderingError, match="shorter name"):
        fit_message([{"type": "input", "element": element}])


def test_a_view_may_have_a_hundred_blocks_and_a_title_of_twenty_four() -> None:
    title = {"type": "plain_text", "text": "DRILL · a title that is too long"}
    view = fit_view({"type": "modal", "title": title, "blocks": [line("x", _spare="items")] * 130})

    assert len(view["blocks"]) == 100
    assert len(view["title"]["text"]) == 24
    assert said(view["blocks"]) == ["and 31 more items"]
