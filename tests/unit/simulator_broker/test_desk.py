"""The stand-in desk: its ledger, the alerts that it sends, and three incidents from break to repair."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy

from bot.simulator.alertmanager import AlertGroup, FiringAlert, WebhookRefused, WebhookSender, fingerprint
from bot.simulator.broker import BrokerSimulator
from bot.simulator.desk import MarketDesk
from bot.simulator.ledger import LedgerSimulator

from .conftest import StillClock
from .receiver import Receiver

TOKEN = "a-token-for-webhooks"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.close()


@pytest.fixture
def ledger(tmp_path: Path, clock: StillClock) -> LedgerSimulator:
    return LedgerSimulator(tmp_path / "ledger.db", clock)


@pytest.fixture
def desk(
    broker: BrokerSimulator, ledger: LedgerSimulator, receiver: Receiver, clock: StillClock
) -> MarketDesk:
    made = MarketDesk(broker, ledger, clock=clock)
    made.connect(receiver.url, TOKEN)
    return made


def agreed(desk: MarketDesk, ledger: LedgerSimulator) -> bool:
    at_broker = {symbol: (held.qty, held.avg_price) for symbol, held in desk.account.positions.items()}
    return at_broker == {row.symbol: (row.qty, row.avg_price) for row in ledger.rows()}


def test_the_ledger_reads_through_sqlalchemy_with_its_own_query(ledger: LedgerSimulator) -> None:
    ledger.set("BTC/USD", "0.12345678901234567890", "61200")
    ledger.set("TSLA", -5)
    ledger.set("TSLA", -7, "200.10")
    engine = sqlalchemy.create_engine(ledger.url)
    with engine.connect() as connection:
        rows = connection.execute(sqlalchemy.text(ledger.query)).mappings().all()
    engine.dispose()
    assert {row["symbol"]: (Decimal(row["qty"]), row["avg_price"]) for row in rows} == {
        "BTC/USD": (Decimal("0.12345678901234567890"), "61200"),
        "TSLA": (Decimal(-7), "200.10"),
    }
    assert datetime.fromisoformat(rows[0]["updated_at"]) == datetime(2026, 1, 7, 15, tzinfo=UTC)
    ledger.remove("TSLA")
    with pytest.raises(KeyError):
        ledger.remove("TSLA")
    assert [row.symbol for row in ledger.rows()] == ["BTC/USD"]


def test_a_fingerprint_is_the_one_that_prometheus_computes() -> None:
    assert fingerprint({}) == "cbf29ce484222325"  # FNV-1a's own start
    # {name="a"} worked by hand from the definition: name, 255, value, 255
    value = 0xCBF29CE484222325
    for byte in b"name\xffa\xff":
        value = ((value ^ byte) * 0x100000001B3) & (2**64 - 1)
    assert fingerprint({"name": "a"}) == f"{value:016x}"
    assert (
        fingerprint({"b": "2", "a": "1"})
        == fingerprint({"a": "1", "b": "2"})
        != fingerprint({"a": "12", "b": ""})
    )


def test_a_webhook_is_alertmanagers_version_4(clock: StillClock) -> None:
    firing = FiringAlert({"alertname": "A", "team": "desk"}, {"summary": "one"}, clock.now)
    ended = FiringAlert({"alertname": "B", "team": "desk"}, {"summary": "two"}, clock.now, ends_at=clock.now)
    body = AlertGroup({"team": "desk"}, [firing, ended]).to_json()
    assert {key: body[key] for key in ("version", "status", "groupKey", "truncatedAlerts", "receiver")} == {
        "version": "4",
        "status": "firing",  # while any of them fires
        "groupKey": '{}:{team="desk"}',
        "truncatedAlerts": 0,
        "receiver": "haltdesk",
    }
    assert (body["groupLabels"], body["commonLabels"], body["commonAnnotations"]) == (
        {"team": "desk"},
        {"team": "desk"},
        {},
    )
    first, second = body["alerts"]
    assert (first["status"], first["endsAt"]) == ("firing", "0001-01-01T00:00:00Z")
    assert (second["status"], second["endsAt"]) == ("resolved", "2026-01-07T15:00:00.000000Z")
    assert re.fullmatch("[0-9a-f]{16}", first["fingerprint"])
    assert first["generatorURL"].startswith("http")


def test_a_webhook_is_sent_again_after_503_and_not_after_400(receiver: Receiver, clock: StillClock) -> None:
    pauses: list[float] = []
    sender = WebhookSender(receiver.url, TOKEN, pauses.append)
    group = AlertGroup({}, [FiringAlert({"alertname": "A"}, {}, clock.now)])
    receiver.answers = [503, 503]
    sender.send(group)
    assert (len(receiver.got), len(pauses)) == (3, 2)
    assert receiver.got[0][:2] == ("/alertmanager", f"Bearer {TOKEN}")
    receiver.answers = [400]
    with pytest.raises(WebhookRefused, match="400 try later"):
        sender.send(group)
    assert len(receiver.got) == 4
    receiver.answers = [503] * 50
    with pytest.raises(WebhookRefused, match="503"):
        sender.send(group)
    assert len(receiver.got) == 10


def test_the_desk_starts_whole_with_working_orders_and_one_position_without_a_stop(
    desk: MarketDesk, ledger: LedgerSimulator
) -> None:
    assert agreed(desk, ledger)
    stops = {order.symbol for order in desk.account.open_orders if order.type.startswith("stop")}
    assert set(desk.account.positions) - stops == {"MSFT", "BTC/USD"}
    panel = desk.panel()
    assert panel["accounts"][0]["suspended"] is False
    assert {"symbol": "SPY", "qty": "-25", "avg_price": "562"} in panel["ledger"]
    assert panel["alerts"] == []


def test_each_scenario_has_one_that_clears_it(desk: MarketDesk) -> None:
    listed = desk.scenarios()
    assert len(listed) == 6
    for first, second in zip(listed[::2], listed[1::2], strict=True):
        assert second["id"] == first["id"] + ":clears"
        assert second["title"] == first["title"] + ": clears"


def test_a_reconciliation_break_tells_its_true_worth_and_clears(
    desk: MarketDesk, ledger: LedgerSimulator, receiver: Receiver, clock: StillClock
) -> None:
    desk.run_scenario("reconciliation")
    held = desk.account.positions
    missing = {row.symbol for row in ledger.rows()} - set(held)
    assert missing == {"NVDA"}
    off = {row.symbol: held[row.symbol].qty - row.qty for row in ledger.rows() if row.symbol in held}
    assert {symbol: qty for symbol, qty in off.items() if qty} == {"AAPL": 20}
    body = receiver.got[-1][2]
    assert [alert["labels"]["alertname"] for alert in body["alerts"]] == [
        "ReconciliationBreaks",
        "CircuitBreakerOpen",
    ]
    # 60 NVDA at 128.30 and 20 AAPL at 191.20
    assert body["alerts"][0]["annotations"]["impact_usd"] == "11129.00"
    assert "$11,129.00" in body["alerts"][0]["annotations"]["summary"]

    clock.forward(minutes=20)
    desk.run_scenario("reconciliation:clears")
    assert agreed(desk, ledger)
    cleared = receiver.got[-1][2]
    assert {alert["status"] for alert in cleared["alerts"]} == {"resolved"}
    assert cleared["status"] == "resolved"
    assert cleared["groupKey"] == body["groupKey"]
    assert [a["startsAt"] for a in cleared["alerts"]] == [a["startsAt"] for a in body["alerts"]]
    assert {alert["status"] for alert in desk.panel()["alerts"]} == {"resolved"}


def test_stale_data_leaves_old_quotes_that_are_withdrawn_when_it_clears(
    desk: MarketDesk, ledger: LedgerSimulator, receiver: Receiver
) -> None:
    before = len(desk.account.open_orders)
    desk.run_scenario("stale-data")
    assert len(desk.account.open_orders) == before + 3
    assert len(receiver.got[-1][2]["alerts"]) == 3
    desk.run_scenario("stale-data:clears")
    assert len(desk.account.open_orders) == before
    assert agreed(desk, ledger)


def test_a_reject_burst_counts_what_was_rejected(
    desk: MarketDesk, ledger: LedgerSimulator, receiver: Receiver
) -> None:
    desk.run_scenario("reject-rate")
    rejected = [order for order in desk.account.orders if order.status == "rejected"]
    assert len(rejected) == 15
    assert receiver.got[-1][2]["alerts"][0]["annotations"]["summary"].startswith("15 of 18 orders rejected")
    desk.run_scenario("reject-rate:clears")
    assert agreed(desk, ledger)


def test_running_a_scenario_twice_tells_the_same_alerts_again_and_breaks_nothing_more(
    desk: MarketDesk, receiver: Receiver, clock: StillClock
) -> None:
    desk.run_scenario("reject-rate")
    orders = len(desk.account.orders)
    clock.forward(minutes=1)
    desk.run_scenario("reject-rate")
    assert len(desk.account.orders) == orders
    assert receiver.got[0] == receiver.got[1]
    desk.run_scenario("reject-rate:clears")
    clock.forward(minutes=1)
    desk.run_scenario("reject-rate")  # and once more, from the start
    first, last = (got[2]["alerts"][0] for got in (receiver.got[0], receiver.got[-1]))
    assert first["fingerprint"] == last["fingerprint"]
    assert first["startsAt"] != last["startsAt"]


def test_alerts_that_were_not_taken_are_sent_by_running_the_scenario_again(
    desk: MarketDesk, receiver: Receiver
) -> None:
    receiver.answers = [401]
    with pytest.raises(WebhookRefused):
        desk.run_scenario("stale-data")
    desk.run_scenario("stale-data")
    assert receiver.got[0] == receiver.got[1]


def test_what_cannot_be_run_says_why(
    broker: BrokerSimulator, ledger: LedgerSimulator, desk: MarketDesk
) -> None:
    with pytest.raises(RuntimeError, match="nothing to clear"):
        desk.run_scenario("stale-data:clears")
    with pytest.raises(KeyError):
        desk.run_scenario("meteorite")
    with pytest.raises(RuntimeError, match="not up yet"):
        MarketDesk(broker, ledger, "second").run_scenario("stale-data")
