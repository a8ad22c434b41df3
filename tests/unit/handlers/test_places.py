"""Places are given out as many as there are, and given back whatever happened."""

import pytest

from handlers.places import Places


def test_no_more_are_held_than_there_are() -> None:
    places = Places(2, wait=0.0)
    with places.one() as first, places.one() as second:
        with places.one() as third:
            assert (first, second, third) == (True, True, False)
        with places.one() as again:
            assert not again  # who was sent away has given nothing back
    with places.one() as first, places.one() as second:
        assert (first, second) == (True, True)


def fail_while_holding(places: Places) -> None:
    with places.one() as held:
        assert held
        raise RuntimeError


def test_a_place_is_given_back_when_its_request_fails() -> None:
    places = Places(1, wait=0.0)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            fail_while_holding(places)
    with places.one() as held:
        assert held
