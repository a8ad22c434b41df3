"""When a reconciliation is due: by the exchange's wall clock, over a change of the clocks, never twice."""

from datetime import UTC, date, datetime, time, timedelta

from bot.domain.sessions import due_around, session_on, weekday_sessions

QUARTER = timedelta(minutes=15)


def test_the_exchange_keeps_its_own_time() -> None:
    winter, summer = (
        session_on(date(2026, 1, 5), time(9, 30), time(16)),
        session_on(date(2026, 7, 6), time(9, 30), time(16)),
    )
    assert winter.opens == datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
    assert summer.opens == datetime(2026, 7, 6, 13, 30, tzinfo=UTC)


def test_without_a_calendar_weekdays_are_assumed() -> None:
    friday = date(2026, 3, 6)
    assert [one.day.isoformat() for one in weekday_sessions(friday, 4)] == ["2026-03-06", "2026-03-09"]


def test_what_has_passed_is_not_planned() -> None:
    session = session_on(date(2026, 3, 2), time(9, 30), time(13))  # an early close
    noon = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
    (due,) = due_around([session], QUARTER, QUARTER, noon)
    assert (due.key, due.at) == ("2026-03-02:close", datetime(2026, 3, 2, 18, 15, tzinfo=UTC))
