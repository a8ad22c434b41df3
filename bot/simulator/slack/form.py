"""What a person fills in: the state of inputs as Slack reports it, and what its client refuses."""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from bot.simulator.slack.blocks import elements_of
from bot.simulator.slack.elements import MULTI_SELECTS, PICKERS, SELECTS, TEXT_INPUTS, all_options
from bot.simulator.slack.records import Json

_STATEFUL = (*TEXT_INPUTS, *SELECTS, *MULTI_SELECTS, *PICKERS, "checkboxes", "radio_buttons")
_SELECTED = {
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
}

State = dict[str, dict[str, Json]]


class Refused(AssertionError):
    """An entry that Slack's own client would not send. `errors` is `{block_id: what is wrong}`."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{block}: {what}" for block, what in errors.items()))
        self.errors = dict(errors)


def stateful(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Each block that holds a value, with the element that does."""
    for block in blocks:
        for _, element in elements_of(block):
            if element.get("type") in _STATEFUL:
                yield block, element


def _key(kind: str) -> str:
    """The name under which Slack reports the value of an element of this type."""
    if kind in TEXT_INPUTS:
        return "value"
    if kind in _SELECTED:
        return _SELECTED[kind]
    return "selected_options" if kind == "checkboxes" or kind.startswith("multi_") else "selected_option"


def initial_state(element: Json) -> Json:
    """The state of an element that nobody touched."""
    kind = str(element["type"])
    key = _key(kind)
    initial = element.get("initial_value" if key == "value" else key.replace("selected", "initial"))
    if initial is None and key.endswith("s"):
        initial = []
    return {"type": kind, key: initial}


def entered(element: Json, value: Any) -> Json:
    """The state after a person entered a value: text, an option's value or visible text, or a list of those.

    Raises ValueError when the element does not offer it, naming what it offers.
    """
    kind = str(element["type"])
    key = _key(kind)
    if key == "selected_options":
        wanted = [value] if isinstance(value, str) else list(value or [])
        return {"type": kind, key: [find_option(element, item) for item in wanted]}
    if key == "selected_option":
        return {"type": kind, key: None if value in (None, "") else find_option(element, value)}
    if key.endswith("s") and not isinstance(value, (list, tuple)):
        value = [value]
    if key == "value":
        value = None if value in (None, "") else str(value)
    return {"type": kind, key: value if value != "" else None}


def find_option(element: Json, wanted: Any) -> Json:
    """An option of a menu by its value, its text, or itself. Raises ValueError."""
    options = all_options(element)
    for option in options:
        if wanted in (option, option.get("value"), option.get("text", {}).get("text")):
            return option
    offered = ", ".join(repr(option.get("value")) for option in options) or "nothing"
    raise ValueError(f"{wanted!r} is not offered; there are: {offered}")


def collect(blocks: list[Json], known: State, values: Mapping[str, Any]) -> State:
    """The state of all inputs: what is entered now over what was entered before over the initial values.

    `values` is `{block_id: value}`, or `{block_id: {action_id: value}}` for a block with several elements.
    Raises Refused for entries that are not offered, AssertionError for a block that is not there.
    """
    state: State = {}
    errors: dict[str, str] = {}
    unseen = set(values)
    for block, element in stateful(blocks):
        block_id, action_id = block["block_id"], element["action_id"]
        current = known.get(block_id, {}).get(action_id)
        if current is None or current["type"] != element["type"]:
            current = initial_state(element)
        if block_id in values:
            unseen.discard(block_id)
            value = values[block_id]
            given = value.get(action_id, _ABSENT) if isinstance(value, Mapping) else value
            if given is not _ABSENT:
                try:
                    current = entered(element, given)
                except ValueError as error:
                    errors[block_id] = str(error)
        state.setdefault(block_id, {})[action_id] = current
    if unseen:
        there = ", ".join(sorted(state)) or "none"
        raise AssertionError(f"no input with block_id {', '.join(sorted(unseen))}; the view has: {there}")
    if errors:
        raise Refused(errors)
    return state


_ABSENT = object()


def check_entries(blocks: list[Json], state: State) -> None:
    """Raises Refused for what Slack's client does not send: missing required inputs, bounds, no number."""
    errors: dict[str, str] = {}
    for block, element in stateful(blocks):
        if block["type"] != "input":
            continue
        held = state[block["block_id"]][element["action_id"]]
        value = held[_key(held["type"])]
        problem = _problem(element, value, bool(block.get("optional")))
        if problem:
            errors[block["block_id"]] = problem
    if errors:
        raise Refused(errors)


def _problem(element: Json, value: Any, optional: bool) -> str | None:
    if value is None or value == [] or value == "" or (isinstance(value, str) and not value.strip()):
        return None if optional else "Please complete this required field."
    if element["type"] == "plain_text_input":
        if len(value) < element.get("min_length", 0):
            return f"At least {element['min_length']} characters are needed."
        if len(value) > element.get("max_length", 3000):
            return f"At most {element.get('max_length', 3000)} characters are possible."
    if element["type"] == "number_input":
        return _number_problem(element, value)
    return None


def _number_problem(element: Json, value: str) -> str | None:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return "Please enter a number."
    if not number.is_finite() or (not element["is_decimal_allowed"] and number != number.to_integral_value()):
        return "Please enter a whole number." if number.is_finite() else "Please enter a number."
    if element.get("min_value") is not None and number < Decimal(element["min_value"]):
        return f"The least possible is {element['min_value']}."
    if element.get("max_value") is not None and number > Decimal(element["max_value"]):
        return f"The most possible is {element['max_value']}."
    return None
