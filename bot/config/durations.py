"""Spans of time as a desk writes them: "90s", "15m", "1h30m", "2d", "PT15M"; and back into words."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator

_PLAIN = re.compile(r"(?:(\d+)\s*d)?\s*(?:(\d+)\s*h)?\s*(?:(\d+)\s*m(?:in)?)?\s*(?:(\d+)\s*s)?")
_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_LONGEST = timedelta(days=366)


def parse_duration(text: str) -> timedelta:
    """Raises ValueError with what to write. Zero is "0s"; a bare number has no unit and is refused."""
    stripped = text.strip()
    match = _ISO.fullmatch(stripped.upper()) or _PLAIN.fullmatch(stripped.lower())
    if match is None or not any(match.groups()):
        raise ValueError(f'"{text[:30]}" is no span of time: write "90s", "15m", "1h30m", "2d" or "PT15M"')
    parts = [int(part or 0) for part in match.groups()]
    if sum(parts) > 10**9:
        raise ValueError("a span of time may not be longer than 366 days")
    span = timedelta(days=parts[0], hours=parts[1], minutes=parts[2], seconds=parts[3])
    if span > _LONGEST:
        raise ValueError("a span of time may not be longer than 366 days")
    return span


def duration_text(span: timedelta) -> str:
    """In words, whole units: "15 minutes", "1 hour 30 minutes"; zero is "immediately"."""
    left = int(span.total_seconds())
    words = []
    for seconds, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        count, left = divmod(left, seconds)
        if count:
            words.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return " ".join(words) or "immediately"


def _from_toml(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError('a span of time needs quotes and a unit: "90s", "15m", "1h", "PT15M"')
    return parse_duration(value)


Duration = Annotated[timedelta, BeforeValidator(_from_toml)]
