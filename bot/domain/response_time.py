"""By when an incident must be acknowledged. Source: `procedure.md`, Severity Levels."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from bot.domain.words import Severity

_SATURDAY = 5


@dataclass(frozen=True)
class SeverityLevel:
    """A severity as the desk defines it. `respond_within` None means by the end of the next business day."""

    severity: Severity
    definition: str
    respond_within: timedelta | None
    response_text: str  # "immediately", "15 minutes", "next business day"


def acknowledge_by(level: SeverityLevel, opened_at: datetime, zone: tzinfo, day_ends: time) -> datetime:
    """The deadline, in the zone of `opened_at` (aware). Immediately is `opened_at` itself.

    A business day is Monday to Friday in `zone`; the exchange's holidays are not known here.
    """
    if level.respond_within is not None:
        return opened_at + level.respond_within
    day = opened_at.astimezone(zone).date() + timedelta(days=1)
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    return datetime.combine(day, day_ends, tzinfo=zone).astimezone(opened_at.tzinfo)
