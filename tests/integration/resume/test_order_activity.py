"""The latest order activity of a busy account: an old order that moved is seen, or nothing is claimed."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.domain.resuming import Activity
from bot.services.resume_facts import latest_activity
from bot.simulator.broker import Order
from bot.simulator.broker.faults import Kind
from tests.integration.broker.floor import PATIENT, Floor, floor


@pytest.fixture
def desk() -> Iterator[Floor]:
    """An account whose 520 newest orders ended a day ago, and with one order from the day before that is still open."""
    with floor(PATIENT) as stage:
        stage.simulator.clock = stage.simulator.market.clock = stage.time.now
        yield stage


def busy(desk: Floor) -> Order:
    now = desk.time.now()
    old = desk.account.add_order(
        "MSFT", "sell", 5, limit_price=900, submitted_at=now - timedelta(days=2), time_in_force="gtc"
    )
    for place in range(520):
        desk.account.add_order(
            "AAPL",
            "buy",
            1,
            limit_price=100,
            status="canceled",
            submitted_at=now - timedelta(days=1, seconds=place),
        )
    return old


def ago(desk: Floor, found: Activity) -> float:
    assert found.at is not None, found
    return (desk.time.now() - found.at).total_seconds()


def test_without_a_move_the_newest_order_is_the_latest(desk: Floor) -> None:
    busy(desk)
    found = latest_activity(desk.broker, desk.time.now)
    assert ago(desk, found) == pytest.approx(86_400, abs=5)
    assert "AAPL buy canceled" in found.words


def test_the_fill_of_an_order_older_than_the_newest_five_hundred_is_seen(desk: Floor) -> None:
    old = busy(desk)
    desk.time.seconds += 60
    desk.account.fill(old.id, price=900)
    found = latest_activity(desk.broker, desk.time.now)
    assert ago(desk, found) == pytest.approx(0, abs=5)
    assert "MSFT sell filled" in found.words


def test_an_open_order_older_than_the_newest_five_hundred_that_was_filled_in_part_is_seen(
    desk: Floor,
) -> None:
    old = busy(desk)
    desk.time.seconds += 60
    desk.account.fill(old.id, 2, price=900)
    found = latest_activity(desk.broker, desk.time.now)
    assert ago(desk, found) == pytest.approx(0, abs=5)


@pytest.mark.parametrize("path", ["/account/activities/FILL", "/orders"])
@pytest.mark.parametrize("kind", ["status", "html", "cut", "redirect"])
def test_unless_all_of_it_was_seen_nothing_is_known(desk: Floor, path: str, kind: Kind) -> None:
    busy(desk)
    desk.simulator.faults.add("GET", path, kind)
    found = latest_activity(desk.broker, desk.time.now)
    assert found.at is None
    assert found.error is not None


def test_open_orders_that_cannot_all_be_listed_are_not_known(desk: Floor) -> None:
    busy(desk)
    for place in range(600):
        desk.account.add_order("NVDA", "buy", 1, limit_price=1 + place % 7)
    # The first listing is of the newest orders of any status; the open ones take two pages, of which the second fails.
    desk.simulator.on_request(
        3, lambda _: desk.simulator.faults.add("GET", "/orders", status=500), method="GET", path="/v2/orders"
    )
    found = latest_activity(desk.broker, desk.time.now)
    assert found.at is None
    assert "not every open order could be seen: page 2" in str(found.error)


def test_a_quiet_account_is_asked_for_nothing_more(desk: Floor) -> None:
    desk.orders(3)
    assert latest_activity(desk.broker, desk.time.now).at is not None
    assert [one.path for one in desk.simulator.requests] == ["/v2/orders", "/v2/clock"]
