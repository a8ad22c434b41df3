"""Reads what Slack sends about a press: the button's value, and which incident a message belongs to."""

import json
from collections.abc import Mapping
from typing import Any

from bot.services.desk import Desk
from bot.store import messages

Body = Mapping[str, Any]


def value_of(action: Mapping[str, Any]) -> dict[str, Any]:
    """The button's value as JSON; empty when it is something else."""
    raw = action.get("value") or (action.get("selected_option") or {}).get("value") or ""
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def suffix_of(action: Mapping[str, Any]) -> str:
    """What follows the colon of an action id: `checklist.toggle:triage.acknowledge`."""
    return str(action.get("action_id", "")).partition(":")[2]


def incident_of(desk: Desk, body: Body, value: Mapping[str, Any]) -> int | None:
    """The incident that was pressed on: as the button says, else by the message or thread it stands in."""
    number = value.get("incident")
    if isinstance(number, int):
        return number
    channel = str((body.get("channel") or {}).get("id") or "")
    message = body.get("message") or {}
    container = body.get("container") or {}
    with desk.database.read() as unit:
        for ts in (message.get("ts"), container.get("message_ts"), message.get("thread_ts")):
            found = messages.at_place(unit, channel, str(ts)) if ts else None
            if found is not None:
                return found.incident_id
    return None


def user_of(body: Body) -> str:
    return str((body.get("user") or {}).get("id") or body.get("user_id") or "")


def metadata_of(view: Mapping[str, Any]) -> dict[str, Any]:
    """A modal's private_metadata as it was given when it was opened."""
    return value_of({"value": view.get("private_metadata") or ""})


def text_input(view: Mapping[str, Any], block: str) -> str:
    """What was typed into the text input `block`."""
    found = _input(view, block)
    return str(found.get("value") or "").strip()


def chosen(view: Mapping[str, Any], block: str) -> list[str]:
    """What was chosen in the checkboxes or select `block`."""
    found = _input(view, block)
    options = found.get("selected_options") or (
        [found["selected_option"]] if found.get("selected_option") else []
    )
    return [str(option.get("value")) for option in options]


def has_input(view: Mapping[str, Any], block: str) -> bool:
    return block in ((view.get("state") or {}).get("values") or {})


def _input(view: Mapping[str, Any], block: str) -> Mapping[str, Any]:
    values = (view.get("state") or {}).get("values") or {}
    elements = values.get(block) or {}
    found = elements.get("value")
    return found if isinstance(found, Mapping) else {}
