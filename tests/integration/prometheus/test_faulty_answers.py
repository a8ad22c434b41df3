"""What is no answer never passes for one: pages, redirects, errors, halves, silence, and drops."""

import json
import time
from collections.abc import Callable

import pytest

from bot.adapters.alertmanager import Alertmanager
from bot.adapters.bounded_session import BoundedSession
from bot.adapters.prometheus import Prometheus
from bot.ports.answers import AlertingError, AnswerError, FailureKind, MetricsError
from tests.fixtures.ports import free_port
from tests.integration.prometheus.faulty import FaultyServer, raw_server

EMPTY = json.dumps({"status": "success", "data": {"resultType": "vector", "result": []}})
QUICK, PATIENT = 0.5, 60.0  # seconds: where an answer never ends, and where its time is not the subject
Ask = Callable[[str, float], object]

QUESTIONS: list[tuple[str, Ask]] = [
    ("prometheus ready", lambda url, seconds: Prometheus(url, seconds).ready()),
    ("prometheus query", lambda url, seconds: Prometheus(url, seconds).query("1")),
    ("prometheus alerts", lambda url, seconds: Prometheus(url, seconds).alerts()),
    ("prometheus rules", lambda url, seconds: Prometheus(url, seconds).rules_health()),
    ("prometheus targets", lambda url, seconds: Prometheus(url, seconds).targets()),
    ("alertmanager ready", lambda url, seconds: Alertmanager(url, seconds).ready()),
    ("alertmanager status", lambda url, seconds: Alertmanager(url, seconds).status()),
    ("alertmanager alerts", lambda url, seconds: Alertmanager(url, seconds).alerts()),
]
every_question = pytest.mark.parametrize(
    "ask", [ask for _, ask in QUESTIONS], ids=[name for name, _ in QUESTIONS]
)
every_json_question = pytest.mark.parametrize(
    "ask",
    [ask for name, ask in QUESTIONS if "ready" not in name],
    ids=[name for name, _ in QUESTIONS if "ready" not in name],
)


def failure_of(ask: Ask, url: str, seconds: float = PATIENT) -> AnswerError:
    with pytest.raises(AnswerError) as raised:
        ask(url, seconds)
    return raised.value


@every_question
def test_a_login_page_is_no_answer(faulty: FaultyServer, ask: Ask) -> None:
    faulty.answers("<!doctype html><title>Sign in</title>", kind="text/html")
    assert failure_of(ask, faulty.url).kind is FailureKind.NOT_JSON


@every_question
def test_a_redirect_is_not_followed(faulty: FaultyServer, ask: Ask) -> None:
    faulty.answers("", 302, Location="http://127.0.0.1:1/login?token=secret12345")
    failure = failure_of(ask, faulty.url)
    assert failure.kind is FailureKind.REDIRECTED
    assert "secret12345" not in failure.message
    assert len(faulty.asked) == 1


@every_question
@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_error_of_the_server_is_told_at_once(faulty: FaultyServer, ask: Ask, status: int) -> None:
    faulty.answers("Service Unavailable", status, kind="text/plain")
    failure = failure_of(ask, faulty.url)
    assert failure.kind is FailureKind.SERVER
    assert str(status) in failure.message
    assert len(faulty.asked) == 1  # not tried again: the caller knows how much time is left


@every_json_question
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, FailureKind.REFUSED),
        (403, FailureKind.REFUSED),
        (404, FailureKind.NOT_FOUND),
        (429, FailureKind.REJECTED),
    ],
)
def test_refusals_are_told_apart(faulty: FaultyServer, ask: Ask, status: int, kind: FailureKind) -> None:
    faulty.answers('{"error": "not for you"}', status)
    failure = failure_of(ask, faulty.url)
    assert failure.kind is kind
    assert "not for you" in failure.message


@every_json_question
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (EMPTY[:-20], FailureKind.MALFORMED),
        ("OK", FailureKind.NOT_JSON),
        ("", FailureKind.NOT_JSON),
        ("null", FailureKind.MALFORMED),
        ('"text"', FailureKind.MALFORMED),
        ('{"status":"success"}', FailureKind.MALFORMED),
        ('{"status":"error","errorType":"internal","error":"x"}', FailureKind.MALFORMED),
        ('{"status":"success","data":[]}', FailureKind.MALFORMED),
        ('{"status":"success","data":{"result":{}}}', FailureKind.MALFORMED),
        ("[" * 100_000, FailureKind.MALFORMED),
        ('[{"labels":{}}]', FailureKind.MALFORMED),
    ],
)
def test_half_an_answer_is_no_empty_list(
    faulty: FaultyServer, ask: Ask, body: str, kind: FailureKind
) -> None:
    faulty.answers(body)
    assert failure_of(ask, faulty.url).kind is kind


