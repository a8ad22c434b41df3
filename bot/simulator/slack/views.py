"""The check of modals and home tabs, and a view as Slack stores it. Source: Slack's view reference."""

import json
from typing import Any

from bot.simulator.slack.blocks import VIEW_BLOCKS, check_blocks, with_ids
from bot.simulator.slack.elements import PLAIN
from bot.simulator.slack.records import Json, SlackError
from bot.simulator.slack.shape import Findings
from bot.simulator.slack.workspace import Workspace

VIEW_BYTES = 250_000
_SETTINGS = (
    *("private_metadata", "callback_id", "external_id"),
    *("clear_on_close", "notify_on_close", "submit_disabled"),
)


def check_view(view: Any, kinds: tuple[str, ...] = ("modal",)) -> None:
    """Raises SlackError: invalid_arguments naming each JSON pointer, or view_too_large."""
    if not isinstance(view, dict):
        raise SlackError("invalid_arguments", ["[ERROR] must be an object [json-pointer:/view]"])
    if len(json.dumps(view, ensure_ascii=False).encode()) > VIEW_BYTES:
        raise SlackError("view_too_large")
    findings = Findings()
    kind = view.get("type")
    if kind not in kinds:
        findings.add("/view/type", f"must be one of: {', '.join(kinds)}")
    elif kind == "modal":
        findings.keys(view, "/view", ("title", "blocks"), ("submit", "close", *_SETTINGS))
        for key in ("title", "submit", "close"):
            findings.text(view, key, "/view", 24, PLAIN)
    else:
        findings.keys(view, "/view", ("blocks",), _SETTINGS)
    findings.string(view, "private_metadata", "/view", 3000, 0)
    findings.string(view, "callback_id", "/view", 255)
    findings.string(view, "external_id", "/view", 255, 0)
    for key in ("clear_on_close", "notify_on_close"):
        findings.boolean(view, key, "/view")
    blocks = view.get("blocks")
    if isinstance(blocks, list):
        check_blocks(blocks, str(kind) if kind in kinds else "modal", "/view", findings, VIEW_BLOCKS)
        inputs = any(isinstance(block, dict) and block.get("type") == "input" for block in blocks)
        if kind == "modal" and inputs and not view.get("submit"):
            findings.add("/view", "missing required field: submit (the view has an input block)")
    elif blocks is not None:
        findings.add("/view/blocks", "must be an array")
    if findings.messages:
        raise SlackError("invalid_arguments", findings.messages)


def stored_view(workspace: Workspace, view: Json, view_id: str, root: str, previous: str | None) -> Json:
    """The view as Slack keeps it and shows it in payloads, with a fresh hash."""
    plain: Json = {"title": None, "submit": None, "close": None} if view["type"] == "modal" else {}
    return {
        **plain,
        **{key: value for key, value in view.items() if key != "submit_disabled"},
        "blocks": with_ids(view["blocks"]),
        "id": view_id,
        "team_id": workspace.team_id,
        "private_metadata": view.get("private_metadata", ""),
        "callback_id": view.get("callback_id", ""),
        "external_id": view.get("external_id", ""),
        "clear_on_close": view.get("clear_on_close", False),
        "notify_on_close": view.get("notify_on_close", False),
        "state": {"values": {}},
        "hash": f"{workspace.next_ts()}.{workspace.next_id('h')[-8:]}",
        "root_view_id": root,
        "previous_view_id": previous,
        "app_id": workspace.app_id,
        "app_installed_team_id": workspace.team_id,
        "bot_id": workspace.bot_id,
    }
