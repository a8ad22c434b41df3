"""Reads the external labels out of Prometheus' configuration, as `/api/v1/status/config` gives it.

Prometheus writes that text itself, from what it has parsed: always the same YAML, two spaces a level, each label on a
line of its own. No more YAML than that is read; anything else is an error, never a guess.
"""

import json
import re
from collections.abc import Iterator

from bot.ports.answers import FailureKind, MetricsError

_LABEL = re.compile(r"    (\"?)([a-zA-Z_][a-zA-Z0-9_]*)\1: (.+)", re.ASCII)
_PLAIN = re.compile(r"[^\s\"'|>&*!%@`{}\[\],#?:-].*")


def external_labels_from(text: str) -> dict[str, str]:
    """The labels of `global.external_labels`. Raises `MetricsError` for a value that is not on one line."""
    return dict(_labels(text))


def _labels(text: str) -> Iterator[tuple[str, str]]:
    section, inside = "", False
    for line in text.splitlines():
        if line[:1] not in ("", " ", "#"):
            section, inside = line.rstrip(), False
        elif section == "global:" and line.startswith("  ") and line[2:3] not in ("", " "):
            inside = line.rstrip() == "  external_labels:"
        elif inside and line.strip():
            found = _LABEL.fullmatch(line)
            if found is None:
                raise _unread(line)
            yield found[2], _value(found[3])


def _value(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if text[0] == '"':
        try:
            value = json.loads(text)
        except ValueError as failure:
            raise _unread(text) from failure
        if isinstance(value, str):
            return value
    elif _PLAIN.fullmatch(text) and ": " not in text and " #" not in text:
        return text
    raise _unread(text)


def _unread(line: str) -> MetricsError:
    return MetricsError(
        FailureKind.MALFORMED,
        f"Prometheus' external labels could not be read from its configuration ({len(line)} characters).",
    )
