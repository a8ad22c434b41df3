"""What goes wrong at the stand-in desk, and how it is mended: three faults, each with its repair.

A scenario changes the broker and the ledger, and gives the alerts that a desk's rules would fire about that;
the figures in the alerts are computed from what was changed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.simulator.alertmanager import FiringAlert
from bot.simulator.broker import Account
from bot.simulator.ledger import LedgerSimulator

CENT = Decimal("0.01")
RUNBOOKS = "https://runbooks.example/trading"
# symbol, quantity, average price, market price: what the desk holds when nothing is wrong
HOLDINGS = (
    ("AAPL", "120", "187.40", "191.20"),
    ("MSFT", "40", "402.10", "410.55"),
    ("NVDA", "60", "121.75", "128.30"),
    ("SPY", "-25", "562.00", "558.40"),
    ("BTC/USD", "0.25", "61200", "62950"),
)
# symbol, side, quantity, type, limit price, stop price; MSFT has no stop on purpose: a desk should notice
WORKING = (
    ("AAPL", "sell", "120", "stop", None, "180.00"),
    ("NVDA", "sell", "60", "stop_limit", "112.50", "114.00"),
    ("SPY", "buy", "25", "stop", None, "575.00"),
    ("MSFT", "sell", "20", "limit", "425.00", None),
    ("AAPL", "buy", "30", "limit", "186.50", None),
    ("AAPL", "buy", "30", "limit", "184.00", None),
    ("NVDA", "buy", "50", "limit", "120.00", None),
    ("MSFT", "buy", "10", "limit", "398.00", None),
    ("BTC/USD", "buy", "0.05", "limit", "60500", None),
)
LOST_AT_BROKER = "NVDA"
UNBOOKED, UNBOOKED_QTY = "AAPL", Decimal(20)
STALE_SYMBOLS = ("AAPL", "MSFT", "NVDA")
STALE_PREFIX, BURST_PREFIX = "stale-quote-", "burst-"
BURST, BURST_TAKEN = 18, 3  # orders sent in the burst, and those of them that the venue took


@dataclass(frozen=True)
class Stage:
    """What scenarios act on."""

    account: Account
    ledger: LedgerSimulator
    now: datetime


@dataclass(frozen=True)
class Scenario:
    """`break_it` changes the desk and returns the alerts that fire; `mend` puts it right again."""

    id: str
    title: str
    description: str
    cleared: str
    group_labels: Mapping[str, str]
    break_it: Callable[[Stage], list[FiringAlert]]
    mend: Callable[[Stage], None]


def set_stage(stage: Stage) -> None:
    """A desk at work: positions at the broker and the same in the ledger, working orders, most with stops."""
    stage.ledger.clear()
    for symbol, qty, average, price in HOLDINGS:
        stage.account.add_position(symbol, qty, average, price)
        stage.ledger.set(symbol, qty, average, stage.now)
    for symbol, side, qty, kind, limit_price, stop_price in WORKING:
        stage.account.add_order(symbol, side, qty, kind, limit_price=limit_price, stop_price=stop_price)


def _reconciliation_break(stage: Stage) -> list[FiringAlert]:
    """A position that the broker does not show, and a fill that the ledger did not book."""
    held = stage.account.positions
    rows = {row.symbol: row for row in stage.ledger.rows()}
    impact, breaks = Decimal(0), 0
    if LOST_AT_BROKER in held:
        impact += abs(held[LOST_AT_BROKER].qty) * held[LOST_AT_BROKER].avg_price  # all that the ledger knows
        stage.account.remove_position(LOST_AT_BROKER)
        breaks += 1
    if UNBOOKED in rows and UNBOOKED in held:
        booked = rows[UNBOOKED].qty - UNBOOKED_QTY
        impact += UNBOOKED_QTY * held[UNBOOKED].lastday_price
        stage.ledger.set(UNBOOKED, booked, rows[UNBOOKED].avg_price, stage.now)
        breaks += 1
    worth = f"${impact.quantize(CENT):,}"
    return [
        _alert(
            stage,
            "ReconciliationBreaks",
            "critical",
            {"component": "reconciliation"},
            {
                "summary": f"{breaks} reconciliation breaks worth {worth}",
                "description": f"{LOST_AT_BROKER} is in the ledger and not at the broker; "
                f"{UNBOOKED} differs by {UNBOOKED_QTY} shares.",
                "breaks": str(breaks),
                "impact_usd": str(impact.quantize(CENT)),
                "runbook_url": f"{RUNBOOKS}/reconciliation-breaks",
            },
            "sum(trading_reconciliation_break_usd) > 1000",
        ),
        _alert(
            stage,
            "CircuitBreakerOpen",
            "critical",
            {"component": "reconciliation", "reason": "reconciliation"},
            {
                "summary": "The trader's circuit breaker is open: reconciliation",
                "description": "The strategies have stopped. Orders at the broker are untouched.",
                "runbook_url": f"{RUNBOOKS}/circuit-breaker",
            },
            "trading_circuit_breaker_open == 1",
        ),
    ]


def _book_everything(stage: Stage) -> None:
    """The broker shows the lost position again, and the ledger books what the broker holds."""
    if LOST_AT_BROKER not in stage.account.positions:
        _, qty, average, price = next(row for row in HOLDINGS if row[0] == LOST_AT_BROKER)
        stage.account.add_position(LOST_AT_BROKER, qty, average, price)
    _copy_to_ledger(stage)


def _stale_data(stage: Stage) -> list[FiringAlert]:
    """Quotes stop moving; strategies go on quoting at the old prices until somebody stops them."""
    if not stage.account.suspended:
        for symbol, held in stage.account.positions.items():
            if symbol in STALE_SYMBOLS:
                old = (held.lastday_price * Decimal("0.97")).quantize(CENT)
                stage.account.add_order(
                    symbol,
                    "buy",
                    10,
                    limit_price=old,
                    client_order_id=f"{STALE_PREFIX}{symbol}-{stage.now:%H%M%S%f}",
                )
    ages = {"AAPL": 94, "MSFT": 91, "NVDA": 97}
    return [
        _alert(
            stage,
            "StaleMarketData",
            "warning",
            {"component": "market-data", "feed": "sip", "symbol": symbol},
            {
                "summary": f"No quote for {symbol} in {ages[symbol]} s (limit 30 s)",
                "description": "Strategies that read this feed decide on old prices.",
                "runbook_url": f"{RUNBOOKS}/stale-market-data",
            },
            "time() - trading_last_quote_timestamp_seconds > 30",
        )
        for symbol in STALE_SYMBOLS
    ]


def _withdraw_stale_quotes(stage: Stage) -> None:
    for order in stage.account.open_orders:
        if order.client_order_id.startswith(STALE_PREFIX):
            stage.account.withdraw(order.id)
    _copy_to_ledger(stage)


def _reject_burst(stage: Stage) -> list[FiringAlert]:
    """A strategy sends a burst of orders, and the venue rejects most of them."""
    rejected = 0
    for place in range(BURST):
        order = stage.account.add_order(
            "MSFT",
            "buy",
            5,
            limit_price=str(396 - place),
            client_order_id=f"{BURST_PREFIX}{stage.now:%H%M%S%f}-{place}",
        )
        if stage.account.suspended or place >= BURST_TAKEN:
            stage.account.reject(order.id)
            rejected += 1
    share = round(100 * rejected / BURST)
    return [
        _alert(
            stage,
            "HighOrderRejectRate",
            "warning",
            {"component": "order-entry"},
            {
                "summary": f"{rejected} of {BURST} orders rejected in 5 min ({share} %, limit 10 %)",
                "description": "The venue rejects limit orders for MSFT. Rejected orders are at the broker.",
                "runbook_url": f"{RUNBOOKS}/high-reject-rate",
            },
            "rate(trading_orders_rejected_total[5m]) / rate(trading_orders_total[5m]) > 0.1",
        )
    ]


def _stop_burst(stage: Stage) -> None:
    for order in stage.account.open_orders:
        if order.client_order_id.startswith(BURST_PREFIX):
            stage.account.withdraw(order.id)
    _copy_to_ledger(stage)


def _copy_to_ledger(stage: Stage) -> None:
    stage.ledger.clear()
    for symbol, held in stage.account.positions.items():
        stage.ledger.set(symbol, held.qty, held.avg_price, stage.now)


def _alert(
    stage: Stage,
    name: str,
    severity: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    expr: str,
) -> FiringAlert:
    common = {"alertname": name, "severity": severity, "account": stage.account.name, "job": "trader"}
    return FiringAlert({**common, **labels}, annotations, stage.now, expr=expr)


SCENARIOS = (
    Scenario(
        "reconciliation",
        "Reconciliation break over $1,000",
        f"The broker shows no {LOST_AT_BROKER} position any more; the ledger missed a fill in {UNBOOKED}. "
        "Two alerts fire: SEV-1.",
        "The broker shows the position again, the ledger books the fill, both alerts clear.",
        {"component": "reconciliation"},
        _reconciliation_break,
        _book_everything,
    ),
    Scenario(
        "stale-data",
        "Stale data",
        "Quotes of three shares stop; a strategy goes on quoting at old prices. Three alerts fire: SEV-2.",
        "Quotes come again, the old orders that are left are withdrawn, the alerts clear.",
        {"component": "market-data"},
        _stale_data,
        _withdraw_stale_quotes,
    ),
    Scenario(
        "reject-rate",
        "High reject rate",
        "A strategy sends a burst of orders and the venue rejects most of them. One alert fires: SEV-2.",
        "The burst ends, what is left of it is withdrawn, the alert clears.",
        {"component": "order-entry"},
        _reject_burst,
        _stop_burst,
    ),
)
