"""The broker's clock is slow to answer: an order looks newer by that at most, and never older than it is."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from bot.ports.broker import MarketClock
from bot.services.resume_facts import latest_activity
from tests.unit.actions.desk import TEN, Account, HandTime

MOVED = TEN + timedelta(seconds=5)
TAKES = 4.0


class Slow(Account):
    """Its clock is read at some moment of a call that takes `TAKES` seconds; it may also go wrong by `off`."""

    def __init__(self, time: HandTime, *, read_after: float, off: timedelta) -> None:
        super().__init__()
        self.time, self.read_after, self.off = time, read_after, off

    def read_clock(self, *, within: float | None = None) -> MarketClock:
        self.time.seconds += self.read_after
        read = self.time.now() + self.off
        self.time.seconds += TAKES - self.read_after
        return MarketClock(is_open=True, at=read)


@pytest.mark.parametrize("read_after", [0.0, 2.0, TAKES])
@pytest.mark.parametrize("off", [timedelta(0), timedelta(minutes=3), timedelta(minutes=-3)])
def test_an_order_that_moved_after_a_reconciliation_began_does_not_look_older_than_it(
    read_after: float, off: timedelta
) -> None:
    """Moved at 15:00:05; a reconciliation that began at 15:00:03 must not pass."""
    time = HandTime()
    time.seconds = 6
    desk = Slow(time, read_after=read_after, off=off)
    (order,) = desk.open(1, submitted_at=MOVED + off, qty=Decimal(1))
    found = latest_activity(desk, time.now)
    at: datetime | None = found.at
    assert at is not None, (order, found)
    assert MOVED <= at <= MOVED + timedelta(seconds=TAKES)
