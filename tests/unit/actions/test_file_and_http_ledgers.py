"""A desk that keeps its books in a CSV file or behind an HTTP address: read whole, or refused with the place."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.ledgers import CsvLedger, HttpLedger, SqlLedger, open_ledger
from bot.ports.ledger import LedgerError, LedgerTimeout

HEADER = "symbol,qty,avg_price,updated_at\n"
GOOD = "AAPL,10.5,190.25,2026-11-20T15:00:00+00:00\n"


def csv_ledger(folder: Path, content: str | bytes) -> CsvLedger:
    path = folder / "positions.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return CsvLedger(path.as_uri())


def test_a_file_gives_its_positions(tmp_path: Path) -> None:
    swapped = "Updated_At,Symbol,Avg_Price,Qty,note\n2026-11-20T15:00:00+00:00,MSFT,,-2,short\n"
    (aapl,) = csv_ledger(tmp_path, HEADER + GOOD).positions()
    assert (aapl.symbol, aapl.qty, aapl.avg_price) == ("AAPL", Decimal("10.5"), Decimal("190.25"))
    (msft,) = csv_ledger(tmp_path, swapped).positions()
    assert (msft.symbol, msft.qty, msft.avg_price) == ("MSFT", Decimal(-2), None)
    assert csv_ledger(tmp_path, HEADER).positions() == ()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "no column symbol, qty, avg_price, updated_at"),
        ("symbol,qty\nAAPL,1\n", "no column avg_price, updated_at"),
        (HEADER + GOOD + "MSFT,5\n", "line 3 has not as many fields"),
        (HEADER + GOOD + "MSFT,5,1,2026-11-20T15:00:00+00:00,x\n", "line 3 has not as many fields"),
        (HEADER + GOOD + "MSFT,5,1,2026-11", "may be cut"),
        (HEADER + "AAPL,,1,2026-11-20T15:00:00+00:00\n", "qty is empty"),
        (HEADER + "AAPL,1,1,2026-11-20T15:00:00\n", "row 1"),
        (b"\xff\xfe\x00", "not UTF-8"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(tmp_path: Path, content: str | bytes, word: str) -> None:
    with pytest.raises(LedgerError, match=word):
        csv_ledger(tmp_path, content).positions()


def test_a_file_that_is_not_there_is_no_empty_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"positions\.csv could not be read: No such file"):
        CsvLedger((tmp_path / "positions.csv").as_uri()).positions()


@contextmanager
def answering(
    status: int, body: bytes, headers: dict[str, str] | None = None, hang: float = 0
) -> Iterator[Any]:
    asked: list[str | None] = []
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Authorization"))
            if hang:
                over.wait(hang)
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the test looks at what was asked."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/positions", asked
    finally:
        over.set()
        server.shutdown()
        server.server_close()


def test_an_address_gives_its_positions() -> None:
    row = {"symbol": "BTC/USD", "qty": 0.1, "avg_price": "60000", "updated_at": "2026-11-20T15:00:00+00:00"}
    for body in ([row], {"positions": [row]}):
        with answering(200, json.dumps(body).encode()) as (url, asked):
            (position,) = HttpLedger(url, "the word").positions()
        assert position.qty == Decimal("0.1")
        assert asked == ["Bearer the word"]


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (500, b"{}", "answered 500"),
        (302, b"", "answered 302"),
        (200, b"<html>login</html>", "not JSON"),
        (200, b"{}", "must be a list"),
        (200, b'[{"symbol": "AAPL"}]', "row 1: no qty, avg_price, updated_at"),
    ],
)
def test_an_address_that_answers_otherwise_is_refused(status: int, body: bytes, word: str) -> None:
    with (
        answering(status, body, {"Location": "http://127.0.0.1:9/"} if status == 302 else None) as (url, _),
        pytest.raises(LedgerError, match=word),
    ):
        HttpLedger(url).positions()


def test_an_address_that_hangs_is_given_up() -> None:
    with answering(200, b"[]", hang=5) as (url, _), pytest.raises(LedgerTimeout):
        HttpLedger(url, timeout=0.2).positions()


def test_an_address_that_is_not_there_tells_no_password() -> None:
    with pytest.raises(LedgerError) as caught:
        HttpLedger("http://desk:hunter2@127.0.0.1:9/").positions()
    assert "hunter2" not in str(caught.value)


def test_the_url_chooses(tmp_path: Path) -> None:
    assert isinstance(open_ledger("file:///srv/p.csv", ""), CsvLedger)
    assert isinstance(open_ledger("https://127.0.0.1/p", ""), HttpLedger)
    assert isinstance(open_ledger(f"sqlite:///{tmp_path}/l.db", "SELECT 1"), SqlLedger)
