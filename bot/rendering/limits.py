"""Fits a finished message or view to Slack's limits (`facts.md`), saying what was left out. Pure, on dicts.

A template marks what may go: a block with `_spare: "alerts"` is dropped, last to first, when room is short; a
block with `_more: "alerts"` and `_count: 312` says how many are missing, and stands only when some are. Both
marks leave here.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from bot.rendering.slots import RenderingError
from bot.rendering.text import ELLIPSIS, units

Block = dict[str, Any]

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
MESSAGE_CHARACTERS = 12_000  # Slack refuses somewhat over 13,200 characters of blocks
VIEW_CHARACTERS = 100_000  # and views over 250 kB
NOTIFICATION = 1_000  # of Slack's 40,000: a fallback is one line on a phone
METADATA = 3_000
TITLE = 24
BUTTON_VALUE = 2_000
OPTION_VALUE = 150
IDS = 255
CONTEXT_ELEMENTS = 10
ACTION_ELEMENTS = 25
_SECTION, _HEADER, _BUTTON, _FIELD = 3_000, 150, 75, 2_000
_PARTS = "parts, in the record"
_BLANK = "\u2013"  # Slack refuses a text without a character
_SHORTEST = 120  # a text is not squeezed below this

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_OWN = {"label": _FIELD, "hint": _FIELD, "placeholder": 150, "description": _BUTTON, "fields": _FIELD}
_IDS = (("action_id", IDS), ("block_id", IDS), ("callback_id", IDS), ("value", BUTTON_VALUE))

_PIECES = re.compile(r"<[^<>]*>|&(?:amp|lt|gt);|.", re.DOTALL)


def cut_markup(text: str, limit: int) -> str:
    """At most `limit` UTF-16 units with an ellipsis, never ending inside an entity or a `<...>` token."""
    if units(text) <= limit:
        return text
    kept, used = [], units(ELLIPSIS)
    for piece in _PIECES.findall(text):
        used += units(piece)
        if used > limit:
            break
        kept.append(piece)
    return "".join(kept).rstrip() + ELLIPSIS


def fit_message(blocks: list[Block]) -> list[Block]:
    """The blocks of a message within Slack's limits."""
    return _fit(blocks, MESSAGE_BLOCKS, MESSAGE_CHARACTERS)


def fit_view(view: dict[str, Any]) -> dict[str, Any]:
    """A modal within Slack's limits. Raises RenderingError for metadata that is too long.

    Half of the metadata would be worse than none.
    """
    metadata = view.get("private_metadata", "")
    if units(metadata) > METADATA:
        raise RenderingError(
            f"The modal {view.get('callback_id')} carries {units(metadata)} characters of metadata; "
            f"Slack takes {METADATA}. Keep the data in a row and carry its id."
        )
    fitted = dict(view)
    for place in ("title", "submit", "close"):
        if place in view:
            fitted[place] = _cut_text(view[place], TITLE)
    fitted["blocks"] = _fit(view["blocks"], VIEW_BLOCKS, VIEW_CHARACTERS)
    return fitted


def fit_notification(text: str) -> str:
    return cut_markup(text, NOTIFICATION)


def size(blocks: list[Block]) -> int:
    """UTF-16 units of the blocks as compact JSON, which is never less than what Slack counts."""
    return units(_JSON.encode(blocks))


def _fit(blocks: list[Block], most: int, characters: int) -> list[Block]:
    kept = [_cut_block(block) for block in blocks]
    left_out: dict[str, int] = {}
    while not _fits(finished := _finish(kept, left_out), most, characters):
        spare = next((place for place in reversed(range(len(kept))) if "_spare" in kept[place]), None)
        if spare is not None:
            gone = kept.pop(spare)
            noun = gone["_spare"]
            if noun not in left_out and not any(block.get("_more") == noun for block in kept[spare:]):
                kept.insert(spare, {"_more": noun, "_count": 0})
            left_out[noun] = left_out.get(noun, 0) + int(gone.get("_count", 1))
        elif len(finished) <= most and _squeeze(kept):
            continue
        else:
            kept = _without_last(kept)
    return finished


def _fits(blocks: list[Block], most: int, characters: int) -> bool:
    return len(blocks) <= most and size(blocks) <= characters


