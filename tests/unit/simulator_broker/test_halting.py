"""What a halt meets at the broker: suspension, cancels that are only requests, stubborn orders, paging."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.common.rest import RESTClient

from bot.simulator.broker import Account, BrokerSimulator

from .conftest import StillClock

ORDER = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
SUSPENDED = {"code": 40310000, "message": "new orders are rejected by user request"}


def quotes(account: Account, count: int) -> list[str]:
    return [account.add_order("AAPL", "buy", 1, limit_price=100 + n).id for n in range(count)]


def items(answer: Any) -> dict[str, int]:
    return {item["id"]: item["status"] for item in answer}


def refused(error: pytest.ExceptionInfo[APIError]) -> tuple[int, dict[str, Any]]:
    return error.value.status_code, json.loads(str(error.value))


def test_a_suspended_account_takes_no_order_of_any_kind_and_still_cancels(
    rest: Any, account: Account
) -> None:
    account.add_position("AAPL", 10, 180, 190)
    resting = account.add_order("AAPL", "buy", 1, limit_price=100)
    rest.patch("/account/configurations", {"suspend_trade": True})
    assert rest.get("/account")["trade_suspended_by_user"] is True
    attempts: list[Callable[[], Any]] = [
        lambda: rest.post("/orders", ORDER),
        lambda: rest.delete("/positions/AAPL"),
        lambda: rest.patch(f"/orders/{resting.id}", {"limit_price": "101"}),
    ]
    for attempt in attempts:
        with pytest.raises(APIError) as error:
            attempt()
        assert refused(error) == (403, SUSPENDED)
    assert rest.delete(f"/orders/{resting.id}") is None
    assert account.order(resting.id).status == "canceled"


def test_the_configuration_changes_by_what_is_sent_and_refuses_what_it_does_not_know(
    rest: Any, trading: Any, account: Account
) -> None:
    rest.patch("/account/configurations", {"no_shorting": True, "max_margin_multiplier": "1"})
    told = trading.get_account_configurations()
    assert (told.no_shorting, told.max_margin_multiplier, told.suspend_trade) == (True, "1", False)
    for changes in ({"suspend_trading": True}, {"suspend_trade": "yes"}, {"max_margin_multiplier": "8"}):
        with pytest.raises(APIError) as error:
            rest.patch("/account/configurations", {"fractional_trading": False, **changes})
        assert error.value.status_code == 422
    assert account.configuration["fractional_trading"] is True
    trading.set_account_configurations(told)  # sends every field back
    assert account.configuration["max_margin_multiplier"] == "1"


def test_of_120_orders_one_sticks_and_one_is_refused(rest: Any, account: Account) -> None:
    ids = quotes(account, 120)
    account.stick(ids[7])
    account.refuse(ids[40], status=500)
    first = rest.delete("/orders")
    assert len(first) == 120
    assert {item["id"]: item["status"] for item in first if item["status"] != 200} == {ids[40]: 500}
    left = rest.get("/orders", {"status": "open", "limit": 500})
    assert {order["id"]: order["status"] for order in left} == {ids[7]: "pending_cancel", ids[40]: "new"}
    with pytest.raises(APIError) as error:
        rest.delete(f"/orders/{ids[7]}")
    assert refused(error)[1]["message"] == 'order is already in "pending_cancel" state'
    account.release(ids[7])
    account.accept(ids[40])
    assert items(rest.delete("/orders")) == {ids[40]: 200}
    assert account.open_orders == ()


def test_a_refusal_can_wear_out(rest: Any, account: Account) -> None:
    (order_id,) = quotes(account, 1)
    account.refuse(order_id, status=422, times=2)
    statuses = [rest.delete("/orders")[0]["status"] for _ in range(3)]
    assert statuses == [422, 422, 200]


def test_a_cancel_that_is_accepted_can_still_lose_to_a_fill(rest: Any, account: Account) -> None:
    (order_id,) = quotes(account, 1)
    account.fill_on_cancel(order_id)
    assert rest.delete("/orders")[0]["status"] == 200
    assert account.order(order_id).status == "filled"
    assert rest.get("/positions")[0]["qty"] == "1"


def test_cancels_take_their_time_by_the_brokers_clock(rest: Any, account: Account, clock: StillClock) -> None:
    account.cancel_latency = timedelta(seconds=30)
    quotes(account, 2)
    rest.delete("/orders")
    clock.forward(seconds=29)
    assert [order["status"] for order in rest.get("/orders")] == ["pending_cancel"] * 2
    clock.forward(seconds=1)
    assert rest.get("/orders") == []


def test_open_orders_are_paged_without_loss_even_when_all_are_of_one_instant(
    rest: Any, account: Account
) -> None:
    ids = quotes(account, 120)
    assert len(rest.get("/orders")) == 50
    seen: list[str] = []
    for _ in range(4):
        query: dict[str, Any] = {"status": "open", "limit": 50}
        if seen:
            query["before_order_id"] = seen[-1]
        seen += [order["id"] for order in rest.get("/orders", query)]
    assert seen == ids[::-1]
    upwards = rest.get("/orders", {"after_order_id": ids[117], "direction": "asc"})
    assert [order["id"] for order in upwards] == ids[118:]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 501},
        {"limit": 0},
        {"status": "sleeping"},
        {"direction": "up"},
        {"after": "yesterday"},
        {"before_order_id": "a", "after_order_id": "b"},
    ],
)
def test_a_listing_that_makes_no_sense_is_refused(rest: Any, query: dict[str, Any]) -> None:
    with pytest.raises(APIError) as error:
        rest.get("/orders", query)
    assert error.value.status_code == 422


def test_orders_are_found_by_status_symbol_and_time(rest: Any, account: Account, clock: StillClock) -> None:
    old = account.add_order("AAPL", "buy", 1, limit_price=100)
    clock.forward(minutes=5)
    between = clock.now
    clock.forward(minutes=5)
    new = account.add_order("BTC/USD", "buy", "0.1", limit_price=50000)
    gone = account.add_order("AAPL", "buy", 1, limit_price=90, status="canceled")

    def found(**query: str) -> list[str]:
        return [order["id"] for order in rest.get("/orders", query)]

    assert found() == [new.id, old.id]
    assert found(status="closed") == [gone.id]
    assert found(status="all", direction="asc") == [old.id, new.id, gone.id]
    assert found(symbols="BTCUSD,MSFT") == [new.id]
    assert found(after=between.isoformat()) == [new.id]
    assert found(until=between.isoformat()) == [old.id]


def test_keys_open_their_own_account_and_nothing_else(
    broker: BrokerSimulator, account: Account, connect: Callable[[Account], Any]
) -> None:
    other = broker.account("second")
    account.add_position("AAPL", 1, 100)
    assert connect(other).get("/positions") == []
    assert connect(other).get("/account")["account_number"] == other.number != account.number
    wrong = connect(account)
    wrong._secret_key = other.secret
    with pytest.raises(APIError) as error:
        wrong.get("/account")
    assert error.value.status_code == 403
    other.revoked = True
    with pytest.raises(APIError) as error:
        connect(other).delete("/orders")
    assert error.value.status_code == 401


def test_the_rate_limit_is_the_accounts_and_ends_with_its_minute(clock: StillClock) -> None:
    with BrokerSimulator(clock=clock, requests_per_minute=3) as broker:
        account = broker.account()
        client: Any = RESTClient(
            base_url=broker.url, api_key=account.key_id, secret_key=account.secret, raw_data=True
        )
        client._retry = 0
        try:
            for _ in range(3):
                client.get("/account")
            with pytest.raises(APIError) as error:
                client.get("/account")
            response = error.value._http_error.response
            assert response.status_code == 429
            assert response.headers["X-RateLimit-Limit"] == "3"
            assert response.headers["X-RateLimit-Remaining"] == "0"
            assert int(response.headers["X-RateLimit-Reset"]) == int(clock.now.timestamp()) + 60
            clock.forward(seconds=60)
            assert client.get("/account")["account_number"] == account.number
        finally:
            client._session.close()