@every_question
def test_silence_ends_in_time(ask: Ask) -> None:
    with raw_server([], hang=True) as url:
        start = time.monotonic()
        assert failure_of(ask, url, QUICK).kind is FailureKind.TIMEOUT
        assert time.monotonic() - start < 20


@every_question
def test_an_answer_drop_by_drop_ends_in_time(ask: Ask) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    with raw_server([head, *[b"x"] * 1000], pause=0.05) as url:
        start = time.monotonic()
        assert failure_of(ask, url, QUICK).kind is FailureKind.TIMEOUT
        assert time.monotonic() - start < 20


@every_question
def test_headers_without_end_end_in_time(ask: Ask) -> None:
    with raw_server([b"HTTP/1.1 200 OK\r\n", *[b"X-Padding: 1\r\n"] * 1000], pause=0.05) as url:
        start = time.monotonic()
        assert failure_of(ask, url, QUICK).kind is FailureKind.TIMEOUT
        assert time.monotonic() - start < 20


@every_question
def test_an_answer_that_breaks_off_is_malformed(ask: Ask) -> None:
    body = EMPTY.encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body) + 50}\r\n\r\n".encode()
    with raw_server([head + body]) as url:
        assert failure_of(ask, url).kind is FailureKind.MALFORMED


@every_question
def test_a_chunked_answer_that_breaks_off_is_malformed(ask: Ask) -> None:
    body = EMPTY.encode()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with raw_server([head + f"{len(body):x}\r\n".encode() + body + b"\r\n"]) as url:
        assert failure_of(ask, url).kind is FailureKind.MALFORMED


@every_question
def test_nobody_there_is_unreachable(ask: Ask) -> None:
    failure = failure_of(ask, f"http://desk:hunter2@127.0.0.1:{free_port()}")
    assert failure.kind is FailureKind.UNREACHABLE
    assert "refused" in failure.message
    assert "hunter2" not in failure.message


def test_a_connection_closed_without_a_word_is_unreachable() -> None:
    with raw_server([]) as url:
        assert (
            failure_of(lambda at, seconds: Prometheus(at, seconds).query("1"), url).kind
            is FailureKind.UNREACHABLE
        )


def test_a_partial_result_keeps_its_warnings(faulty: FaultyServer) -> None:
    faulty.answers(json.dumps({**json.loads(EMPTY), "warnings": ["a store did not answer"]}))
    assert Prometheus(faulty.url).query("up").warnings == ("a store did not answer",)


def test_prometheus_own_time_limit_is_asked_for_and_its_reason_passed_on(faulty: FaultyServer) -> None:
    faulty.answers(
        '{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}', 503
    )
    with pytest.raises(MetricsError, match="query timed out in expression evaluation"):
        Prometheus(faulty.url).query("up", limit_seconds=1.5)
    assert "timeout=1500ms" in faulty.asked[0]


def test_the_token_is_sent_and_not_shown(faulty: FaultyServer) -> None:
    faulty.answers('{"error": "Bearer abcdef-secret is not known"}', 401)
    for ask in (
        lambda: Prometheus(faulty.url, token="abcdef-secret").query("1"),
        lambda: Alertmanager(faulty.url, token="abcdef-secret").alerts(),
    ):
        with pytest.raises(AnswerError) as raised:
            ask()
        assert faulty.headers["Authorization"] == "Bearer abcdef-secret"
        assert "abcdef-secret" not in str(raised.value)


def test_a_body_over_the_bound_is_not_read_to_its_end(faulty: FaultyServer) -> None:
    faulty.answers("[" + "1," * 600_000 + "1]")
    session = BoundedSession("Alertmanager", AlertingError, 5.0, most_bytes=1_000_000)
    with session, pytest.raises(AlertingError) as raised:
        session.get(faulty.url)
    assert raised.value.kind is FailureKind.TOO_LARGE


@pytest.mark.parametrize("url", ["", "prometheus:9090", "ftp://prom", "http://", "http://prom:9090/?a=1"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="PROMETHEUS_URL"):
        Prometheus(url)
    with pytest.raises(ValueError, match="ALERTMANAGER_URL"):
        Alertmanager(url)
