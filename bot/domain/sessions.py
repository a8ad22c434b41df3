"""Trading sessions of the exchange, and when a reconciliation is due around them. Times are aware."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EXCHANGE = ZoneInfo("America/New_York")
OPENS, CLOSES = time(9, 30), time(16)  # the regular session


@dataclass(frozen=True)
class Session:
    """One day's session, in UTC."""

    day: date
    opens: datetime
    closes: datetime


@dataclass(frozen=True)
class Due:
    """A reconciliation that is due. `key` names it within an account: the same moment is planned once."""

    key: str
    at: datetime


def session_on(day: date, opens: time, closes: time) -> Session:
    """A session from the exchange's own wall clock."""
    return Session(
        day,
        datetime.combine(day, opens, EXCHANGE).astimezone(UTC),
        datetime.combine(day, closes, EXCHANGE).astimezone(UTC),
    )


def weekday_sessions(first: date, days: int) -> tuple[Session, ...]:
    """Monday to Friday at the regular hours: what is assumed while no calendar can be had. Holidays are not known."""
    found = (first + timedelta(days=number) for number in range(days))
    return tuple(session_on(day, OPENS, CLOSES) for day in found if day.weekday() < 5)


def due_around(
    sessions: Iterable[Session], before_open: timedelta, after_close: timedelta, now: datetime
) -> Iterator[Due]:
    """Before each open and after each close that is still to come."""
    for session in sessions:
        for word, at in (("open", session.opens - before_open), ("close", session.closes + after_close)):
            if at > now:
                yield Due(f"{session.day.isoformat()}:{word}", at)
