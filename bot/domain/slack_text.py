"""Slack's message text as the plain text that was meant: entities, links and mentions undone."""

import re

MAX_TEXT = 40_000  # characters of a message, Slack's own limit
MAX_URL = 2_000

_MARKED = re.compile(r"<([^<>|\s]{1,4000})(?:\|([^<>]{0,4000}))?>")
_URL = re.compile(r"https?://[^\s<>|\"\x00-\x1f]{1,4000}")


def plain(text: object, most: int = MAX_TEXT) -> str:
    """The text without Slack's marks. Anything that is not text is nothing; NUL and half characters are dropped."""
    if not isinstance(text, str):
        return ""
    cut = text[:most].replace("\x00", "").encode("utf-8", "replace").decode()
    return _unescaped(_MARKED.sub(lambda found: found[2] or found[1].removeprefix("mailto:"), cut))


def first_url(text: object) -> str | None:
    """The first http or https address in the text, or None. A longer one than anybody needs is none."""
    if not isinstance(text, str):
        return None
    found = _URL.search(text[:MAX_TEXT])
    if found is None:
        return None
    url = _unescaped(found[0])
    return url if len(url) <= MAX_URL else None


def only_url(text: object) -> str | None:
    """The text if it is as a whole an http or https address, else None."""
    return first_url(text) if isinstance(text, str) and _URL.match(text.strip()) else None


def one_line(text: str) -> str:
    return " ".join(text.split())


def _unescaped(text: str) -> str:
    # Slack escapes these three and no other; the ampersand last, or "&amp;lt;" would become "<".
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
