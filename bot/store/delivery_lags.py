"""How long messages took from being wanted to being shown in Slack, counted for all processes together."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from bot.store.database import UnitOfWork, on_either
from bot.store.tables import delivery_lags

# Seconds; the last bucket takes whatever is beyond. New bounds go to a new table: the counts stand under these.
BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)


@dataclass(frozen=True)
class Lags:
    """`counts` has one number a bound and one for what is beyond; they are not cumulated."""

    counts: tuple[int, ...]
    seconds: float


NONE = Lags((0,) * (len(BOUNDS) + 1), 0.0)


_ADD = on_either(
    lambda statement: statement.on_conflict_do_update(
        index_elements=["urgency", "bucket"],
        set_={
            "count": delivery_lags.c.count + 1,
            "seconds": delivery_lags.c.seconds + statement.excluded.seconds,
        },
    ),
    delivery_lags,
)


def add(unit: UnitOfWork, urgency: int, lag: timedelta) -> None:
    """Count one delivery. A clock that stands behind gives a negative lag: it counts as none."""
    seconds = max(0.0, lag.total_seconds())
    row = {"urgency": urgency, "bucket": bisect_left(BOUNDS, seconds), "count": 1, "seconds": seconds}
    unit.run(_ADD[unit.dialect], row)


def counted(unit: UnitOfWork) -> Mapping[int, Lags]:
    """The histogram of each urgency that anything was delivered with."""
    found: dict[int, Lags] = {}
    for row in unit.connection.execute(select(delivery_lags)).all():
        known = found.get(row.urgency, NONE)
        counts = list(known.counts)
        counts[row.bucket] += row.count
        found[row.urgency] = Lags(tuple(counts), known.seconds + row.seconds)
    return found
