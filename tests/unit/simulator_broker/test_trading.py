"""A strategy trades with alpaca-py's TradingClient, and is refused what Alpaca refuses."""

import json
from decimal import Decimal
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, OrderStatus, TimeInForce
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLossRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
)

from bot.simulator.broker import Account, BrokerSimulator

from .conftest import StillClock

BUY, SELL, DAY, GTC = OrderSide.BUY, OrderSide.SELL, TimeInForce.DAY, TimeInForce.GTC


def market(
    symbol: str, side: OrderSide, qty: float, tif: TimeInForce = DAY, **more: Any
) -> MarketOrderRequest:
    return MarketOrderRequest(symbol=symbol, side=side, qty=qty, time_in_force=tif, **more)


def limit(symbol: str, side: OrderSide, qty: float, price: float, **more: Any) -> LimitOrderRequest:
    return LimitOrderRequest(symbol=symbol, side=side, qty=qty, limit_price=price, time_in_force=GTC, **more)


def refusal(error: pytest.ExceptionInfo[APIError]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(str(error.value))
    return {"status": error.value.status_code, **body}


def test_a_market_order_fills_and_moves_cash_and_position(trading: Any, account: Account) -> None:
    account.set_price("AAPL", "190.50")
    order = trading.submit_order(market("AAPL", BUY, 10))
    assert (order.status, order.filled_avg_price) == (OrderStatus.FILLED, "190.5")
    position = trading.get_open_position("AAPL")
    assert (position.qty, position.avg_entry_price) == ("10", "190.5")
    assert trading.get_account().cash == "98095"
    account.set_price("AAPL", "191.50")
    assert trading.get_account().equity == "100010"


def test_a_limit_order_rests_until_the_price_comes(trading: Any, account: Account) -> None:
    account.set_price("MSFT", 410)
    order = trading.submit_order(limit("MSFT", BUY, 5, 400))
    assert order.status is OrderStatus.NEW
    account.set_price("MSFT", 401)
    assert trading.get_order_by_id(order.id).status is OrderStatus.NEW
    account.set_price("MSFT", 399)
    filled = trading.get_order_by_id(order.id)
    assert (filled.status, filled.filled_avg_price) == (OrderStatus.FILLED, "399")


def test_a_bracket_guards_its_position_and_its_two_exits_exclude_each_other(
    trading: Any, account: Account
) -> None:
    account.set_price("NVDA", 120)
    entry = trading.submit_order(
        market(
            "NVDA",
            BUY,
            10,
            GTC,
            order_class=OrderClass.BRACKET,
            take_profit=TakeProfitRequest(limit_price=130),
            stop_loss=StopLossRequest(stop_price=110),
        )
    )
    assert entry.status is OrderStatus.FILLED
    assert [leg.status for leg in entry.legs or []] == [OrderStatus.NEW, OrderStatus.HELD]
    account.set_price("NVDA", 109)
    assert [order.status for order in account.orders] == ["filled", "canceled", "filled"]
    assert account.positions == {}


def test_an_oco_shows_nested_or_flat_and_ends_as_one(trading: Any, account: Account) -> None:
    account.add_position("AAPL", 10, 180, 190)
    trading.submit_order(
        limit(
            "AAPL",
            SELL,
            10,
            200,
            order_class=OrderClass.OCO,
            take_profit=TakeProfitRequest(limit_price=200),
            stop_loss=StopLossRequest(stop_price=175),
        )
    )
    assert len(trading.get_orders()) == 2
    nested = trading.get_orders(GetOrdersRequest(nested=True))
    assert len(nested) == 1
    assert len(nested[0].legs or []) == 1
    trading.cancel_order_by_id(str(nested[0].id))
    assert account.open_orders == ()


def test_a_trailing_stop_follows_the_price_up_only(trading: Any, account: Account) -> None:
    account.add_position("AAPL", 10, 100, 100)
    request = TrailingStopOrderRequest(symbol="AAPL", side=SELL, qty=10, trail_percent=10, time_in_force=GTC)
    order = trading.submit_order(request)
    account.set_price("AAPL", 120)
    account.set_price("AAPL", 109)
    assert trading.get_order_by_id(order.id).stop_price == "108"
    account.set_price("AAPL", 108)
    assert account.order(str(order.id)).filled_avg_price == 108


def test_what_is_spoken_for_cannot_be_sold_again(trading: Any, account: Account) -> None:
    account.add_position("AAPL", 10, 180, 190)
    trading.submit_order(limit("AAPL", SELL, 8, 200))
    assert trading.get_open_position("AAPL").qty_available == "2"
    with pytest.raises(APIError) as error:
        trading.submit_order(market("AAPL", SELL, 5))
    assert refusal(error) == {
        "status": 403,
        "code": 40310000,
        "message": "insufficient qty available for order (requested: 5, available: 2)",
        "available": "2",
        "existing_qty": "10",
        "held_for_orders": "8",
        "symbol": "AAPL",
    }


@pytest.mark.parametrize(
    ("order", "status", "message"),
    [
        (market("AAPL", BUY, 100_000), 403, "insufficient buying power"),
        (market("UNKNWN", BUY, 1), 422, 'asset "UNKNWN" not found'),
        (market("BTC/USD", SELL, 1, GTC), 403, "insufficient balance for BTC (requested: 1, available: 0)"),
        (market("AAPL", BUY, 1.5, GTC), 422, "fractional orders must be DAY orders"),
        (
            market("AAPL270115C00150000", SELL, 1),
            403,
            "account not eligible to trade uncovered option contracts",
        ),
    ],
)
def test_orders_that_make_no_sense_are_refused_and_leave_no_trace(
    trading: Any, account: Account, order: MarketOrderRequest, status: int, message: str
) -> None:
    for symbol, price in (("AAPL", 190), ("BTC/USD", 60000), ("AAPL270115C00150000", 5)):
        account.set_price(symbol, price)
    with pytest.raises(APIError) as error:
        trading.submit_order(order)
    assert (refusal(error)["status"], refusal(error)["message"]) == (status, message)
    assert account.orders == ()


def test_a_client_order_id_serves_once(trading: Any, account: Account) -> None:
    account.set_price("AAPL", 190)
    first = trading.submit_order(limit("AAPL", BUY, 1, 150, client_order_id="once"))
    with pytest.raises(APIError, match="client_order_id must be unique"):
        trading.submit_order(limit("AAPL", BUY, 1, 150, client_order_id="once"))
    assert trading.get_order_by_client_id("once").id == first.id


def test_shorts_crypto_and_options_are_positions_like_others(trading: Any, account: Account) -> None:
    for symbol, price in (("TSLA", 200), ("BTC/USD", 60000), ("AAPL270115C00150000", "5.5")):
        account.set_price(symbol, price)
    trading.submit_order(market("TSLA", SELL, 5))
    trading.submit_order(market("BTC/USD", BUY, 0.25, GTC))
    trading.submit_order(market("AAPL270115C00150000", BUY, 2))
    told = {p.symbol: (p.qty, p.market_value, p.side.value) for p in trading.get_all_positions()}
    assert told == {
        "TSLA": ("-5", "-1000", "short"),
        "BTCUSD": ("0.25", "15000", "long"),  # without the slash, as Alpaca has it
        "AAPL270115C00150000": ("2", "1100", "long"),
    }
    trading.close_position("TSLA")
    trading.close_position("BTCUSD", ClosePositionRequest(percentage="50"))
    assert {symbol: held.qty for symbol, held in account.positions.items()} == {
        "BTC/USD": Decimal("0.125"),
        "AAPL270115C00150000": 2,
    }


def test_a_replaced_order_lives_on_under_a_new_id(trading: Any, account: Account) -> None:
    account.set_price("AAPL", 190)
    old = trading.submit_order(limit("AAPL", BUY, 10, 150))
    new = trading.replace_order_by_id(str(old.id), ReplaceOrderRequest(qty=5, limit_price=160))
    assert (new.replaces, new.qty, new.limit_price) == (old.id, "5", "160")
    assert [order.status for order in account.orders] == ["replaced", "new"]
    with pytest.raises(APIError, match="replaced"):
        trading.cancel_order_by_id(str(old.id))


def test_closing_everything_cancels_first_and_names_what_it_could_not_close(
    trading: Any, account: Account
) -> None:
    account.add_position("AAPL", 10, 180, 190)
    account.add_position("MSFT", 4, 400, 410)
    account.add_order("AAPL", "sell", 10, "stop", stop_price=170)
    held = {item.symbol: item.status for item in trading.close_all_positions()}
    assert held == {"AAPL": 403, "MSFT": 200}
    rest_of_it = trading.close_all_positions(cancel_orders=True)
    assert [(item.symbol, item.status) for item in rest_of_it] == [("AAPL", 200)]
    assert account.positions == {}


def test_a_closed_market_takes_orders_and_fills_them_at_the_open(clock: StillClock) -> None:
    clock.forward(hours=8)
    with BrokerSimulator(clock=clock, market="exchange") as broker:
        account = broker.account()
        account.set_price("AAPL", 190)
        trading: Any = TradingClient(account.key_id, account.secret, url_override=broker.url)
        try:
            assert trading.get_clock().is_open is False
            order = trading.submit_order(market("AAPL", BUY, 1))
            assert order.status is OrderStatus.ACCEPTED
            clock.now = trading.get_clock().next_open
            assert trading.get_order_by_id(order.id).status is OrderStatus.FILLED
        finally:
            trading._session.close()


def test_fills_are_paged_by_the_last_id_seen(trading: Any, account: Account, clock: StillClock) -> None:
    account.set_price("AAPL", 190)
    for _ in range(5):
        clock.forward(seconds=1)
        trading.submit_order(market("AAPL", BUY, 1))
    seen: list[dict[str, Any]] = []
    for _ in range(4):
        query: dict[str, Any] = {"page_size": 2, "direction": "asc"}
        if seen:
            query["page_token"] = seen[-1]["id"]
        seen += trading.get("/account/activities/FILL", query)
    assert [item["order_id"] for item in seen] == [order.id for order in account.orders]
