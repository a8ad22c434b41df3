"""When the exchange is open: the New York Stock Exchange's regular sessions, holidays and early closes.

Computed rather than looked up, so that the stand-in needs no time zone database and no calendar package.
Good from 2022 (Juneteenth) on; days of mourning are not known. Source: the exchange's published holidays.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone

MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6
OPENS, CLOSES, CLOSES_EARLY = time(9, 30), time(16, 0), time(13, 0)
LONGEST_CALENDAR = timedelta(days=366 * 3)


@dataclass(frozen=True)
class Session:
    """One trading day, open to close, aware."""

    day: date
    opens: datetime
    closes: datetime

    @property
    def early(self) -> bool:
        return self.closes.time() == CLOSES_EARLY


def eastern(day: date) -> timezone:
    """New York's offset; summer time from the 2nd Sunday of March to the 1st of November (since 2007)."""
    summer = _nth(day.year, 3, SUNDAY, 2) <= day < _nth(day.year, 11, SUNDAY, 1)
    return timezone(timedelta(hours=-4 if summer else -5))


def session_on(day: date) -> Session | None:
    """The session of that day, or None on weekends and holidays."""
    if day.weekday() >= SATURDAY or day in _holidays(day.year):
        return None
    zone = eastern(day)
    closes = CLOSES_EARLY if _closes_early(day) else CLOSES
    return Session(day, datetime.combine(day, OPENS, zone), datetime.combine(day, closes, zone))


def sessions(first: date, last: date) -> Iterator[Session]:
    """Sessions from `first` to `last`, both included; at most three years of them."""
    for offset in range(min((last - first), LONGEST_CALENDAR).days + 1):
        session = session_on(first + timedelta(days=offset))
        if session is not None:
            yield session


def around(now: datetime) -> tuple[bool, datetime, datetime]:
    """Whether the exchange is open at `now`, its next opening and its next close."""
    today = now.astimezone(UTC).date() - timedelta(days=1)
    coming = [s for s in sessions(today, today + timedelta(days=14)) if s.closes > now]
    is_open = coming[0].opens <= now
    return is_open, (coming[1] if is_open else coming[0]).opens, coming[0].closes


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _last_monday_of_may(year: int) -> date:
    end = date(year, 5, 31)
    return end - timedelta(days=end.weekday())


def _observed(day: date) -> date:
    if day.weekday() == SATURDAY:
        return day - timedelta(days=1)
    return day + timedelta(days=1) if day.weekday() == SUNDAY else day


def _easter(year: int) -> date:
    """Easter Sunday by the anonymous Gregorian computus."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    rest = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * rest) // 451
    month, day = divmod(h + rest - 7 * m + 114, 31)
    return date(year, month, day + 1)


def _holidays(year: int) -> frozenset[date]:
    fixed = {_observed(date(year, month, day)) for month, day in ((6, 19), (7, 4), (12, 25))}
    new_year = date(year, 1, 1)
    if new_year.weekday() != SATURDAY:  # else it is not observed: the year's books close on that Friday
        fixed.add(_observed(new_year))
    return frozenset(
        fixed
        | {
            _nth(year, 1, MONDAY, 3),
            _nth(year, 2, MONDAY, 3),
            _easter(year) - timedelta(days=2),
            _last_monday_of_may(year),
            _nth(year, 9, MONDAY, 1),
            _nth(year, 11, THURSDAY, 4),
        }
    )


def _closes_early(day: date) -> bool:
    """The day after Thanksgiving, Christmas Eve, and July 3 when the 4th is a weekday."""
    if day == _nth(day.year, 11, THURSDAY, 4) + timedelta(days=1):
        return True
    return (day.month, day.day) == (12, 24) or ((day.month, day.day) == (7, 3) and day.weekday() < 4)
