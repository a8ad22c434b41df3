"""The check of Block Kit's elements: buttons, menus, inputs, confirm dialogs. Source: Block Kit reference."""

from collections.abc import Callable, Collection
from typing import Any

from bot.simulator.slack.records import Json
from bot.simulator.slack.shape import Findings

PLAIN = ("plain_text",)
_COMMON = ("action_id", "confirm", "focus_on_load")

SELECTS = ("static_select", "external_select", "users_select", "conversations_select", "channels_select")
MULTI_SELECTS = tuple(f"multi_{kind}" for kind in SELECTS)
PICKERS = ("datepicker", "timepicker", "datetimepicker")
TEXT_INPUTS = ("plain_text_input", "number_input", "email_text_input", "url_text_input")

ACTIONS_ELEMENTS = ("button", "overflow", "checkboxes", "radio_buttons", *SELECTS, *MULTI_SELECTS, *PICKERS)
ACCESSORIES = (*ACTIONS_ELEMENTS, "image")
INPUT_ELEMENTS = (*TEXT_INPUTS, "checkboxes", "radio_buttons", *SELECTS, *MULTI_SELECTS, *PICKERS)


def check_element(element: Any, pointer: str, findings: Findings, allowed: Collection[str]) -> None:
    """One element of an actions block, an input block, or a section's accessory."""
    if not isinstance(element, dict):
        findings.add(pointer, "must be an object")
        return
    kind = element.get("type")
    if kind not in allowed:
        findings.add(f"{pointer}/type", f"unsupported type: {kind}")
        return
    findings.string(element, "action_id", pointer, 255)
    _CHECKS.get(str(kind), _menu)(element, pointer, findings)
    if element.get("confirm") is not None:
        _confirm(element["confirm"], f"{pointer}/confirm", findings)


def check_image(element: Json, pointer: str, findings: Findings, more: Collection[str] = ()) -> None:
    findings.keys(element, pointer, ("alt_text",), ("image_url", "slack_file", *more))
    if (element.get("image_url") is None) == (element.get("slack_file") is None):
        findings.add(pointer, "must define exactly one of: image_url, slack_file")
    findings.string(element, "image_url", pointer, 3000)
    findings.string(element, "alt_text", pointer, 2000)


def _confirm(node: Any, pointer: str, findings: Findings) -> None:
    if not isinstance(node, dict):
        findings.add(pointer, "must be an object")
        return
    findings.keys(node, pointer, ("title", "text", "confirm", "deny"), ("style",))
    findings.text(node, "title", pointer, 100, PLAIN)
    findings.text(node, "text", pointer, 300)
    findings.text(node, "confirm", pointer, 30, PLAIN)
    findings.text(node, "deny", pointer, 30, PLAIN)
    findings.choice(node, "style", pointer, ("primary", "danger"))


def _button(node: Json, pointer: str, findings: Findings) -> None:
    findings.keys(
        node, pointer, ("text",), ("action_id", "url", "value", "style", "confirm", "accessibility_label")
    )
    findings.text(node, "text", pointer, 75, PLAIN)
    findings.string(node, "value", pointer, 2000)
    findings.string(node, "url", pointer, 3000)
    findings.choice(node, "style", pointer, ("primary", "danger"))
    findings.string(node, "accessibility_label", pointer, 75)


def _option(node: Any, pointer: str, findings: Findings, kinds: Collection[str], url: bool = False) -> None:
    if not isinstance(node, dict):
        findings.add(pointer, "must be an object")
        return
    findings.keys(node, pointer, ("text", "value"), ("description", "url") if url else ("description",))
    findings.text(node, "text", pointer, 75, kinds)
    findings.string(node, "value", pointer, 150)
    findings.text(node, "description", pointer, 75, kinds)
    findings.string(node, "url", pointer, 3000)


def _overflow(node: Json, pointer: str, findings: Findings) -> None:
    findings.keys(node, pointer, ("options",), ("action_id", "confirm"))
    for where, option in findings.items(node, "options", pointer, 5):
        _option(option, where, findings, PLAIN, url=True)


def _choices(node: Json, pointer: str, findings: Findings) -> None:
    """Checkboxes and radio buttons: at most 10 options, whose text may be mrkdwn."""
    initial = "initial_options" if node["type"] == "checkboxes" else "initial_option"
    findings.keys(node, pointer, ("options",), (*_COMMON, initial))
    for where, option in findings.items(node, "options", pointer, 10):
        _option(option, where, findings, ("plain_text", "mrkdwn"))
    _initial_among_options(node, initial, pointer, findings)