def _finish(blocks: list[Block], left_out: dict[str, int]) -> list[Block]:
    """The blocks without marks. A line about what is missing stands only when something is."""
    finished = []
    for block in blocks:
        if "_more" not in block:
            finished.append({key: value for key, value in block.items() if not key.startswith("_")})
            continue
        missing = int(block.get("_count", 0)) + left_out.get(block["_more"], 0)
        if missing > 0:
            line = f"and {missing:,} more {block['_more']}"
            text = {"type": "plain_text", "text": line, "emoji": False}
            finished.append({"type": "context", "elements": [text]})
    return finished


def _squeeze(blocks: list[Block]) -> bool:
    """Halve the longest text; false when all are short already."""
    longest: dict[str, Any] | None = None
    for text in (found for block in blocks for found in _texts(block)):
        if longest is None or units(text["text"]) > units(longest["text"]):
            longest = text
    if longest is None or units(longest["text"]) <= _SHORTEST:
        return False
    longest["text"] = cut_markup(longest["text"], max(units(longest["text"]) // 2, _SHORTEST))
    return True


def _without_last(blocks: list[Block]) -> list[Block]:
    """The last block that carries no button goes, and a line says that something did."""
    for place in reversed(range(len(blocks))):
        if blocks[place].get("type") not in ("actions", "input", "header") and "_more" not in blocks[place]:
            rest = [*blocks[:place], *blocks[place + 1 :]]
            if not any(block.get("_more") == _PARTS for block in rest):
                rest.append({"_more": _PARTS, "_count": 0})
            return [
                {**block, "_count": block["_count"] + 1} if block.get("_more") == _PARTS else block
                for block in rest
            ]
    raise RenderingError("The buttons alone are over Slack's limits. Give the template fewer of them.")


def _texts(node: Any) -> Iterator[dict[str, Any]]:
    """Every text object that may be cut. Options and buttons keep theirs: they must stay readable."""
    if isinstance(node, list):
        for item in node:
            yield from _texts(item)
    elif isinstance(node, dict) and node.get("type") != "button":
        if isinstance(node.get("text"), str):
            yield node
        for key, value in node.items():
            if key not in ("options", "initial_options", "option_groups"):
                yield from _texts(value)


def _cut_text(text: dict[str, Any], limit: int) -> dict[str, Any]:
    shorter = cut_markup(text["text"], limit) if text["type"] == "mrkdwn" else _cut_plain(text["text"], limit)
    return {**text, "text": shorter if shorter.strip() else _BLANK}


def _cut_plain(text: str, limit: int) -> str:
    if units(text) <= limit:
        return text
    return cut_markup(text.replace("<", "\ue00e"), limit).replace("\ue00e", "<")  # `<` begins no token here


def _cut_block(block: Block) -> Block:
    """A copy of one block with each of its texts within the limit of its place, and its ids checked."""
    kind = block.get("type")
    limits = {"section": _SECTION, "header": _HEADER, "context": _FIELD, "input": _FIELD, "table": _FIELD}
    if kind == "actions" and len(block["elements"]) > ACTION_ELEMENTS:
        raise RenderingError(
            f"An actions block has {len(block['elements'])} elements; Slack takes {ACTION_ELEMENTS}."
        )
    if kind == "context" and len(block["elements"]) > CONTEXT_ELEMENTS:
        block = {**block, "elements": block["elements"][:CONTEXT_ELEMENTS]}
    cut: Block = _cut_node(block, limits.get(str(kind), _SECTION))
    return cut


def _cut_node(node: Any, limit: int) -> Any:
    if isinstance(node, list):
        return [_cut_node(item, limit) for item in node]
    if not isinstance(node, dict):
        return node
    _check_ids(node)
    kind = node.get("type")
    if kind in ("mrkdwn", "plain_text", "raw_text") and isinstance(node.get("text"), str):
        return _cut_text(node, limit)
    inner = _BUTTON if kind == "button" else limit
    is_option = "value" in node and "type" not in node
    if is_option and units(str(node["value"])) > OPTION_VALUE:
        raise RenderingError(
            f"The choice {node['value']!r:.80} is over {OPTION_VALUE} characters. Use a shorter name."
        )
    return {
        key: _cut_node(value, _BUTTON if is_option and key == "text" else _OWN.get(key, inner))
        if isinstance(value, (dict, list))
        else value
        for key, value in node.items()
    }


def _check_ids(node: dict[str, Any]) -> None:
    for key, limit in _IDS:
        value = node.get(key)
        if isinstance(value, str) and units(value) > limit:
            raise RenderingError(
                f"A {key} of {units(value)} characters; Slack takes {limit}. Use a shorter name."
            )
