"""Types of single settings that are written as text: lists with commas, channels, people, log levels."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator

_PERSON = re.compile(r"[UWS][A-Za-z0-9_-]+")
_CHANNEL = re.compile(r"#?[\w.-]{1,80}")
_EMAIL = re.compile(r"[^@\s,<>]+@[^@\s,<>]+")


def split_list(value: Any) -> Any:
    """'a, b,' -> ('a', 'b'), each once, in order; what is not text is left to the field's own type."""
    if not isinstance(value, str):
        return value
    return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))


def _people(ids: tuple[str, ...]) -> tuple[str, ...]:
    wrong = [person for person in ids if not _PERSON.fullmatch(person)]
    if wrong:
        raise ValueError(
            f"{', '.join(map(repr, wrong))} is no Slack id: users' start with U or W, user groups' with S "
            "(in Slack: profile, three dots, Copy member ID)"
        )
    return ids


def _emails(addresses: tuple[str, ...]) -> tuple[str, ...]:
    wrong = [address for address in addresses if not _EMAIL.fullmatch(address)]
    if wrong:
        raise ValueError(f"{', '.join(map(repr, wrong))} is no mail address")
    return addresses


def _channel(name: str) -> str:
    if not _CHANNEL.fullmatch(name):
        raise ValueError("must be a channel's id (in Slack: channel details, at the bottom) or its name")
    return name


PersonList = Annotated[tuple[str, ...], BeforeValidator(split_list), AfterValidator(_people)]
EmailList = Annotated[tuple[str, ...], BeforeValidator(split_list), AfterValidator(_emails)]
ChannelName = Annotated[str, AfterValidator(_channel)]
LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"],
    BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
]
LogFormat = Annotated[
    Literal["text", "json"],
    BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
]