def _menu(node: Json, pointer: str, findings: Findings) -> None:
    """Select menus of every source, single and multi."""
    kind = str(node["type"])
    multi = kind.startswith("multi_")
    source = kind.removeprefix("multi_")
    optional = [*_COMMON, "placeholder"] + (["max_selected_items"] if multi else [])
    if source == "static_select":
        optional += ["options", "option_groups", "initial_options" if multi else "initial_option"]
    elif source == "external_select":
        optional += ["min_query_length", "initial_options" if multi else "initial_option"]
    else:
        single = source.removesuffix("s_select")
        optional += [f"initial_{single}s" if multi else f"initial_{single}"]
        optional += ["filter", "default_to_current_conversation", "response_url_enabled"]
    findings.keys(node, pointer, (), optional)
    findings.text(node, "placeholder", pointer, 150, PLAIN)
    if source != "static_select":
        return
    if ("options" in node) == ("option_groups" in node):
        findings.add(pointer, "must define exactly one of: options, option_groups")
    for where, option in findings.items(node, "options", pointer, 100):
        _option(option, where, findings, PLAIN)
    for where, group in findings.items(node, "option_groups", pointer, 100):
        if not isinstance(group, dict):
            findings.add(where, "must be an object")
            continue
        findings.keys(group, where, ("label", "options"))
        findings.text(group, "label", where, 75, PLAIN)
        for place, option in findings.items(group, "options", where, 100):
            _option(option, place, findings, PLAIN)
    _initial_among_options(node, "initial_options" if multi else "initial_option", pointer, findings)


def _initial_among_options(node: Json, key: str, pointer: str, findings: Findings) -> None:
    initial = node.get(key)
    if initial is None:
        return
    offered = all_options(node)
    for option in initial if isinstance(initial, list) else [initial]:
        if option not in offered:
            findings.add(f"{pointer}/{key}", "must exactly match one of the provided options")


def all_options(element: Json) -> list[Json]:
    """The options of a menu, those in groups included."""
    options = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        if isinstance(group, dict):
            options += group.get("options") or []
    return [option for option in options if isinstance(option, dict)]


def _plain_text_input(node: Json, pointer: str, findings: Findings) -> None:
    findings.keys(
        node,
        pointer,
        (),
        (
            *("action_id", "focus_on_load", "placeholder", "initial_value", "multiline"),
            *("min_length", "max_length", "dispatch_action_config"),
        ),
    )
    findings.text(node, "placeholder", pointer, 150, PLAIN)
    findings.boolean(node, "multiline", pointer)
    for key, least in (("min_length", 0), ("max_length", 1)):
        if key in node and not (isinstance(node[key], int) and least <= node[key] <= 3000):
            findings.add(f"{pointer}/{key}", f"must be an integer from {least} to 3000")


def _number_input(node: Json, pointer: str, findings: Findings) -> None:
    findings.keys(
        node,
        pointer,
        ("is_decimal_allowed",),
        (
            *("action_id", "focus_on_load", "placeholder", "initial_value", "min_value", "max_value"),
            "dispatch_action_config",
        ),
    )
    findings.boolean(node, "is_decimal_allowed", pointer)
    findings.text(node, "placeholder", pointer, 150, PLAIN)


def _address_input(node: Json, pointer: str, findings: Findings) -> None:
    allowed = ("action_id", "focus_on_load", "placeholder", "initial_value", "dispatch_action_config")
    findings.keys(node, pointer, (), allowed)
    findings.text(node, "placeholder", pointer, 150, PLAIN)


def _picker(node: Json, pointer: str, findings: Findings) -> None:
    initial = {"datepicker": "initial_date", "timepicker": "initial_time"}
    own = initial.get(str(node["type"]), "initial_date_time")
    findings.keys(node, pointer, (), (*_COMMON, "placeholder", "timezone", own))
    findings.text(node, "placeholder", pointer, 150, PLAIN)


_CHECKS: dict[str, Callable[[Json, str, Findings], None]] = {
    "button": _button,
    "image": check_image,
    "overflow": _overflow,
    "checkboxes": _choices,
    "radio_buttons": _choices,
    "plain_text_input": _plain_text_input,
    "number_input": _number_input,
    "email_text_input": _address_input,
    "url_text_input": _address_input,
    "datepicker": _picker,
    "timepicker": _picker,
    "datetimepicker": _picker,
}
