"""A broker that fails in every way: each fault as a client sees it, and whether the call took effect."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from bot.simulator.broker import Account, BrokerSimulator, Request


class Caller:
    """A plain client with a warm connection: faults must be seen as they are, not as an SDK takes them."""

    def __init__(self, broker: BrokerSimulator, account: Account) -> None:
        self._session = requests.Session()
        self._session.headers.update(
            {"APCA-API-KEY-ID": account.key_id, "APCA-API-SECRET-KEY": account.secret}
        )
        self._url = broker.url

    def __call__(self, method: str, path: str, timeout: float = 5.0, **options: Any) -> requests.Response:
        return self._session.request(
            method, f"{self._url}/v2{path}", timeout=timeout, allow_redirects=False, **options
        )

    def close(self) -> None:
        self._session.close()


@pytest.fixture
def call(broker: BrokerSimulator, account: Account) -> Iterator[Caller]:
    caller = Caller(broker, account)
    yield caller
    caller.close()


@pytest.fixture
def order_id(account: Account) -> str:
    return account.add_order("AAPL", "buy", 1, limit_price=100).id


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("fault", "status", "holds"),
    [
        ({"kind": "status"}, 500, "internal server error"),
        ({"kind": "status", "status": 429, "reset_in": 30.0}, 429, "rate limit exceeded"),
        ({"kind": "redirect"}, 302, ""),
        ({"kind": "html"}, 200, "<title>Sign in</title>"),
        ({"kind": "empty"}, 200, ""),
    ],
)
def test_an_answer_is_replaced_and_the_cancel_happens_only_when_it_says_so(
    broker: BrokerSimulator,
    account: Account,
    call: Caller,
    order_id: str,
    fault: dict[str, Any],
    status: int,
    holds: str,
    after: bool,
) -> None:
    broker.faults.add("DELETE", "/orders", times=1, after=after, **fault)
    answer = call("DELETE", "/orders")
    assert answer.status_code == status
    assert holds in answer.text
    assert account.order(order_id).open is not after
    if "reset_in" in fault:
        assert int(answer.headers["X-RateLimit-Reset"]) == int(broker.clock().timestamp()) + 30
    assert call("DELETE", "/orders").status_code == 207  # worn out


@pytest.mark.parametrize("after", [False, True])
def test_a_connection_is_reset_and_the_next_call_is_fine(
    broker: BrokerSimulator, account: Account, call: Caller, order_id: str, after: bool
) -> None:
    call("GET", "/account")
    broker.faults.add("DELETE", "/orders", "reset", times=1, after=after)
    with pytest.raises(requests.ConnectionError, match="reset"):
        call("DELETE", "/orders")
    assert account.order(order_id).open is not after
    assert call("GET", "/account").status_code == 200


def test_a_hang_is_silence_and_ends_when_the_broker_stops(
    broker: BrokerSimulator, account: Account, call: Caller, order_id: str
) -> None:
    broker.faults.add("PATCH", "/account/configurations", "hang", seconds=600, after=True)
    with pytest.raises(requests.ReadTimeout):
        call("PATCH", "/account/configurations", timeout=0.2, json={"suspend_trade": True})
    assert account.suspended
    assert broker.requests[-1].status is None


def test_a_hang_that_is_over_closes_the_connection(broker: BrokerSimulator, call: Caller) -> None:
    broker.faults.add("GET", "/clock", "hang", seconds=0.01, times=1)
    with pytest.raises(requests.ConnectionError):
        call("GET", "/clock")


def test_a_delay_is_late_and_right(broker: BrokerSimulator, call: Caller, order_id: str) -> None:
    broker.faults.add("GET", "/orders", "delay", seconds=0.05)
    answer = call("GET", "/orders")
    assert answer.elapsed.total_seconds() >= 0.05
    assert [order["id"] for order in answer.json()] == [order_id]


def test_half_an_answer_is_not_json_or_breaks_off(
    broker: BrokerSimulator, account: Account, call: Caller, order_id: str
) -> None:
    broker.faults.add("GET", "/orders", "truncated", times=1)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        call("GET", "/orders").json()
    broker.faults.add("DELETE", "/orders", "cut", times=1)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        call("DELETE", "/orders")
    assert not account.order(order_id).open


def test_wrong_answers_are_json_and_still_wrong(
    broker: BrokerSimulator, account: Account, call: Caller, order_id: str
) -> None:
    account.add_position("AAPL", 1, 100)
    broker.faults.add("GET", "/positions", "unknown_enums")
    position = call("GET", "/positions").json()[0]
    assert (position["asset_class"], position["qty"]) == ("newly_added", "1")
    for price in (101, 102, 103):
        account.add_order("AAPL", "buy", 1, limit_price=price)
    broker.faults.add("GET", "/orders", "partial", times=1)
    assert len(call("GET", "/orders").json()) == 2
    broker.faults.add("DELETE", "/orders", "string_body", body="order canceled")
    assert {item["body"] for item in call("DELETE", "/orders").json()} == {"order canceled"}
    assert account.open_orders == ()


def test_a_fault_strikes_its_own_account_and_path_only(
    broker: BrokerSimulator, account: Account, call: Caller, order_id: str
) -> None:
    other = Caller(broker, broker.account("second"))
    fault = broker.faults.add("*", r"/v2/orders(/.+)?", account="second")
    try:
        assert call("GET", "/orders").status_code == 200
        assert call("DELETE", f"/orders/{order_id}").status_code == 204
        assert other("GET", "/account").status_code == 200
        assert other("GET", f"/orders/{order_id}").status_code == 500
        assert fault.struck == 1
        broker.faults.remove(fault)
        assert other("GET", "/orders").status_code == 200
    finally:
        other.close()


def test_a_test_can_step_in_before_and_after_the_nth_call(
    broker: BrokerSimulator, account: Account, call: Caller, order_id: str
) -> None:
    seen: list[tuple[str, bool]] = []

    def look(request: Request) -> None:
        seen.append((str(request), account.order(order_id).open))

    broker.on_request(2, look)
    broker.on_request(1, look, method="DELETE", path="/v2/orders", after=True)
    call("GET", "/account")
    call("DELETE", "/orders")
    assert seen == [("2. DELETE /v2/orders -> no answer", True), ("2. DELETE /v2/orders -> no answer", False)]


def test_one_can_wait_for_what_clients_do(broker: BrokerSimulator, call: Caller) -> None:
    client = threading.Thread(target=call, args=("GET", "/clock"))
    client.start()
    broker.wait_for(lambda: [request.status for request in broker.requests] == [200])
    client.join()
    with pytest.raises(TimeoutError, match=r"1\. GET /v2/clock -> 200"):
        broker.wait_for(lambda: len(broker.requests) == 2, timeout=0.01)


def test_a_broker_that_was_away_comes_back_where_it_was(
    broker: BrokerSimulator, account: Account, call: Caller, order_id: str
) -> None:
    call("GET", "/account")
    broker.stop()
    with pytest.raises(requests.ConnectionError):
        call("GET", "/account")
    broker.start()
    assert [order["id"] for order in call("GET", "/orders").json()] == [order_id]


def test_what_the_broker_does_not_have_is_named(call: Caller) -> None:
    assert call("GET", "/watchlists").json()["message"] == "endpoint not found: /v2/watchlists"
    assert call("PUT", "/orders").status_code == 405
    assert call("POST", "/orders", data="{").json()["message"] == "request body format is invalid"
    assert call("GET", "/assets/NONE").status_code == 404
