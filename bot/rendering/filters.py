"""What templates may do to a value: dates, mentions, links, lengths, figures. Only this file makes tokens."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from bot.rendering.slots import CutText, Token
from bot.rendering.text import clean, cut, entities, mrkdwn

_USER = re.compile(r"[UW][A-Z0-9]{2,20}")
_URL_LENGTH = 2000


def utc_text(at: datetime, *, seconds: bool = True) -> str:
    """`2026-11-22 10:05:12 UTC`, for where each reader's own time cannot be shown."""
    if at.tzinfo is None:
        raise ValueError(f"the time {at.isoformat()} has no time zone: pass aware UTC times to templates")
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC" if seconds else "%Y-%m-%d %H:%M UTC")


def when(at: datetime, *, seconds: bool = False, day: bool = True) -> Token:
    """A time that each reader sees as their own."""
    fallback = utc_text(at, seconds=seconds)
    shown = ("{date_short_pretty} " if day else "") + ("{time_secs}" if seconds else "{time}")
    return Token(f"<!date^{int(at.timestamp())}^{shown}|{fallback}>", fallback)


def who(user: str | None) -> Token | str:
    """A mention of a Slack user id; anything else (a command line's user, say) is text."""
    if user is None:
        return "Haltdesk"
    return Token(f"<@{user}>", f"@{user}") if _USER.fullmatch(user) else CutText(cut(clean(user), 60))


def person(user: str | None, people: Mapping[str, str]) -> str:
    """A name for documents, where a mention is not shown: the name that is known for the id, else the id."""
    return "Haltdesk" if user is None else people.get(user, user)


def safe_url(url: object) -> str | None:
    """The address, safe for a link, when it is http or https with a host and no user part; else None."""
    if not isinstance(url, str) or not url.isprintable() or len(url) > _URL_LENGTH:
        return None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        safe = quote(url, safe="/:?#[]@!$&'()*+,;=%~-._", errors="strict")
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        return None
    return safe if len(safe) <= _URL_LENGTH else None


def link(label: str, url: object) -> Token | str:
    """A link with a label; without a usable address the label alone."""
    safe, text = safe_url(url), cut(clean(label), 80)
    if safe is None:
        return CutText(text)
    return Token(f"<{entities(safe)}|{mrkdwn(text).replace('|', '¦')}>", f"{text} ({safe})")


def cut_to(value: object, limit: int) -> CutText:
    return CutText(cut(clean(str(value)), limit))


def as_json(value: object) -> Markup:
    """A whole JSON value, for ids and opaque strings that must come through unchanged."""
    return Markup(json.dumps(value, ensure_ascii=True))


def button_value(**parts: object) -> Markup:
    """A button's value: compact JSON, as a JSON string."""
    return as_json(json.dumps(parts, separators=(",", ":")))


def span(length: timedelta) -> str:
    """A length of time in words: `0.11 s`, `45 s`, `4 min`, `2 h 5 min`, `3 d 1 h`."""
    seconds = max(length.total_seconds(), 0.0)
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{int(seconds)} s"
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if minutes < 60:
        return f"{minutes} min"
    if hours < 48:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h" if hours % 24 else f"{hours // 24} d"


def seconds_text(value: object) -> str:
    """Seconds as a figure; what is no number is shown as it came."""
    number = _number(value)
    return str(value) if number is None else f"{number:.2f} s"


def money(value: object) -> str:
    """Dollars with separators: `$2,300.00`; what is no number is shown as it came."""
    number = _number(value)
    if number is None:
        return str(value)
    return f"-${-number:,.2f}" if number < 0 else f"${number:,.2f}"


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < Decimal("1e15") else None


def count(number: object, noun: str, plural: str | None = None) -> str:
    """`1 order`, `120 orders`, `orders not known`."""
    many = plural or noun + "s"
    if number is None:
        return f"{many} not known"
    return f"{number:,} {noun if number == 1 else many}" if isinstance(number, int) else f"{number} {many}"


def names(values: Iterable[str], limit: int = 10) -> str:
    """A list in one line, with how many were left out."""
    given = [cut(clean(value), 80) for value in values]
    rest = len(given) - limit
    return ", ".join(given[:limit]) + (f" and {rest:,} more" if rest > 0 else "")
