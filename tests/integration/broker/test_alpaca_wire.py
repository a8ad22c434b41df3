"""The Alpaca adapter against broken answers: each becomes its kind of error, in time, and no key leaks."""

import json
import time
from decimal import Decimal

import pytest

from bot.adapters.alpaca import AlpacaBroker, Timeouts
from bot.ports.broker import (
    BrokerAnswerUnreadable,
    BrokerError,
    BrokerRefused,
    BrokerTimeout,
    BrokerUnavailable,
)
from tests.integration.broker.wires import Reply, cut, drip, hang, json_answer, raw, reset, wire

SECRET = "s3cret-of-the-desk"
QUICK = Timeouts(connect=0.3, read=0.3, whole=0.6)
PATIENT = Timeouts(connect=30, read=30, whole=60)  # where a slow answer is not the subject


def broker(url: str, timeouts: Timeouts = PATIENT) -> AlpacaBroker:
    return AlpacaBroker("paper", "PKDESK", SECRET, url, paper=True, timeouts=timeouts)


def no(status: str, body: str = '{"code":40310000,"message":"no"}', headers: str = "") -> Reply:
    return json_answer(body, status, headers)


CASES: list[tuple[Reply, type[BrokerError], str, bool]] = [
    (no("500 Internal Server Error"), BrokerUnavailable, "broker error 500: no", True),
    (no("503 Unavailable", "<html>"), BrokerUnavailable, "broker error 503", True),
    (no("429 Too Many Requests"), BrokerUnavailable, "rate limit (429)", False),
    (no("403 Forbidden"), BrokerRefused, "refused (403): no", False),
    (no("401 Unauthorized", "no json"), BrokerRefused, "refused (401)", False),
    (raw("HTTP/1.1 302 Found\nLocation: http://127.0.0.1:9/\nContent-Length: 0\n\n"),
     BrokerAnswerUnreadable, "redirected (302), not an answer of this API", True),
    (json_answer("<html>Please sign in</html>"), BrokerAnswerUnreadable, "was not JSON", True),
    (json_answer('{"not": "a list"}'), BrokerAnswerUnreadable, "was not a list", True),
    (json_answer('"text"'), BrokerAnswerUnreadable, "was not a list", True),
    (json_answer("[" * 100_000), BrokerAnswerUnreadable, "was not JSON", True),
    (cut, BrokerAnswerUnreadable, "broke off", True),
    (hang, BrokerTimeout, "no answer in 0.3 s", True),
    (drip, BrokerTimeout, "no answer in 0.6 s", True),
    (reset, BrokerUnavailable, "the connection broke", True),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "kind", "word", "may_have_acted"), CASES)
def test_a_cancel_all_that_goes_wrong_has_its_kind_and_ends_in_time(
    reply: Reply, kind: type[BrokerError], word: str, may_have_acted: bool
) -> None:
    with wire(reply) as (url, requests):
        began = time.monotonic()
        with pytest.raises(kind) as caught:
            broker(url, QUICK if kind is BrokerTimeout else PATIENT).cancel_all()
        assert time.monotonic() - began < 20
    assert word in str(caught.value)
    assert caught.value.may_have_acted is may_have_acted
    assert SECRET not in repr(caught.value) + str(caught.value.__cause__)
    assert len(requests) == 1  # sent once: repeating it is the halt's decision
    assert requests[0].startswith("DELETE /v2/orders HTTP/1.1")


def test_a_broker_that_is_not_there_has_not_acted() -> None:
    with wire(hang) as (url, _):
        gone = url
    with pytest.raises(BrokerUnavailable) as caught:
        broker(gone).cancel_all()
    assert caught.value.may_have_acted is False


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ("Retry-After: 7\r\n", 7, 7),
        ("X-RateLimit-Reset: {in_100_s}\r\n", 1, 101),
        ("X-RateLimit-Reset: soon\r\n", None, None),
    ],
)
def test_a_rate_limit_tells_how_long_to_wait(headers: str, least: int | None, most: int | None) -> None:
    headers = headers.format(in_100_s=int(time.time()) + 100)
    with (
        wire(no("429 Too Many Requests", "{}", headers)) as (url, _),
        pytest.raises(BrokerUnavailable) as caught,
    ):
        broker(url).read_account()
    if least is None or most is None:
        assert caught.value.retry_after is None
    else:
        assert caught.value.retry_after is not None
        assert least <= caught.value.retry_after <= most


