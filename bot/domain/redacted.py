"""Text from errors, made fit to be shown: secrets covered, white space folded, cut to a length."""

import re

COVER = "[hidden]"

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
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
    # A long run of mixed letters and digits is more likely a key than a word. It is read from its start only:
    # from every place in it would take the square of its length.
    (
        re.compile(r"(?<![A-Za-z0-9_+=-])(?=[A-Za-z_+=-]*\d)(?=[0-9_+=-]*[A-Za-z])[A-Za-z0-9_+=-]{28,}"),
        COVER,
    ),
)
_READ_AT_MOST = 4_000  # an error can carry a whole page


def redacted(text: str, most: int = 200) -> str:
    """`text` on one line, without what looks like a secret, at most `most` characters.

    Covering comes before cutting, so that a secret at the cut is not half shown. It is a net below the
    callers' own care, not a replacement: a password that looks like a word and stands alone passes through.
    """
    line = " ".join(text[:_READ_AT_MOST].split())
    for pattern, cover in _PATTERNS:
        line = pattern.sub(cover, line)
    return line if len(line) <= most else f"{line[: most - 1]}…"
