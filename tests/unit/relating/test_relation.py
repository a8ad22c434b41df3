"""When incidents are related, and when they only look so."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.relation import (
    Sighting,
    Subject,
    SubjectKind,
    gap_words,
    relate,
    subjects_of,
)

TEN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
WITHIN = timedelta(minutes=10)
MAIN = Subject(SubjectKind.ACCOUNT, "main")
GATEWAY = Subject(SubjectKind.COMPONENT, "gateway")
ACCOUNTS, COMPONENTS = ("account", "account_id"), ("component", "service")


def seen(incident: int, subject: Subject, minutes: float = 0) -> Sighting:
    return Sighting(incident, subject, TEN + timedelta(minutes=minutes))


def test_labels_name_accounts_and_components_and_nothing_else_does() -> None:
    labels = {
        "alertname": "main",
        "account": " main ",
        "service": "gateway",
        "job": "trader",
        "component": "",
        "summary": "gateway",
    }
    assert subjects_of(labels, ACCOUNTS, COMPONENTS) == {MAIN, GATEWAY}


def test_a_label_of_absurd_length_names_nothing() -> None:
    assert subjects_of({"account": "x" * 201}, ACCOUNTS, COMPONENTS) == frozenset()


def test_the_same_account_within_ten_minutes_relates_them_and_the_lower_number_comes_first() -> None:
    relation = relate([seen(42, MAIN, 3)], [seen(41, MAIN)], WITHIN, drills=(False, False))
    assert relation is not None
    assert (relation.first.incident_id, relation.second.incident_id) == (41, 42)
    assert relation.later == timedelta(minutes=3)
    assert str(relation.subject) == "account main"


@pytest.mark.parametrize(("minutes", "related"), [(10, True), (-10, True), (10.02, False), (-10.02, False)])
def test_ten_minutes_is_the_limit_either_way(minutes: float, related: bool) -> None:
    found = relate([seen(2, MAIN, minutes)], [seen(1, MAIN)], WITHIN, drills=(False, False))
    assert (found is not None) is related


def test_an_account_and_a_component_of_one_name_are_not_the_same() -> None:
    component = Subject(SubjectKind.COMPONENT, "main")
    assert relate([seen(2, component)], [seen(1, MAIN)], WITHIN, drills=(False, False)) is None


def test_a_drill_is_never_related_to_what_is_real() -> None:
    for drills in ((True, False), (False, True)):
        assert relate([seen(2, MAIN)], [seen(1, MAIN)], WITHIN, drills=drills) is None
    assert relate([seen(2, MAIN)], [seen(1, MAIN)], WITHIN, drills=(True, True)) is not None


def test_an_account_says_more_than_a_component_though_that_is_nearer() -> None:
    relation = relate(
        [seen(2, GATEWAY, 5), seen(2, MAIN, 5)],
        [seen(1, GATEWAY, 5), seen(1, MAIN, 0)],
        WITHIN,
        drills=(False, False),
    )
    assert relation is not None
    assert relation.subject == MAIN


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "at the same time"), (20, "20 s later"), (-180, "3 min earlier"), (599, "9 min later")],
)
def test_the_gap_in_words(seconds: float, words: str) -> None:
    assert gap_words(timedelta(seconds=seconds)) == words
