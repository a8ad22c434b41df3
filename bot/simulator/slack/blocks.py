"""The check of Block Kit's blocks on each surface, with Slack's limits. Source: Block Kit reference."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from bot.simulator.slack.elements import (
    ACCESSORIES,
    ACTIONS_ELEMENTS,
    INPUT_ELEMENTS,
    PLAIN,
    check_element,
    check_image,
)
from bot.simulator.slack.records import Json, SlackError
from bot.simulator.slack.shape import Findings, units

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
MESSAGE_BLOCK_CHARACTERS = 13_200
MARKDOWN_CHARACTERS = 12_000

_EVERYWHERE = ("actions", "context", "divider", "header", "image", "input", "rich_text", "section", "video")
SURFACES = {
    "message": (*_EVERYWHERE, "file", "markdown", "table"),
    "modal": (*_EVERYWHERE, "alert"),
    "home": _EVERYWHERE,
}


def check_message_blocks(blocks: Any) -> None:
    """Raises SlackError (invalid_blocks_format, invalid_blocks, msg_blocks_too_long)."""
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    findings = Findings()
    check_blocks(blocks, "message", "", findings, MESSAGE_BLOCKS)
    unique_action_ids(blocks, findings)
    if sum(1 for block in blocks if isinstance(block, dict) and block.get("type") == "table") > 1:
        findings.add("/blocks", "only one table block is allowed in a message")
    if findings.messages:
        raise SlackError("invalid_blocks", findings.messages, errors=[m[8:] for m in findings.messages])
    if units(json.dumps(blocks, ensure_ascii=False, separators=(",", ":"))) > MESSAGE_BLOCK_CHARACTERS:
        raise SlackError("msg_blocks_too_long")


def check_blocks(blocks: list[Any], surface: str, pointer: str, findings: Findings, most: int) -> None:
    """Each block by its own rule, their number, and the uniqueness of block_ids."""
    if len(blocks) > most:
        findings.add(f"{pointer}/blocks", f"no more than {most} items allowed")
    seen: set[str] = set()
    markdown = 0
    for index, block in enumerate(blocks):
        where = f"{pointer}/blocks/{index}"
        if not isinstance(block, dict):
            findings.add(where, "must be an object")
            continue
        kind = block.get("type")
        if kind not in SURFACES[surface]:
            findings.add(f"{where}/type", f"unsupported type: {kind}")
            continue
        findings.string(block, "block_id", where, 255)
        block_id = block.get("block_id")
        if isinstance(block_id, str):
            if block_id in seen:
                findings.add(f"{where}/block_id", f"block_id `{block_id}` already exists")
            seen.add(block_id)
        _CHECKS[str(kind)](block, where, findings)
        if kind == "markdown" and isinstance(block.get("text"), str):
            markdown += len(block["text"])
    if markdown > MARKDOWN_CHARACTERS:
        findings.add(
            f"{pointer}/blocks", f"markdown blocks hold no more than {MARKDOWN_CHARACTERS} characters"
        )


def elements_of(block: Json) -> Iterator[tuple[str, Json]]:
    """The interactive elements of a block with their pointers inside it."""
    if isinstance(block.get("elements"), list) and block.get("type") == "actions":
        for index, element in enumerate(block["elements"]):
            if isinstance(element, dict):
                yield f"/elements/{index}", element
    for key in ("accessory", "element"):
        if isinstance(block.get(key), dict) and block[key].get("type") != "image":
            yield f"/{key}", block[key]


def unique_action_ids(blocks: list[Any], findings: Findings) -> None:
    """In a message every action_id stands once."""
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        for place, element in elements_of(block) if isinstance(block, dict) else ():
            action_id = element.get("action_id")
            if isinstance(action_id, str) and action_id in seen:
                findings.add(f"/blocks/{index}{place}/action_id", f"action_id `{action_id}` already exists")
            elif isinstance(action_id, str):
                seen.add(action_id)


def with_ids(blocks: list[Json]) -> list[Json]:
    """The blocks as Slack stores them: a block_id on each and an action_id on each element."""
    stored: list[Json] = json.loads(json.dumps(blocks))
    taken = {block.get("block_id") for block in stored}
    for index, block in enumerate(stored):
        if "block_id" not in block:
            name = f"b{index}"
            while name in taken:
                name += "x"
            taken.add(name)
            block["block_id"] = name
        for place, element in elements_of(block):
            element.setdefault("action_id", f"{block['block_id']}{place}")
    return stored


def _section(block: Json, pointer: str, findings: Findings) -> None:
    findings.keys(block, pointer, (), ("block_id", "text", "fields", "accessory", "expand"))
    if block.get("text") is None and block.get("fields") is None:
        findings.add(pointer, "must define either `text` or `fields`")
    findings.text(block, "text", pointer, 3000)
    for where, item in findings.items(block, "fields", pointer, 10):
        findings.text_object(item, where, 2000, ("plain_text", "mrkdwn"))
    if block.get("accessory") is not None:
        check_element(block["accessory"], f"{pointer}/accessory", findings, ACCESSORIES)


def _header(block: Json, pointer: str, findings: Findings) -> None:
    findings.keys(block, pointer, ("text",), ("block_id", "level"))
    findings.text(block, "text", pointer, 150, PLAIN)


def _divider(block: Json, pointer: str, findings: Findings) -> None:
    findings.keys(block, pointer, (), ("block_id",))


def _context(block: Json, pointer: str, findings: Findings) -> None:
    findings.keys(block, pointer, ("elements",), ("block_id",))
    for where, item in findings.items(block, "elements", pointer, 10):
        if isinstance(item, dict) and item.get("type") == "image":
            check_image(item, where, findings)
        else:
            findings.text_object(item, where, 3000, ("plain_text", "mrkdwn"))


def _actions(block: Json, pointer: str, findings: Findings) -> None:
    findings.keys(block, pointer, ("elements",), ("block_id",))
    seen: set[str] = set()
    for where, item in findings.items(block, "elements", pointer, 25):
        check_element(item, where, findings, ACTIONS_ELEMENTS)
        action_id = item.get("action_id") if isinstance(item, dict) else None
        if isinstance(action_id, str):
            if action_id in seen:
                findings.add(f"{where}/action_id", f"action_id `{action_id}` already exists in this block")
            seen.add(action_id)


def _input(block: Json, pointer: str, findings: Findings) -> None:
    findings.keys(block, pointer, ("label", "element"), ("block_id", "dispatch_action", "hint", "optional"))
    findings.text(block, "label", pointer, 2000, PLAIN)
    findings.text(block, "hint", pointer, 2000, PLAIN)
    findings.boolean(block, "optional", pointer)
    if block.get("element") is not None:
        check_element(block["element"], f"{pointer}/element", findings, INPUT_ELEMENTS)


def _image(block: Json, pointer: str, findings: Findings) -> None:
    check_image(block, pointer, findings, ("title", "block_id"))
    findings.text(block, "title", pointer, 2000, PLAIN)


def _markdown(block: Json, pointer: str, findings: Findings) -> None:
    findings.keys(block, pointer, ("text",), ("block_id",))
    findings.string(block, "text", pointer, MARKDOWN_CHARACTERS)


_RICH = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")


def _rich_text(block: Json, pointer: str, findings: Findings) -> None:
    findings.keys(block, pointer, ("elements",), ("block_id",))
    for where, item in findings.items(block, "elements", pointer, 1000, 0):
        if not isinstance(item, dict) or item.get("type") not in _RICH:
            findings.add(where, "must be a rich text element")
        elif not isinstance(item.get("elements"), list):
            findings.add(where, "missing required field: elements")


def _table(block: Json, pointer: str, findings: Findings) -> None:
    findings.keys(block, pointer, ("rows",), ("block_id", "column_settings"))
    for where, row in findings.items(block, "rows", pointer, 100):
        if not isinstance(row, list) or not 1 <= len(row) <= 20:
            findings.add(where, "must hold 1 to 20 cells")
            continue
        for column, cell in enumerate(row):
            if not isinstance(cell, dict) or cell.get("type") not in ("raw_text", "rich_text"):
                findings.add(f"{where}/{column}", "must be of type raw_text or rich_text")
            elif cell["type"] == "raw_text":
                findings.string(cell, "text", f"{where}/{column}", 3000)
                findings.keys(cell, f"{where}/{column}", ("text",))
    for where, setting in findings.items(block, "column_settings", pointer, 20, 0):
        if isinstance(setting, dict):
            findings.choice(setting, "align", where, ("left", "center", "right"))


def _alert(block: Json, pointer: str, findings: Findings) -> None:
    findings.keys(block, pointer, ("text",), ("block_id", "level"))
    findings.text(block, "text", pointer, 3000)
    findings.choice(block, "level", pointer, ("default", "info", "warning", "error", "success"))


def _file(block: Json, pointer: str, findings: Findings) -> None:
    findings.keys(block, pointer, ("external_id", "source"), ("block_id",))


def _video(block: Json, pointer: str, findings: Findings) -> None:
    required = ("alt_text", "title", "thumbnail_url", "video_url")
    more = ("author_name", "block_id", "description", "provider_icon_url", "provider_name", "title_url")
    findings.keys(block, pointer, required, more)


_CHECKS: dict[str, Callable[[Json, str, Findings], None]] = {
    "actions": _actions,
    "alert": _alert,
    "context": _context,
    "divider": _divider,
    "file": _file,
    "header": _header,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "rich_text": _rich_text,
    "section": _section,
    "table": _table,
    "video": _video,
}
