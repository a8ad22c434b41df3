"""Text from outside that names something and stands in an index: kept short enough for either database to hold.

PostgreSQL refuses an index entry of more than a third of a page, about 2,700 bytes (PostgreSQL manual, "B-Tree
Indexes"), and so the row with it. Alertmanager's groupKey holds every label that a route groups by, and labels may be
of any length.
"""

import hashlib

MOST_BYTES = 2_048  # what is left is for the column that stands beside it in an index


def indexable(text: str) -> str:
    """`text` itself if it is short enough, else its beginning and the SHA-256 of the whole.

    The same text always comes to the same result, and what came of it comes to itself. At most `MOST_BYTES` in UTF-8.
    """
    if len(text) * 4 <= MOST_BYTES:
        return text
    whole = text.encode("utf-8", "replace")
    if len(whole) <= MOST_BYTES:
        return text
    mark = f"...sha256:{hashlib.sha256(whole).hexdigest()}"
    return whole[: MOST_BYTES - len(mark)].decode("utf-8", "ignore") + mark
