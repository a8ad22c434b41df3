"""How a call to the outside went, for whoever counts: what was called, how it ended, how long it took."""

from collections.abc import Callable

# (what was called, from a fixed list; how it ended, one of the words below; seconds). Must not block nor raise.
Observe = Callable[[str, str, float], None]

OK = "ok"
RATELIMITED = "ratelimited"  # asked to wait; nothing was done
REFUSED = "refused"  # a plain no; nothing was done
TIMEOUT = "timeout"  # no answer in time; what was done is not known
ERROR = "error"  # a 5xx, a cut connection, an answer that cannot be read; what was done is not known
OUTCOMES = (OK, RATELIMITED, REFUSED, TIMEOUT, ERROR)


def unobserved(what: str, outcome: str, seconds: float) -> None:
    """Nobody counts."""
