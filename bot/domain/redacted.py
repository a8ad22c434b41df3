"""Text from errors, made fit to be shown: secrets covered, white space folded, cut to a length."""

import re

COVER = "[hidden]"

_NAMED: tuple[tuple[re.Pattern[str], str], ...] = (
    # user:password@ of an address, whatever the scheme
    (re.compile(r"(?<=://)[^\s/@]+@"), f"{COVER}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {COVER}"),
    # Slack's tokens and webhook paths, Alpaca's key ids
    (re.compile(r"\bx(?:ox[a-z]|app)-[\w-]+"), COVER),
    (re.compile(r"hooks\.slack\.com/\S+"), f"hooks.slack.com/{COVER}"),
    (re.compile(r"\b(?:PK|AK|CK)[A-Z0-9]{14,}\b"), COVER),
    # password=..., "token": "...", APCA-API-SECRET-KEY: ...
    (
        re.compile(
            r"(?i)((?:passw(?:or)?d|secret|token|api[_-]?key|authorization)"
            r"[\w-]{0,40}[\"']?\s?[=:]\s?[\"']?)"
            r"(?!\[hidden\])(?!(?:bearer|basic)\s)[^\s\"'&,;)}]+"
        ),
        rf"\1{COVER}",
    ),
)
# A long run of mixed letters and digits is more likely a key than a word. It is read from its start only:
# from every place in it would take the square of its length.
_RUN = r"(?=[A-Za-z_+=-]*\d)(?=[0-9_+=-]*[A-Za-z])[A-Za-z0-9_+=-]{28,}"
_BEFORE = r"(?<![A-Za-z0-9_+=-])"
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![A-Za-z0-9_+=-])"
_LONG = re.compile(_BEFORE + _RUN)
_LONG_BUT_NO_UUID = re.compile(rf"{_BEFORE}(?!{_UUID}){_RUN}")
_READ_AT_MOST = 4_000  # an error can carry a whole page


def redacted(text: str, most: int = 200) -> str:
    """`text` on one line, without what looks like a secret, at most `most` characters.

    Covering comes before cutting, so that a secret at the cut is not half shown. It is a net below the
    callers' own care, not a replacement: a password that looks like a word and stands alone passes through.
    """
    line = _LONG.sub(COVER, _named(" ".join(text[:_READ_AT_MOST].split())))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def covered(text: str) -> str:
    """`text` as it is, without what looks like a secret: for logs, where an order's id (a UUID) is to be read."""
    return _LONG_BUT_NO_UUID.sub(COVER, _named(text))


def _named(text: str) -> str:
    for pattern, cover in _NAMED:
        text = pattern.sub(cover, text)
    return text
