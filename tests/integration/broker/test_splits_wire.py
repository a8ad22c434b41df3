"""Splits over the wire: what is asked of Alpaca's corporate actions, page by page, and what is not believed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.requests import CorporateActionsRequest

from bot.adapters.alpaca import AlpacaBroker, Timeouts, corporate_actions
from bot.ports.broker import BrokerAnswerUnreadable, BrokerError, BrokerRefused, BrokerTimeout
from bot.simulator.broker import BrokerSimulator
from tests.integration.broker.wires import hang, json_answer, wire

PATIENT = Timeouts(connect=30, read=30, whole=60)
CLOSE = "Connection: close\r\n"
FIRST, LAST = date(2026, 1, 2), date(2026, 1, 7)
FORWARD = '{"symbol":"AAPL","new_rate":2,"old_rate":1,"process_date":"2026-01-06","ex_date":"2026-01-06"}'
REVERSE = '{"symbol":"MSFT","new_rate":1,"old_rate":10.5,"process_date":"2026-01-05","ex_date":"2026-01-05"}'


def broker(url: str) -> AlpacaBroker:
    return AlpacaBroker("paper", "PKDESK", "s3cret-of-the-desk", url, paper=True, timeouts=PATIENT)


def page(forward: str = "", reverse: str = "", token: str = "null") -> str:
    groups = f'"forward_splits":[{forward}],"reverse_splits":[{reverse}]'
    return f'{{"corporate_actions":{{{groups}}},"next_page_token":{token}}}'


def test_every_page_is_read_and_only_the_wanted_days_count() -> None:
    old = FORWARD.replace("2026-01-06", "2025-12-30")
    with wire(
        json_answer(page(f"{old},{FORWARD}", token='"abc"'), headers=CLOSE), json_answer(page("", REVERSE))
    ) as (
        url,
        seen,
    ):
        found = broker(url).read_splits(["AAPL", "MSFT"], FIRST, LAST)
    assert [(one.symbol, one.ratio, one.ex_date) for one in found] == [
        ("AAPL", "2:1", date(2026, 1, 6)),
        ("MSFT", "1:10.5", date(2026, 1, 5)),
    ]
    assert seen[0].startswith("GET /v1/corporate-actions?symbols=AAPL%2CMSFT&types=")
    assert "start=2025-12-26&end=2026-01-14" in seen[0]
    assert "page_token=abc" in seen[1]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ("<html>", "200 OK", BrokerAnswerUnreadable),
        ("[]", "200 OK", BrokerAnswerUnreadable),
        ('{"corporate_actions":null}', "200 OK", BrokerAnswerUnreadable),
        (page(FORWARD.replace(":2,", ':"two",')), "200 OK", BrokerAnswerUnreadable),
        (page(FORWARD.replace(":2,", ":0,")), "200 OK", BrokerAnswerUnreadable),
        (page(token='"again"'), "200 OK", BrokerAnswerUnreadable),
        ('{"message":"subscription does not permit"}', "403 Forbidden", BrokerRefused),
    ],
)
def test_half_an_answer_is_no_answer(body: str, status: str, kind: type[BrokerError]) -> None:
    with wire(json_answer(body, status, CLOSE)) as (url, seen), pytest.raises(kind):
        broker(url).read_splits(["AAPL"], FIRST, LAST)
    assert len(seen) <= corporate_actions.PAGES


def test_a_silent_broker_is_given_up_on_in_time() -> None:
    with wire(hang) as (url, _), pytest.raises(BrokerTimeout):
        broker(url).read_splits(["AAPL"], FIRST, LAST, within=0.2)


def test_alpacas_own_trading_hosts_have_their_data_elsewhere() -> None:
    assert corporate_actions.root_for("https://paper-api.alpaca.markets") == "https://data.alpaca.markets"
    assert corporate_actions.root_for("https://api.alpaca.markets") == "https://data.alpaca.markets"
    assert corporate_actions.root_for("http://127.0.0.1:7000") == "http://127.0.0.1:7000"


@pytest.fixture
def simulated() -> Iterator[BrokerSimulator]:
    with BrokerSimulator(
        clock=lambda: datetime(2026, 1, 7, 15, tzinfo=UTC), requests_per_minute=None
    ) as running:
        yield running


def test_the_stand_in_broker_splits_what_is_held_and_alpacas_own_client_reads_it(
    simulated: BrokerSimulator,
) -> None:
    account = simulated.account("paper")
    account.add_position("AAPL", 10, 500)
    account.add_position("MSFT", 100, "1.5")
    simulated.split("AAPL", 2, 1, date(2026, 1, 7))
    simulated.split("MSFT", 1, 10, date(2026, 1, 6))
    assert (account.positions["AAPL"].qty, account.positions["AAPL"].avg_price) == (20, 250)
    adapter = AlpacaBroker("paper", account.key_id, account.secret, simulated.url, paper=True)
    assert {position.symbol: position.qty for position in adapter.list_positions()} == {
        "AAPL": 20,
        "MSFT": 10,
    }
    found = adapter.read_splits(["AAPL", "MSFT", "TSLA"], FIRST, LAST)
    assert {(one.symbol, one.new_rate, one.old_rate) for one in found} == {
        ("AAPL", Decimal(2), Decimal(1)),
        ("MSFT", Decimal(1), Decimal(10)),
    }
    client = CorporateActionsClient(account.key_id, account.secret, url_override=simulated.url)
    theirs = client.get_corporate_actions(CorporateActionsRequest(symbols=["AAPL"], start=FIRST, end=LAST))
    assert theirs["forward_splits"][0].new_rate == 2  # type: ignore[index]
