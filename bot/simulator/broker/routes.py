"""The broker's routes: which call does what. Source: Alpaca's Trading API v2."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from bot.simulator.broker import closing, corporate, hours, order_calls
from bot.simulator.broker.account import Account
from bot.simulator.broker.answers import account_json, positions_json
from bot.simulator.broker.listing import page_size
from bot.simulator.broker.market import Market
from bot.simulator.broker.wire import Refusal, Reply, invalid, moment

LARGEST_ACTIVITY_PAGE = 100


@dataclass(frozen=True)
class Ask:
    """One call, authenticated: path parts as matched, query, JSON body."""

    account: Account
    market: Market
    parts: tuple[str, ...]
    query: Mapping[str, str]
    body: Any

    @property
    def fields(self) -> Mapping[str, Any]:
        """The body as an object; raises `Refusal` (422)."""
        if not isinstance(self.body, dict):
            raise invalid("the request body must be a JSON object")
        return self.body


def answer(ask_of: Callable[[tuple[str, ...]], Ask], method: str, path: str) -> Reply:
    """Do what the call says. Raises `Refusal` (404 for unknown paths, 405 for known ones)."""
    known = False
    for verb, pattern, handler in ROUTES:
        match = pattern.fullmatch(path)
        if match is None:
            continue
        known = True
        if verb == method:
            return handler(ask_of(match.groups()))
    if known:
        raise Refusal(405, 40510000, f"{method} is not allowed for {path}")
    raise Refusal(404, 40410000, f"endpoint not found: {path}")


def _account(ask: Ask) -> Reply:
    return Reply(200, account_json(ask.account))


def _configuration(ask: Ask) -> Reply:
    return Reply(200, dict(ask.account.configuration))


def _configure(ask: Ask) -> Reply:
    ask.account.configure(**{str(name): value for name, value in ask.fields.items()})
    return Reply(200, dict(ask.account.configuration))


def _activities(ask: Ask) -> Reply:
    wanted = ask.parts[0] if ask.parts and ask.parts[0] else ask.query.get("activity_types")
    types = {word.strip().upper() for word in wanted.split(",")} if wanted else None
    after, until = moment("after", ask.query.get("after")), moment("until", ask.query.get("until"))
    direction = ask.query.get("direction") or "desc"
    items = [
        item
        for item in sorted(ask.account.book.activities, key=lambda item: str(item["id"]))
        if types is None or item["activity_type"] in types
    ]
    items = [
        item
        for item in items
        if (after is None or _time_of(item) > after) and (until is None or _time_of(item) < until)
    ]
    if direction == "desc":
        items.reverse()
    token = ask.query.get("page_token")
    if token:
        places = [place for place, item in enumerate(items) if item["id"] == token]
        if not places:
            raise invalid("invalid page_token")
        items = items[places[0] + 1 :]
    size = page_size("page_size", ask.query.get("page_size"), LARGEST_ACTIVITY_PAGE, LARGEST_ACTIVITY_PAGE)
    return Reply(200, items[:size])


def _time_of(item: Mapping[str, Any]) -> Any:
    return moment("transaction_time", item["transaction_time"])


def _clock(ask: Ask) -> Reply:
    return Reply(200, ask.market.clock_json())


def _calendar(ask: Ask) -> Reply:
    today = ask.market.clock().date()
    first = _day("start", ask.query.get("start"), today - timedelta(days=365))
    last = _day("end", ask.query.get("end"), today + timedelta(days=365))
    return Reply(
        200,
        [
            {
                "date": session.day.isoformat(),
                "open": f"{session.opens:%H:%M}",
                "close": f"{session.closes:%H:%M}",
                "session_open": "0400",
                "session_close": "1700" if session.early else "2000",
            }
            for session in hours.sessions(first, last)
        ],
    )


def _corporate_actions(ask: Ask) -> Reply:
    return Reply(200, corporate.listed(ask.market, ask.query))


def _day(name: str, raw: str | None, usual: date) -> date:
    value = moment(name, raw)
    return usual if value is None else value.date()


def _asset(ask: Ask) -> Reply:
    name = ask.parts[0]
    asset = ask.market.asset_by_id(name)
    if asset is None:
        try:
            asset = ask.market.asset(name)
        except Refusal:
            raise Refusal(404, 40410000, f"asset not found for {name}") from None
    return Reply(200, asset.to_json())


def _positions(ask: Ask) -> Reply:
    return Reply(200, positions_json(ask.account))


def _position(ask: Ask) -> Reply:
    held = closing.held(ask.account, ask.parts[0])
    book = ask.account.book
    return Reply(200, held.to_json(book.price_of(held), book.available(held)))


def _close(ask: Ask) -> Reply:
    return Reply(200, closing.close_one(ask.account, ask.parts[0], ask.query).to_json())


def _close_all(ask: Ask) -> Reply:
    return Reply(207, closing.close_all(ask.account, ask.query))


def _orders(ask: Ask) -> Reply:
    return Reply(200, order_calls.listed(ask.account, ask.query))


def _order(ask: Ask) -> Reply:
    return Reply(200, order_calls.one(ask.account, ask.parts[0]).to_json())


def _order_by_client_id(ask: Ask) -> Reply:
    return Reply(200, order_calls.by_client_id(ask.account, ask.query.get("client_order_id", "")).to_json())


def _place(ask: Ask) -> Reply:
    return Reply(200, order_calls.place(ask.account, ask.fields).to_json())


def _replace(ask: Ask) -> Reply:
    return Reply(200, order_calls.replace(ask.account, ask.parts[0], ask.fields).to_json())


def _cancel(ask: Ask) -> Reply:
    order_calls.cancel(ask.account, ask.parts[0])
    return Reply(204)


def _cancel_all(ask: Ask) -> Reply:
    return Reply(207, order_calls.cancel_all(ask.account))


ROUTES: tuple[tuple[str, re.Pattern[str], Callable[[Ask], Reply]], ...] = tuple(
    (verb, re.compile(pattern), handler)
    for verb, pattern, handler in (
        ("GET", r"/v2/account", _account),
        ("GET", r"/v2/account/configurations", _configuration),
        ("PATCH", r"/v2/account/configurations", _configure),
        ("GET", r"/v2/account/activities(?:/([^/]+))?", _activities),
        ("GET", r"/v2/clock", _clock),
        ("GET", r"/v2/calendar", _calendar),
        ("GET", r"/v1/corporate-actions", _corporate_actions),
        ("GET", r"/v2/assets/(.+)", _asset),
        ("GET", r"/v2/positions", _positions),
        ("DELETE", r"/v2/positions", _close_all),
        ("GET", r"/v2/positions/(.+)", _position),
        ("DELETE", r"/v2/positions/(.+)", _close),
        ("GET", r"/v2/orders:by_client_order_id", _order_by_client_id),
        ("GET", r"/v2/orders", _orders),
        ("POST", r"/v2/orders", _place),
        ("DELETE", r"/v2/orders", _cancel_all),
        ("GET", r"/v2/orders/([^/]+)", _order),
        ("PATCH", r"/v2/orders/([^/]+)", _replace),
        ("DELETE", r"/v2/orders/([^/]+)", _cancel),
    )
)
