"""A broker on the loopback address whose clock stands still, and alpaca-py's own clients to talk to it.

The clients are typed `Any`: alpaca-py declares each answer as a model or raw data, and a test knows which it asked for.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alpaca.common.rest import RESTClient
from alpaca.trading.client import TradingClient

from bot.simulator.broker import Account, BrokerSimulator


class StillClock:
    """A Wednesday in session, until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 7, 15, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def broker(clock: StillClock) -> Iterator[BrokerSimulator]:
    with BrokerSimulator(clock=clock, requests_per_minute=None) as running:
        yield running


@pytest.fixture
def account(broker: BrokerSimulator) -> Account:
    return broker.account("paper")


@pytest.fixture
def trading(broker: BrokerSimulator, account: Account) -> Iterator[Any]:
    client = TradingClient(account.key_id, account.secret, url_override=broker.url)
    client._retry = 0
    yield client
    client._session.close()


@pytest.fixture
def connect(broker: BrokerSimulator) -> Iterator[Callable[[Account], Any]]:
    """A raw client for an account; alpaca-py's retries are off, so that one call is one call."""
    opened: list[RESTClient] = []

    def connected(to: Account) -> RESTClient:
        client = RESTClient(base_url=broker.url, api_key=to.key_id, secret_key=to.secret, raw_data=True)
        client._retry = 0
        opened.append(client)
        return client

    yield connected
    for client in opened:
        client._session.close()


@pytest.fixture
def rest(connect: Callable[[Account], Any], account: Account) -> Any:
    return connect(account)
