"""An alert's fingerprint. (That the real Alertmanager gives the same is tested with the real pair.)"""

import pytest

from bot.domain.fingerprint import fingerprint
from bot.simulator import alertmanager


def test_no_labels_are_the_hash_of_nothing() -> None:
    assert fingerprint({}) == "cbf29ce484222325"


@pytest.mark.parametrize(
    "labels",
    [
        {"alertname": "StaleData"},
        {"severity": "critical", "alertname": "ReconciliationBreaks", "account": 'PA3F "paper"'},
        {"alertname": "Ähnlich", "_": "ÿ€𝄞"},
    ],
)
def test_it_is_the_stand_in_alertmanagers_too(labels: dict[str, str]) -> None:
    assert fingerprint(labels) == alertmanager.fingerprint(labels)


def test_a_label_without_a_value_is_no_label() -> None:
    assert fingerprint({"alertname": "A", "job": ""}) == fingerprint({"alertname": "A"})


def test_name_and_value_are_kept_apart() -> None:
    assert fingerprint({"ab": "c"}) != fingerprint({"a": "bc"})
