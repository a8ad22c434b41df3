"""Whatever comes to the webhook is stored as it was sent or refused in words: never an error of Haltdesk's own."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from bot.simulator.slack import SlackSimulator
from bot.store import alerts, tables
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import DeskInProcess

ANSWERS = {200, 400, 413, 503}
SLOW = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LONG = 16_384  # what is kept of a text

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
# Text as it comes over the wire: any character that JSON can carry, NUL and the private ones too.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
moments = st.datetimes(  # hypothesis wants its bounds without a zone
    datetime(1, 1, 3),  # noqa: DTZ001
    datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.just(UTC),
)
pairs = st.dictionaries(texts, texts, max_size=8)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskInProcess]:
    """One desk for all examples: each alert of theirs is one more."""
    folder: Path = tmp_path_factory.mktemp("anywhere")
    with SlackSimulator() as slack:
        found = DeskInProcess(f"sqlite:///{folder / 'haltdesk.db'}", slack)
        yield found
        found.close()


def count(desk: DeskInProcess) -> int:
    with desk.database.read() as unit:
        return int(unit.connection.execute(select(func.count()).select_from(tables.alerts)).scalar_one())


def refused_or_stored(desk: DeskInProcess, raw: bytes) -> int:
    before = count(desk)
    answer = desk.post(None, raw=raw)
    assert answer.status_code in ANSWERS
    assert len(answer.text) < 1_000
    assert "Traceback" not in answer.text
    if answer.status_code != 200:
        assert count(desk) == before
    return answer.status_code


@SLOW
@given(anything)
@example({"version": "4", "groupKey": "g", "alerts": [None]})
@example({"version": "4", "groupKey": {"a": 1}, "alerts": []})
@example({"version": 4, "groupKey": "g", "alerts": []})
def test_any_json_is_answered(desk: DeskInProcess, body: Any) -> None:
    refused_or_stored(desk, json.dumps(body).encode())


@SLOW
@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf{}")
@example(b"\x00")
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b"1" * 100_000)
@example(b'{"version":"4","version":"4","groupKey":"g","alerts":[]}')
def test_any_bytes_are_answered(desk: DeskInProcess, raw: bytes) -> None:
    refused_or_stored(desk, raw)


@SLOW
@given(
    field=st.sampled_from(
        ["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"]
    ),
    value=anything,
)
def test_any_field_of_an_alert_may_be_anything(desk: DeskInProcess, field: str, value: Any) -> None:
    body = webhook(alert("AnyField"), group="any field")
    body["alerts"][0][field] = value
    refused_or_stored(desk, json.dumps(body).encode())


@SLOW
@given(
    field=st.sampled_from(
        ["version", "groupKey", "groupLabels", "alerts", "truncatedAlerts", "status", "receiver"]
    ),
    value=anything,
)
def test_any_field_of_a_webhook_may_be_anything(desk: DeskInProcess, field: str, value: Any) -> None:
    refused_or_stored(
        desk, json.dumps(webhook(alert("AnyField"), group="any field") | {field: value}).encode()
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1", "utf-8-sig", "cp037"])
def test_other_encodings_are_refused_or_read(desk: DeskInProcess, encoding: str) -> None:
    body = webhook(alert("Encoded", annotations={"summary": "Zürich"}), group=f"in {encoding}")
    refused_or_stored(desk, json.dumps(body, ensure_ascii=False).encode(encoding))


@pytest.mark.parametrize("text", ["\\ud800", "\\udfff\\ud800", "a\\u0000b", "\\ud83d", "\\uffff"])
def test_halves_of_characters_do_no_harm(desk: DeskInProcess, text: str) -> None:
    for place in ("summary", "group", "label"):
        body = webhook(
            alert("Halves", labels={"x": "LABEL"}, annotations={"summary": "SUMMARY"}), group="GROUP"
        )
        raw = json.dumps(body).replace(place.upper(), text)
        refused_or_stored(desk, raw.encode())


@SLOW
@given(labels=pairs, annotations=pairs, started=moments, group=texts.filter(lambda text: text.strip("\x00")))
def test_the_row_is_what_was_sent(
    desk: DeskInProcess, labels: dict[str, str], annotations: dict[str, str], started: datetime, group: str
) -> None:
    """Whenever it says it began, a thousand years off too; NUL alone is left out, for no database takes it."""
    print_ = f"{count(desk):016x}"
    sent = alert("AsSent", labels=labels, annotations=annotations, started=started, fingerprint=print_)
    raw = json.dumps(webhook(sent, group=group)).encode()
    assert desk.post(None, raw=raw).status_code == 200
    with desk.database.read() as unit:
        stored = alerts.by_identity(unit, [(print_, started)])[print_, started]
    assert dict(stored.labels) == _kept(sent["labels"])
    assert dict(stored.annotations) == _kept(annotations)
    assert stored.starts_at == started
    desk.deliver()


def _kept(given: dict[str, str]) -> dict[str, str]:
    return {name.replace("\x00", ""): value.replace("\x00", "")[:LONG] for name, value in given.items()}


@pytest.mark.parametrize("year", [1970, 1, 9999, 2262])
def test_a_clock_that_is_years_off(desk: DeskInProcess, year: int) -> None:
    """Alertmanager's clock, or Prometheus': the incident is about now, whatever the alert says of its own beginning."""
    started = datetime(year, 6, 1, tzinfo=UTC)
    sent = alert("Skewed", started=started, labels={"year": str(year)})
    assert desk.post(webhook(sent, group=f"year {year}")).status_code == 200
    sent |= {"status": "resolved", "endsAt": (started + timedelta(days=1)).isoformat()}
    assert desk.post(webhook(sent, group=f"year {year}")).status_code == 200
    desk.deliver()
    with desk.database.read() as unit:
        known = alerts.by_identity(unit, [(sent["fingerprint"], started)])
    assert [one.status.value for one in known.values()] == ["resolved"]
    assert desk.slack.find(f"year {year}")


def test_two_thousand_alerts_in_a_body_of_a_megabyte(desk: DeskInProcess) -> None:
    before = count(desk)
    body = webhook(
        *(
            alert(
                "Flood",
                labels={"instance": f"gateway-{number}.desk.example:9100", "pad": "x" * 200},
                fingerprint=f"flood{number:011d}",
            )
            for number in range(2_000)
        ),
        group="flood",
    )
    raw = json.dumps(body).encode()
    assert len(raw) > 900_000
    assert desk.post(None, raw=raw).status_code == 200
    assert count(desk) == before + 2_000


def test_huge_label_sets(desk: DeskInProcess) -> None:
    labels = {f"label_{number}": "x" * 50 for number in range(5_000)} | {"k" * 40_000: "v" * 200_000}
    sent = alert("ManyLabels", labels=labels, fingerprint="many-labels")
    assert desk.post(webhook(sent, group="many labels")).status_code == 200
    desk.deliver()
    assert desk.slack.find("many labels")


def test_a_body_over_the_limit_is_refused(desk: DeskInProcess) -> None:
    assert refused_or_stored(desk, b" " * (16 * 1024 * 1024 + 1)) == 413
