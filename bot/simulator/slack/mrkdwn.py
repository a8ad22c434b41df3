"""Slack's control sequences in text: mentions, links, dates. Source: Slack's "Formatting text" reference."""

import re
from collections.abc import Iterator
from typing import Any

from bot.simulator.slack.records import Json

_CONTROL = re.compile(r"<([^<>\n]*)>")
_STYLED = re.compile(r"(?<![\w*_~`])([*_~`])(?=\S)([^\n]*?\S)\1(?![\w*_~`])")
_WEB = re.compile(r"(?:https?:|mailto:)", re.IGNORECASE)
_BROADCASTS = ("channel", "here", "everyone")


def mentions(text: str) -> Iterator[tuple[str, str]]:
    """What the text calls upon: pairs like ("broadcast", "channel"), ("user", "U0"), ("group", "S0")."""
    for match in _CONTROL.finditer(text):
        inner = match.group(1).split("|", 1)[0]
        if inner.startswith("!subteam^"):
            yield "group", inner.removeprefix("!subteam^")
        elif inner.startswith("!") and inner[1:] in _BROADCASTS:
            yield "broadcast", inner[1:]
        elif inner.startswith("@"):
            yield "user", inner[1:]


def pings_everyone(text: str) -> bool:
    return any(kind == "broadcast" for kind, _ in mentions(text))


def unescape(text: str) -> str:
    """The three characters that Slack asks to be escaped, as a reader sees them."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def as_read(text: str, names: dict[str, str]) -> str:
    """mrkdwn as a person reads it: @names, the labels of links, the fallbacks of dates, no marks."""

    def shown(match: re.Match[str]) -> str:
        target, _, label = match.group(1).partition("|")
        if target.startswith("@"):
            return "@" + (label or names.get(target[1:], target[1:]))
        if target.startswith("#"):
            return "#" + (label or names.get(target[1:], target[1:]))
        if target.startswith("!date^"):
            return label
        if target.startswith("!subteam^"):
            return label or "@" + target.removeprefix("!subteam^")
        if target.startswith("!"):
            return "@" + target[1:]
        if _WEB.match(target):
            return label or target
        return match.group(0)  # no link: it stands there as it was written

    for _ in range(3):  # marks nest: *_bold and italic_*
        text = _STYLED.sub(r"\2", text)
    return unescape(_CONTROL.sub(shown, text))


def mrkdwn_texts(message: Json) -> Iterator[str]:
    """Every text of a message in which Slack would look for control sequences.

    The top-level text counts only without blocks for display, but notifies in either case.
    """
    if message.get("text"):
        yield str(message["text"])
    for attachment in message.get("attachments") or []:
        for part in ("pretext", "text"):
            if attachment.get(part):
                yield str(attachment[part])
        yield from _walk_mrkdwn(attachment.get("blocks") or [])
    yield from _walk_mrkdwn(message.get("blocks") or [])


def _walk_mrkdwn(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _walk_mrkdwn(item)
    elif isinstance(node, dict):
        # `verbatim` keeps Slack from making links and mentions of plain words; `<!channel>` it acts on all the same.
        if node.get("type") in ("mrkdwn", "markdown"):
            yield str(node.get("text", ""))
        elif node.get("type") == "broadcast":
            yield f"<!{node.get('range', 'channel')}>"
        else:
            for value in node.values():
                yield from _walk_mrkdwn(value)


def flatten(message: Json, names: dict[str, str]) -> str:
    """All text that a person would see in a message or a view, one piece a line."""
    pieces: list[str] = []
    if message.get("title"):
        pieces += _pieces(message["title"], names)
    blocks = message.get("blocks") or []
    if not blocks and message.get("text"):
        pieces.append(as_read(str(message["text"]), names))
    pieces += _pieces(blocks, names)
    for attachment in message.get("attachments") or []:
        pieces += [
            as_read(str(attachment[part]), names)
            for part in ("pretext", "title", "text")
            if attachment.get(part)
        ]
        pieces += _pieces(attachment.get("blocks") or [], names)
    for end in ("submit", "close"):
        if message.get(end):
            pieces += _pieces(message[end], names)
    pieces += [str(shared.get("title") or shared.get("name")) for shared in message.get("files") or []]
    return "\n".join(piece for piece in pieces if piece)


_HIDDEN = (
    "value",
    "action_id",
    "block_id",
    "confirm",
    "url",
    "type",
    "style",
    "alt_text",
    "dispatch_action_config",
)


def _pieces(node: Any, names: dict[str, str]) -> list[str]:
    if isinstance(node, list):
        return [piece for item in node for piece in _pieces(item, names)]
    if not isinstance(node, dict):
        return []
    kind, text = node.get("type"), node.get("text")
    if kind in ("mrkdwn", "markdown") and isinstance(text, str):
        return [as_read(text, names)]
    if kind in ("plain_text", "raw_text") and isinstance(text, str):
        return [text]
    if kind in ("rich_text_section", "rich_text_preformatted", "rich_text_quote"):
        return ["".join(_rich(part, names) for part in node.get("elements", []))]
    if kind == "image":
        return [str(node.get("alt_text", "")), *_pieces(node.get("title"), names)]
    if kind == "table":
        rows = node.get("rows", [])
        return [" | ".join(" ".join(_pieces(cell, names)) for cell in row) for row in rows]
    found = [piece for key, value in node.items() if key not in _HIDDEN for piece in _pieces(value, names)]
    if isinstance(node.get("initial_value"), str):
        found.append(node["initial_value"])
    return found


def _rich(part: Json, names: dict[str, str]) -> str:
    kind = part.get("type")
    if kind in ("text", "link"):
        return str(part.get("text") or part.get("url", ""))
    if kind == "user":
        return "@" + _named(part, "user_id", names)
    if kind == "channel":
        return "#" + _named(part, "channel_id", names)
    if kind == "broadcast":
        return "@" + str(part.get("range"))
    if kind == "emoji":
        return f":{part.get('name')}:"
    return str(part.get("fallback", ""))


def _named(part: Json, key: str, names: dict[str, str]) -> str:
    target = str(part.get(key, ""))
    return names.get(target, target)
