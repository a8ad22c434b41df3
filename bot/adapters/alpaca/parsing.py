"""Reads Alpaca's JSON tolerantly: a strange field is None, an unknown word stays as it came.

What a proof rests on is not tolerated: an order without an id, or a position without a readable quantity,
makes the whole answer unreadable, because leaving it out would show fewer orders or positions than there
are.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from bot.domain.sessions import Session, session_on
from bot.ports.broker import (
    AccountReading,
    BrokerAnswerUnreadable,
    CancelReply,
    Fill,
    MarketClock,
    OpenOrder,
    Position,
)

LONGEST_MESSAGE = 160
LONGEST_NUMBER = 30  # digits before or after the point; nothing that is traded has more


def as_list(what: str, raw: Any) -> list[Any]:
    if not isinstance(raw, list):
        raise BrokerAnswerUnreadable(what, "the answer was not a list", may_have_acted=True)
    return raw


def as_mapping(what: str, raw: Any) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise BrokerAnswerUnreadable(what, "the answer was not an object", may_have_acted=True)
    return raw


def number(raw: Any) -> Decimal | None:
    """A finite number from text or JSON number; None for anything else (booleans too)."""
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | Decimal):
        return None
    try:
        value = Decimal(str(raw).strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value.adjusted()) <= LONGEST_NUMBER else None


def moment(raw: Any) -> datetime | None:
    """An aware UTC time from RFC 3339 text (nanoseconds are cut to microseconds); None for anything else."""
    if not isinstance(raw, str):
        return None
    try:
        value = datetime.fromisoformat(raw.strip())
        return value.astimezone(UTC) if value.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def truth(raw: Any) -> bool | None:
    return raw if isinstance(raw, bool) else None


def word(raw: Any) -> str:
    return raw if isinstance(raw, str) else "" if raw is None else str(raw)


def account(what: str, raw: Any) -> AccountReading:
    fields = as_mapping(what, raw)
    return AccountReading(
        number=word(fields.get("account_number")) or None,
        status=word(fields.get("status")) or None,
        equity=number(fields.get("equity")),
        suspended_by_user=truth(fields.get("trade_suspended_by_user")),
        trading_blocked=truth(fields.get("trading_blocked")),
    )


def order(what: str, raw: Any) -> OpenOrder:
    fields = as_mapping(what, raw)
    if not isinstance(fields.get("id"), str) or not fields["id"]:
        raise BrokerAnswerUnreadable(what, "an order without an id", may_have_acted=False)
    return OpenOrder(
        id=fields["id"],
        symbol=word(fields.get("symbol")) or "unknown",
        side=word(fields.get("side")),
        qty=number(fields.get("qty")),
        status=word(fields.get("status")) or "unknown",
        type=word(fields.get("type") or fields.get("order_type")),
        filled_qty=number(fields.get("filled_qty")) or Decimal(0),
        notional=number(fields.get("notional")),
        limit_price=number(fields.get("limit_price")),
        stop_price=number(fields.get("stop_price")),
        trail_price=number(fields.get("trail_price")),
        trail_percent=number(fields.get("trail_percent")),
        order_class=word(fields.get("order_class")),
        submitted_at=moment(fields.get("submitted_at")),
        updated_at=moment(fields.get("updated_at")),
        filled_at=moment(fields.get("filled_at")),
    )


def fill(what: str, raw: Any) -> Fill:
    fields = as_mapping(what, raw)
    at = moment(fields.get("transaction_time"))
    if at is None:
        raise BrokerAnswerUnreadable(what, "a fill without a time", may_have_acted=False)
    return Fill(word(fields.get("symbol")) or "unknown", word(fields.get("side")), at)


def position(what: str, raw: Any) -> Position:
    fields = as_mapping(what, raw)
    symbol = word(fields.get("symbol"))
    qty = number(fields.get("qty"))
    if not symbol or qty is None:
        raise BrokerAnswerUnreadable(
            what, f"the position {symbol or '(no symbol)'} has no readable quantity", may_have_acted=False
        )
    if fields.get("side") == "short" and qty > 0:
        qty = -qty
    return Position(
        symbol=symbol,
        qty=qty,
        avg_price=number(fields.get("avg_entry_price")),
        market_price=number(fields.get("current_price")),
        market_value=number(fields.get("market_value")),
        asset_class=word(fields.get("asset_class")),
    )


def cancel_reply(raw: Any) -> CancelReply:
    """One item of the 207. Its `body` may be an object, text or nothing; its status a number or text."""
    if not isinstance(raw, dict):
        return CancelReply(order_id="", status=None, message="an item that is no object")
    status = number(raw.get("status"))
    body = raw.get("body")
    message = body.get("message") if isinstance(body, dict) else body
    text = " ".join(message.split())[:LONGEST_MESSAGE] if isinstance(message, str) else ""
    code = int(status) if status is not None else None
    accepted = code is not None and 200 <= code < 300
    return CancelReply(order_id=word(raw.get("id")), status=code, message="" if accepted else text)


def clock(what: str, raw: Any) -> MarketClock:
    fields = as_mapping(what, raw)
    is_open = truth(fields.get("is_open"))
    if is_open is None:
        raise BrokerAnswerUnreadable(what, "the clock does not say whether it is open", may_have_acted=False)
    return MarketClock(
        is_open=is_open,
        at=moment(fields.get("timestamp")),
        next_open=moment(fields.get("next_open")),
        next_close=moment(fields.get("next_close")),
    )


def session(what: str, raw: Any) -> Session:
    """One day of the calendar: its date, and open and close as HH:MM in New York."""
    fields = as_mapping(what, raw)
    try:
        day = date.fromisoformat(str(fields.get("date")))
        opens, closes = (time.fromisoformat(str(fields.get(name))) for name in ("open", "close"))
    except ValueError:
        raise BrokerAnswerUnreadable(
            what, "a day of the calendar could not be read", may_have_acted=False
        ) from None
    return session_on(day, opens, closes)
