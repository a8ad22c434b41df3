"""The primitives of the Block Kit check: required fields, lengths, counts; each with its JSON pointer."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.slack.records import Json


def units(text: str) -> int:
    """The length in UTF-16 units, in which a picture sign counts twice: the stricter way to count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@dataclass
class Findings:
    """What is wrong with a payload, in Slack's own manner of saying it. Empty means valid."""

    messages: list[str] = field(default_factory=list)

    def add(self, pointer: str, what: str) -> None:
        self.messages.append(f"[ERROR] {what} [json-pointer:{pointer}]")

    def keys(
        self, node: Json, pointer: str, required: Collection[str], optional: Collection[str] = ()
    ) -> None:
        """Slack refuses what it does not know as well as what is missing."""
        for key in required:
            if node.get(key) is None:
                self.add(pointer, f"missing required field: {key}")
        for key in node:
            if key != "type" and key not in required and key not in optional:
                self.add(pointer, f"invalid additional property: {key}")

    def string(self, node: Json, key: str, pointer: str, most: int, least: int = 1) -> None:
        value = node.get(key)
        if value is None:
            return
        where = f"{pointer}/{key}"
        if not isinstance(value, str):
            self.add(where, "must be a string")
        elif units(value) > most:
            self.add(where, f"must be less than {most + 1} characters")
        elif len(value) < least:
            self.add(where, f"must be more than {least - 1} characters")

    def items(
        self, node: Json, key: str, pointer: str, most: int, least: int = 1
    ) -> Iterator[tuple[str, Any]]:
        """The items of a list with their pointers; findings on its length. A missing list yields nothing."""
        value = node.get(key)
        if value is None:
            return
        where = f"{pointer}/{key}"
        if not isinstance(value, list):
            self.add(where, "must be an array")
            return
        if len(value) > most:
            self.add(where, f"no more than {most} items allowed")
        if len(value) < least:
            self.add(where, f"no less than {least} items allowed")
        for index, item in enumerate(value):
            yield f"{where}/{index}", item

    def choice(self, node: Json, key: str, pointer: str, allowed: Collection[str]) -> None:
        value = node.get(key)
        if value is not None and value not in allowed:
            self.add(f"{pointer}/{key}", f"must be one of: {', '.join(sorted(allowed))}")

    def boolean(self, node: Json, key: str, pointer: str) -> None:
        if key in node and not isinstance(node[key], bool):
            self.add(f"{pointer}/{key}", "must be a boolean")

    def text(
        self,
        node: Json,
        key: str,
        pointer: str,
        most: int = 3000,
        kinds: Collection[str] = ("plain_text", "mrkdwn"),
    ) -> None:
        """A text object under `key`, when it is there."""
        value = node.get(key)
        if value is not None:
            self.text_object(value, f"{pointer}/{key}", most, kinds)

    def text_object(self, value: Any, pointer: str, most: int, kinds: Collection[str]) -> None:
        if not isinstance(value, dict):
            self.add(pointer, "must be a text object")
            return
        if value.get("type") not in kinds:
            self.add(f"{pointer}/type", f"must be one of: {', '.join(sorted(kinds))}")
        own = ("emoji",) if value.get("type") == "plain_text" else ("verbatim",)
        self.keys(value, pointer, ("text",), own)
        self.string(value, "text", pointer, most)
