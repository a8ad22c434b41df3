"""The trader's gate against a server that answers as a Haltdesk may, and as it must not: one answer opens it."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from bot.gate import Permission, TradingGate

NORMAL = {
    "account": "main",
    "state": "normal",
    "position_multiplier": 1.0,
    "new_strategies": True,
    "reason": None,
}


class Answers:
    """What the server says next. `seen` holds the headers of every question."""

    def __init__(self) -> None:
        self.status, self.body, self.headers = 200, json.dumps(NORMAL).encode(), {"ETag": 'W/"1"'}
        self.seen: list[dict[str, str]] = []
        self.held = threading.Event()
        self.held.set()
        self.url = ""

    def state(self, **changes: Any) -> None:
        self.status, self.body = 200, json.dumps(NORMAL | changes).encode()


class HandClock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def haltdesk() -> Iterator[Answers]:
    answers = Answers()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers.seen.append({name.lower(): value for name, value in self.headers.items()})
            answers.held.wait(10)
            self.send_response(answers.status)
            for name, value in answers.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answers.body)))
            self.end_headers()
            self.wfile.write(answers.body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    answers.url = f"http://127.0.0.1:{server.server_port}"
    yield answers
    answers.held.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def gate(haltdesk: Answers, clock: HandClock) -> TradingGate:
    return TradingGate(haltdesk.url, "the token", "main", trader="test trader", clock=clock)


def test_normal_opens_it(gate: TradingGate, haltdesk: Answers) -> None:
    assert gate.check() == Permission(True, Decimal(1), True, "normal", "normal")
    assert haltdesk.seen[0]["authorization"] == "Bearer the token"
    assert haltdesk.seen[0]["x-trader"] == "test trader"


def test_a_multiplier_is_exact(gate: TradingGate, haltdesk: Answers) -> None:
    haltdesk.state(state="cautious", position_multiplier=0.1)
    assert gate.check().position_multiplier == Decimal("0.1")


def test_halted_is_nothing_at_all_whatever_else_is_said(gate: TradingGate, haltdesk: Answers) -> None:
    haltdesk.state(state="halted", reason="breaks over limit")
    assert gate.check() == Permission(False, Decimal(0), False, "halted", "breaks over limit")


def test_a_halt_under_way_closes_it(gate: TradingGate, haltdesk: Answers) -> None:
    haltdesk.state(position_multiplier=0.0, new_strategies=False, reason="halt under way, not proved yet")
    permission = gate.check()
    assert (permission.allowed, permission.reason) == (False, "halt under way, not proved yet")


def _status(code: int, **headers: str) -> Callable[[Answers], None]:
    def change(answers: Answers) -> None:
        answers.status, answers.headers = code, headers

    return change


def _body(body: bytes) -> Callable[[Answers], None]:
    def change(answers: Answers) -> None:
        answers.body = body

    return change


def _state(**changes: Any) -> Callable[[Answers], None]:
    return lambda answers: answers.state(**changes)


WRONG: dict[str, tuple[Callable[[Answers], None], str]] = {
    "wrong token": (_status(401), "API_TOKEN"),
    "no token set": (_status(403), "no API_TOKEN"),
    "unknown account": (_status(404), "does not know"),
    "error": (_status(500), "500"),
    "away behind a proxy": (_status(503), "503"),
    "empty success": (_status(204), "204"),
    "redirect": (_status(302, Location="/v1/trading-state/main"), "302"),
    "unchanged, though nothing was known": (_status(304), "304"),
    "login page": (_body(b"<html>Sign in</html>"), "not JSON"),
    "half an answer": (_body(json.dumps(NORMAL).encode()[:40]), "not JSON"),
    "nothing": (_body(b""), "not JSON"),
    "a list": (_body(b"[]"), "not an object"),
    "bottomless": (_body(b"[" * 100_000), "not JSON"),
    "too long": (_body(b" " * 300_000), "too long"),
    "not UTF-8": (_body(b"\xff\xfe{"), "not JSON"),
    "other account": (_state(account="other"), "about account"),
    "several accounts": (_body(b'{"accounts": []}'), "several accounts"),
    "unknown state": (_state(state="NORMAL"), "no known state"),
    "no state": (_state(state=None), "no known state"),
    "state of another kind": (_state(state=["normal"]), "no known state"),
    "multiplier above one": (_state(position_multiplier=1.5), "position_multiplier"),
    "multiplier below nothing": (_state(position_multiplier=-1), "position_multiplier"),
    "multiplier true": (_state(position_multiplier=True), "position_multiplier"),
    "multiplier missing": (_state(position_multiplier=None), "position_multiplier"),
    "multiplier NaN": (_state(position_multiplier=float("nan")), "position_multiplier"),
    "new strategies as text": (_state(new_strategies="yes"), "new_strategies"),
}


@pytest.mark.parametrize(("change", "word"), WRONG.values(), ids=WRONG)
def test_anything_else_keeps_it_closed(
    gate: TradingGate, haltdesk: Answers, change: Callable[[Answers], None], word: str
) -> None:
    change(haltdesk)
    permission = gate.check()
    assert (permission.allowed, permission.position_multiplier, permission.state) == (False, 0, None)
    assert word in permission.reason


# Once something is known, "unchanged" is a good answer.
@pytest.mark.parametrize("name", [name for name in WRONG if not name.startswith("unchanged")])
def test_anything_else_closes_it_at_once(
    gate: TradingGate, haltdesk: Answers, clock: HandClock, name: str
) -> None:
    change, _ = WRONG[name]
    assert gate.check().allowed
    change(haltdesk)
    clock.seconds += 1
    assert not gate.check().allowed


def test_unchanged_is_a_fresh_answer(gate: TradingGate, haltdesk: Answers, clock: HandClock) -> None:
    assert gate.check().allowed
    haltdesk.status, haltdesk.body = 304, b""
    for _ in range(10):
        clock.seconds += 3
        assert gate.check().allowed
    assert haltdesk.seen[-1]["if-none-match"] == 'W/"1"'


def test_it_asks_no_more_often_than_it_must(gate: TradingGate, haltdesk: Answers, clock: HandClock) -> None:
    for _ in range(5):
        gate.check()
        clock.seconds += 0.1
    assert len(haltdesk.seen) == 1


def test_silence_closes_it_after_the_limit_and_says_for_how_long(clock: HandClock, haltdesk: Answers) -> None:
    gate = TradingGate(haltdesk.url, "the token", "main", limit_seconds=1, poll_seconds=0.3, clock=clock)
    assert gate.check().allowed
    haltdesk.held.clear()  # it takes the question and says nothing
    clock.seconds += 0.7
    assert gate.check().allowed
    clock.seconds += 0.7
    permission = gate.check()
    assert not permission.allowed
    assert "silent for 1.4 s (limit 1 s)" in permission.reason


def test_an_answer_counts_from_when_it_was_asked_for(clock: HandClock, haltdesk: Answers) -> None:
    gate = TradingGate(haltdesk.url, "the token", "main", limit_seconds=5, poll_seconds=1, clock=clock)
    haltdesk.held.clear()
    asked = threading.Thread(target=gate.check, daemon=True)
    asked.start()
    while not haltdesk.seen:
        asked.join(0.01)
    clock.seconds += 6  # the answer was on its way for six seconds: what it says may have changed since
    haltdesk.held.set()
    asked.join(10)
    haltdesk.held.clear()
    assert not gate._permission().allowed


def test_nobody_there_is_closed(clock: HandClock) -> None:
    permission = TradingGate("http://127.0.0.1:9", "the token", clock=clock).check()
    assert not permission.allowed
    assert "does not answer" in permission.reason


def test_in_its_own_thread_it_follows(haltdesk: Answers) -> None:
    gate = TradingGate(haltdesk.url, "the token", "main", limit_seconds=2, poll_seconds=0.02)
    gate.start()
    settled = threading.Event()

    def becomes(allowed: bool) -> bool:
        for _ in range(6_000):
            if gate.check().allowed is allowed:
                return True
            settled.wait(0.01)
        return False

    assert becomes(True)
    haltdesk.state(state="halted", position_multiplier=0)
    assert becomes(False)
    haltdesk.state()
    assert becomes(True)
    gate.stop()


@pytest.mark.parametrize(
    ("state", "side", "qty", "position", "sent"),
    [
        ("normal", "buy", 10, 0, True),
        ("cautious", "sell", "0.5", "-3", True),
        ("restricted", "buy", 1, 0, False),
        ("restricted", "sell", 10, 10, True),
        ("restricted", "sell", "10.001", 10, False),  # it would turn the position round
        ("restricted", "buy", 3, -3, True),
        ("restricted", "sell", 1, -3, False),
        ("restricted", "buy", 1, 3, False),
        ("halted", "sell", 1, 10, False),
    ],
)
def test_which_orders_may_be_sent(
    gate: TradingGate, haltdesk: Answers, state: str, side: str, qty: Any, position: Any, sent: bool
) -> None:
    haltdesk.state(state=state, position_multiplier=0.25)
    assert gate.may_send(side, qty, position) is sent


@pytest.mark.parametrize("order", [("short", 1, 0), ("buy", 0, 0), ("buy", "NaN", 0), ("buy", 1, "many")])
def test_what_is_no_order_is_refused(gate: TradingGate, order: tuple[str, Any, Any]) -> None:
    with pytest.raises(ValueError, match="not an order"):
        gate.may_send(*order)


def test_the_gate_needs_nothing_but_the_standard_library() -> None:
    import ast
    import sys
    from pathlib import Path

    import bot.gate

    tree = ast.parse(Path(bot.gate.__file__).read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names
