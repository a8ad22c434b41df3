"""What the broker says about an account: `GET /v2/account`, its positions, and the demo's panel."""

from decimal import Decimal
from typing import Any

from bot.simulator.broker.account import Account
from bot.simulator.broker.funds import buying_power, cash_power
from bot.simulator.broker.wire import stamp, text

CENT = Decimal("0.01")
HALF, QUARTER = Decimal("0.5"), Decimal("0.25")  # Regulation T's initial margin; a usual maintenance margin
PANEL_ORDERS = 200


def money(value: Decimal) -> str:
    return text(value.quantize(CENT))


def account_json(account: Account) -> dict[str, Any]:
    """`GET /v2/account`, every documented field."""
    book, settings = account.book, account.configuration
    values = [book.value(held) for held in book.holdings.values()]
    long_value = sum((value for value in values if value > 0), Decimal(0))
    short_value = sum((value for value in values if value < 0), Decimal(0))
    gross = long_value - short_value
    equity = book.equity()
    power = money(buying_power(book, settings))
    suspended = account.suspended if account.shown_suspended is None else account.shown_suspended
    return {
        "id": account.id,
        "account_number": account.number,
        "status": "ACTIVE",
        "crypto_status": "ACTIVE",
        "currency": "USD",
        "buying_power": power,
        "regt_buying_power": power,
        "daytrading_buying_power": power,
        "effective_buying_power": power,
        "non_marginable_buying_power": money(cash_power(book)),
        "options_buying_power": money(cash_power(book)),
        "bod_dtbp": "0",
        "cash": money(book.cash),
        "accrued_fees": "0",
        "pending_transfer_in": "0",
        "pending_transfer_out": "0",
        "portfolio_value": money(equity),
        "pattern_day_trader": False,
        "trading_blocked": account.trading_blocked,
        "transfers_blocked": False,
        "account_blocked": False,
        "created_at": stamp(account.created_at),
        "trade_suspended_by_user": suspended,
        "multiplier": settings["max_margin_multiplier"],
        "shorting_enabled": not settings["no_shorting"],
        "equity": money(equity),
        "last_equity": money(book.lastday_equity),
        "long_market_value": money(long_value),
        "short_market_value": money(short_value),
        "position_market_value": money(gross),
        "initial_margin": money(gross * HALF),
        "maintenance_margin": money(gross * QUARTER),
        "last_maintenance_margin": money(gross * QUARTER),
        "sma": "0",
        "daytrade_count": 0,
        "balance_asof": f"{account.created_at:%Y-%m-%d}",
        "crypto_tier": 1,
        "options_approved_level": 3,
        "options_trading_level": settings["max_options_trading_level"] or 0,
        "intraday_adjustments": "0",
        "pending_reg_taf_fees": "0",
        "admin_configurations": {},
        "user_configurations": None,
    }


def positions_json(account: Account) -> list[dict[str, Any]]:
    """`GET /v2/positions`, by symbol."""
    book = account.book
    held = sorted(book.holdings.values(), key=lambda holding: holding.asset.key)
    return [holding.to_json(book.price_of(holding), book.available(holding)) for holding in held]


def panel_of(account: Account) -> dict[str, Any]:
    """Open orders newest first, then the ended ones; positions by symbol."""
    book = account.book
    orders = sorted(book.orders.values(), key=lambda order: (not order.open, -order.sequence))
    return {
        "name": account.name,
        "number": account.number,
        "suspended": account.suspended,
        "equity": money(book.equity()),
        "orders": [
            {
                "id": order.id,
                "symbol": order.symbol,
                "side": order.side,
                "qty": text(order.qty) if order.qty is not None else f"${text(order.notional or Decimal(0))}",
                "type": _described(order.type, order.limit_price, order.stop_price),
                "status": order.status,
            }
            for order in orders[:PANEL_ORDERS]
        ],
        "positions": [
            {
                "symbol": held.asset.symbol,
                "qty": text(held.qty),
                "avg_price": money(held.avg_price),
                "price": money(book.price_of(held)),
                "value": money(book.value(held)),
            }
            for held in sorted(book.holdings.values(), key=lambda holding: holding.asset.key)
        ],
    }


def _described(kind: str, limit_price: Decimal | None, stop_price: Decimal | None) -> str:
    price = stop_price if kind.startswith("stop") else limit_price
    words = kind.replace("_", " ")
    return words if price is None else f"{words} {price:.2f}"