def test_a_key_echoed_by_the_broker_does_not_reach_the_message() -> None:
    echo = no("403 Forbidden", json.dumps({"message": f"bad key {SECRET}"}))
    with wire(echo) as (url, _), pytest.raises(BrokerRefused) as caught:
        broker(url).read_account()
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(broker(url))


def test_every_item_of_the_207_is_looked_at_whatever_its_body() -> None:
    items = [
        {"id": "a", "status": 200, "body": {"id": "a"}},
        {"id": "b", "status": 500, "body": "internal error"},
        {"id": "c", "status": "422", "body": {"code": 42210000, "message": "pending\ncancel"}},
        {"id": "d", "body": None},
        "what",
    ]
    with wire(json_answer(json.dumps(items), "207 Multi-Status")) as (url, _):
        replies = broker(url).cancel_all()
    assert [reply.accepted for reply in replies] == [True, False, False, False, False]
    assert [reply.last_word for reply in replies[1:4]] == [
        "broker error 500: internal error", "refused (422): pending cancel",
        "no readable answer to the cancel",
    ]  # fmt: skip


def test_unknown_words_are_kept_and_strange_numbers_are_none() -> None:
    order = {
        "id": "a", "symbol": "X", "side": "sideways", "status": "quantum", "type": "warp",
        "qty": "1e999999999",
        "submitted_at": "0001-01-01T00:00:00+09:00", "asset_class": "moon",
    }  # fmt: skip
    with wire(json_answer(json.dumps([order]))) as (url, _):
        listing = broker(url).list_open_orders()
    assert listing.complete
    assert (listing.orders[0].status, listing.orders[0].side, listing.orders[0].qty) == (
        "quantum",
        "sideways",
        None,
    )


@pytest.mark.parametrize(
    "body", ['[{"symbol": "AAPL"}]', '[{"symbol": "AAPL", "qty": "NaN"}]', '[{"qty": "1"}]', "[3]"]
)
def test_a_position_that_cannot_be_read_is_an_unreadable_answer_not_a_shorter_list(body: str) -> None:
    with wire(json_answer(body)) as (url, _), pytest.raises(BrokerAnswerUnreadable):
        broker(url).list_positions()


def test_a_short_position_is_negative_and_a_fraction_stays_exact() -> None:
    positions = [{"symbol": "A", "qty": "-3", "side": "short"}, {"symbol": "B", "qty": "3", "side": "short"},
                 {"symbol": "C", "qty": "0.123456789", "side": "long"}]  # fmt: skip
    with wire(json_answer(json.dumps(positions))) as (url, _):
        assert [p.qty for p in broker(url).list_positions()] == [
            Decimal(-3),
            Decimal(-3),
            Decimal("0.123456789"),
        ]


def page(first: int, count: int) -> Reply:
    return json_answer(json.dumps([{"id": f"o{n}", "symbol": "A"} for n in range(first, first + count)]))


def test_listing_pages_on_by_the_last_id_until_a_short_page() -> None:
    with wire(page(0, 500), page(500, 500), page(1000, 3)) as (url, requests):
        listing = broker(url + "/v2/", PATIENT).list_open_orders()
    assert (len(listing.orders), listing.complete) == (1003, True)
    assert "before_order_id=o499" in requests[1]
    assert "before_order_id=o999" in requests[2]
    assert all("nested=false" in request and "status=open" in request for request in requests)


def test_a_broker_that_ignores_the_limit_does_not_cut_the_list() -> None:
    with wire(page(0, 50), page(50, 20)) as (url, _):
        listing = broker(url, PATIENT).list_open_orders()
    assert (len(listing.orders), listing.complete) == (70, True)


def test_a_broker_that_gives_the_same_page_again_is_not_believed_to_be_complete() -> None:
    with wire(page(0, 500)) as (url, requests):
        listing = broker(url, PATIENT).list_open_orders()
    assert (len(listing.orders), listing.complete) == (500, False)
    assert len(requests) == 2


def test_a_page_that_fails_leaves_what_is_known_and_says_incomplete() -> None:
    with wire(page(0, 500), no("500 Internal Server Error")) as (url, _):
        listing = broker(url, PATIENT).list_open_orders()
    assert (len(listing.orders), listing.complete) == (500, False)
    assert "page 2: broker error 500" in listing.note
