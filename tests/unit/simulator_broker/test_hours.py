"""The exchange's hours, against days that its published calendar names."""

from datetime import UTC, date, datetime

import pytest

from bot.simulator.broker import hours


@pytest.mark.parametrize(
    "day",
    [
        "2026-01-01",  # New Year's Day
        "2026-01-19",  # Martin Luther King Jr. Day
        "2026-02-16",  # Washington's Birthday
        "2026-04-03",  # Good Friday
        "2026-05-25",  # Memorial Day
        "2026-06-19",  # Juneteenth
        "2026-07-03",  # Independence Day, observed
        "2026-09-07",  # Labor Day
        "2026-11-26",  # Thanksgiving
        "2026-12-25",  # Christmas
        "2027-07-05",  # Independence Day, observed
        "2024-03-29",  # Good Friday
        "2026-01-10",  # a Saturday
    ],
)
def test_the_exchange_is_shut(day: str) -> None:
    assert hours.session_on(date.fromisoformat(day)) is None


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ("2026-01-07", "14:30", "21:00"),
        ("2026-03-09", "13:30", "20:00"),  # the Monday after summer time began
        ("2026-11-02", "14:30", "21:00"),  # the Monday after it ended
        ("2026-11-27", "14:30", "18:00"),  # the day after Thanksgiving
        ("2026-12-24", "14:30", "18:00"),
        ("2025-07-03", "13:30", "17:00"),
        ("2021-12-31", "14:30", "21:00"),  # New Year's Day on a Saturday is not observed
    ],
)
def test_the_exchange_is_open(day: str, opens: str, closes: str) -> None:
    session = hours.session_on(date.fromisoformat(day))
    assert session is not None
    assert (f"{session.opens.astimezone(UTC):%H:%M}", f"{session.closes.astimezone(UTC):%H:%M}") == (
        opens,
        closes,
    )


def test_over_a_holiday_weekend_the_next_open_is_on_tuesday() -> None:
    friday_evening = datetime(2026, 1, 16, 22, 0, tzinfo=UTC)
    is_open, opens, closes = hours.around(friday_evening)
    assert not is_open
    assert opens == datetime(2026, 1, 20, 14, 30, tzinfo=UTC)
    assert closes == datetime(2026, 1, 20, 21, 0, tzinfo=UTC)


def test_while_it_is_open_the_next_close_comes_before_the_next_open() -> None:
    is_open, opens, closes = hours.around(datetime(2026, 1, 7, 15, 0, tzinfo=UTC))
    assert is_open
    assert (closes, opens) == (
        datetime(2026, 1, 7, 21, 0, tzinfo=UTC),
        datetime(2026, 1, 8, 14, 30, tzinfo=UTC),
    )
