"""How a value travels through a JSON template: in a slot, that is resolved when it is known where it landed.

Nobody should have to remember what escaping a place needs, so templates do not escape. Each interpolated
value becomes a slot, which is always safe inside a JSON string; after the JSON is parsed, every slot is
resolved by the object that holds it: mrkdwn, plain_text, or verbatim. Values are cleaned of the characters
that make a slot, so a value cannot forge one.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from bot.rendering.text import clean, cut, mrkdwn, plain

_OPEN, _BETWEEN, _CLOSE = "\ue000", "\ue001", "\ue002"
_SLOT = re.compile(f"{_OPEN}([vt])([^{_OPEN}{_CLOSE}]*){_CLOSE}")
VALUE_LENGTH = 300
_JSON = json.JSONEncoder(ensure_ascii=False)  # kept: `json.dumps` would make one for each value


class RenderingError(Exception):
    """A message could not be made: says which template, what is wrong, and what to do."""


class CutText(str):
    """Text whose length the template chose with `| cut(n)`; it is escaped like any other."""

    __slots__ = ()


@dataclass(frozen=True)
class Token:
    """A piece of Slack's control language. Only filters.py makes these, from checked parts."""

    mrkdwn: str
    plain: str


def value_slot(value: str) -> str:
    """A slot for text from outside, cleaned and cut; ready to stand inside a JSON string."""
    text = value if isinstance(value, CutText) else cut(clean(value), VALUE_LENGTH)
    return f"{_OPEN}v{_in_json(text)}{_CLOSE}"


def token_slot(token: Token) -> str:
    return f"{_OPEN}t{_in_json(token.mrkdwn)}{_BETWEEN}{_in_json(token.plain)}{_CLOSE}"


def _in_json(text: str) -> str:
    return _JSON.encode(text)[1:-1]


def resolve_mrkdwn(text: str) -> str:
    if _OPEN not in text:
        return text
    return _SLOT.sub(lambda slot: mrkdwn(slot[2]) if slot[1] == "v" else slot[2].split(_BETWEEN)[0], text)


def resolve_plain(text: str) -> str:
    if _OPEN not in text:
        return text
    return _SLOT.sub(lambda slot: plain(_bare(slot)), text)


def resolve_verbatim(text: str) -> str:
    """For ids, values and addresses, which no reader sees as text and nothing parses as markup."""
    if _OPEN not in text:
        return text
    return _SLOT.sub(_bare, text)


def _bare(slot: re.Match[str]) -> str:
    return slot[2] if slot[1] == "v" else slot[2].split(_BETWEEN)[1]


_BY_KIND = {"mrkdwn": resolve_mrkdwn, "plain_text": resolve_plain, "raw_text": resolve_plain}


def resolve(node: Any) -> Any:
    """The same JSON structure with every slot resolved by the kind of text object that it stands in."""
    if isinstance(node, str):
        return resolve_verbatim(node)
    if isinstance(node, list):
        return [resolve(item) for item in node]
    if not isinstance(node, dict):
        return node
    kind = node.get("type")
    done: dict[str, Any] = {}
    for key, value in node.items():
        if not isinstance(value, str):
            done[key] = resolve(value)
        elif _OPEN not in value:
            done[key] = value
        elif key == "text":
            # A message's own `text`, which has no type, is read by Slack as mrkdwn.
            done[key] = _BY_KIND.get(kind or "mrkdwn", resolve_plain)(value)
        else:
            done[key] = resolve_verbatim(value)
    if kind == "mrkdwn":
        done["verbatim"] = True  # Slack makes no links or mentions of its own out of plain words
    return done
