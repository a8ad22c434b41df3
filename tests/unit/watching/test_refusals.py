"""Refused requests: after too many of one address the answer is 429, in bounded memory, and the log stays quiet."""

import logging
from collections import Counter

import pytest

from handlers.refusals import ADDRESSES, Refusals


class HandClock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def test_so_many_are_answered_in_full_then_none_until_the_span_ends(clock: HandClock) -> None:
    counted: Counter[str] = Counter()
    refusals = Refusals(3, 10, lambda reason: counted.update([reason]), clock)
    assert [refusals.note("192.0.2.1", "token") for _ in range(3)] == [None, None, None]
    clock.at += 2.5
    assert refusals.note("192.0.2.1", "token") == 8
    assert refusals.note("192.0.2.2", "token") is None
    clock.at += 7.4
    assert refusals.note("192.0.2.1", "token") == 1
    clock.at += 0.1
    assert refusals.note("192.0.2.1", "token") is None
    assert counted == {"token": 5, "limited": 2}


def test_what_a_good_sender_gets_wrong_is_counted_and_never_too_much(clock: HandClock) -> None:
    refusals = Refusals(1, 10, monotonic=clock)
    for _ in range(5):
        refusals.count("192.0.2.1", "body")
    assert refusals.note("192.0.2.1", "token") is None


def test_a_whole_ipv6_network_counts_as_one_sender(clock: HandClock) -> None:
    refusals = Refusals(2, 10, monotonic=clock)
    assert refusals.note("2001:db8::1", "token") is None
    assert refusals.note("2001:db8::ffff", "token") is None
    assert refusals.note("2001:db8:0:0:1::7", "token") is not None
    assert refusals.note("2001:db8:0:1::1", "token") is None


def test_memory_is_bounded_and_whoever_was_refused_last_is_kept(clock: HandClock) -> None:
    refusals = Refusals(1, 1000, monotonic=clock)
    refusals.note("198.51.100.1", "token")
    for number in range(ADDRESSES * 2):
        refusals.note(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "token")
        if number % 1000 == 0:
            assert refusals.note("198.51.100.1", "token") is not None
    assert refusals.remembered == ADDRESSES


def test_one_line_a_minute_with_the_count(clock: HandClock, caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals(3, 10, monotonic=clock)
    with caplog.at_level(logging.WARNING):
        for _ in range(30):
            refusals.note("192.0.2.1", "token")
        assert [record.getMessage() for record in caplog.records] == [
            "1 request refused (token 1); the last one came from 192.0.2.1"
        ]
        clock.at += 60
        refusals.note("192.0.2.9", "signature")
    assert caplog.records[-1].getMessage() == (
        "30 requests refused (limited 27, signature 1, token 2); the last one came from 192.0.2.9"
    )
    assert len(caplog.records) == 2
