"""Text from outside made into text that shows as text: in mrkdwn, in plain_text, in Markdown, in mail.

Sources: Slack's "Formatting message text" (only & < > are escaped, as entities), and the way Slack's
formatting markers work (they act at the edge of a word). Slack has no escape for its markers, so those that
could act are replaced by a character that looks the same; `reject_rate` and `a*b` keep theirs.
"""

import re
import unicodedata

ELLIPSIS = "…"
SLOT_FIRST, SLOT_LAST = "\ue000", "\ue00f"  # reserved for the slots of templates, see slots.py

# Direction marks and overrides can make a line read otherwise than it is; zero-width characters hide text.
_INVISIBLE = re.compile("[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
_SPACES = re.compile(r"[\s\x00\x1c-\x1f\x85\u2028\u2029]+")
_LOOKALIKE = {"*": "\u2217", "_": "\u02cd", "~": "\u223c", "`": "\u02cb"}
_MARKER = re.compile(r"(?<![A-Za-z0-9])[*_~]|[*_~](?![A-Za-z0-9])|`")
_EMOJI_CODE = re.compile(r":(?=[a-z0-9_+'-]*[a-z][a-z0-9_+'-]*:)", re.IGNORECASE)
_PLAIN_BREAK = re.compile(r"&(?=(?:amp|lt|gt);)|<(?=[!@#]|https?:|mailto:)")
_LEADING_QUOTE = re.compile(r"^(\s*)>")
_MARKDOWN = re.compile(r"[\\`*\[\]|~<]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|&(?=#?[A-Za-z0-9]+;)")
_MARKDOWN_START = re.compile(r"^(?=[#>+=-])|^(?P<number>\d+)(?=[.)])")
_JOINER = "\u2060"  # zero width, keeps two characters together without making them a token


def clean(value: str) -> str:
    """One line without control characters, direction overrides, lone surrogates or reserved characters.

    White space of any length becomes one space; what cannot be shown becomes U+FFFD, so that it is seen.
    """
    if value.isascii() and value.isprintable():  # most text by far
        return " ".join(value.split())
    line = _SPACES.sub(" ", _INVISIBLE.sub("", value)).strip()
    return "".join("\ufffd" if _unshowable(char) else char for char in line)


def _unshowable(char: str) -> bool:
    if char.isascii():
        return not char.isprintable()
    if SLOT_FIRST <= char <= SLOT_LAST or ord(char) & 0xFFFE == 0xFFFE:
        return True
    return unicodedata.category(char) in ("Cc", "Cs")


def units(value: str) -> int:
    """Length as Slack's JavaScript counts it: UTF-16 units, so an emoji outside the first plane is two."""
    return len(value) if value.isascii() else len(value.encode("utf-16-le", "surrogatepass")) // 2


def cut(value: str, limit: int) -> str:
    """At most `limit` UTF-16 units of text without markup, with an ellipsis when something was left out."""
    if limit < 1:
        raise ValueError(f"a text cannot be cut to {limit} characters")
    if units(value) <= limit:
        return value
    used, end = 0, 0
    for end, char in enumerate(value):  # noqa: B007 - `end` is the place where the loop stops
        used += units(char)
        if used > limit - 1:
            break
    for _ in range(8):  # do not take half of a joined emoji, or an accent from its letter
        if end > 0 and (_joins(value[end]) or value[end - 1] == "\u200d"):
            end -= 1
    return value[:end].rstrip() + ELLIPSIS


def _joins(char: str) -> bool:
    return char == "\u200d" or "\ufe00" <= char <= "\ufe0f" or unicodedata.combining(char) != 0


def entities(value: str) -> str:
    """Slack's three control characters as entities."""
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mrkdwn(value: str) -> str:
    """Cleaned text as mrkdwn that renders as that text: no mention, link, emphasis, code, quote or emoji."""
    line = _LEADING_QUOTE.sub("\\1\uff1e", value)  # Slack quotes a line that begins with `&gt;`, too
    line = _MARKER.sub(lambda found: _LOOKALIKE[found.group()], line)
    line = _EMOJI_CODE.sub(":" + _JOINER, line)
    return entities(line)


def plain(value: str) -> str:
    """Cleaned text for plain_text, which has no markup, though some of Slack's clients decode entities there.

    Raw & < > show rightly whether or not a client decodes; only text that spells an entity (`&lt;`) must be
    kept from being decoded, by a zero-width joiner. What spells a mention or a link gets one too.
    """
    return _PLAIN_BREAK.sub(lambda found: found.group() + _JOINER, value)


def markdown(value: str) -> str:
    """Cleaned text as Markdown (CommonMark and tables) that renders as that text and stays readable."""
    line = _MARKDOWN.sub(r"\\\g<0>", value)
    return _MARKDOWN_START.sub(lambda found: (found["number"] or "") + "\\", line)
