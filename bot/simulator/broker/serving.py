"""The HTTP server under the stand-in broker: keep-alive, one write an answer, breakable connections.

The standard library's server rather than werkzeug's, which closes the connection after every answer: a client
that keeps connections warm must meet a broker that keeps them too.
"""

import socket
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from bot.simulator.broker.faults import Sent

LARGEST_BODY = 1_000_000
LINGER_NOT = struct.pack("ii", 1, 0)  # close with a reset
IDLE_SECONDS = 120.0


@dataclass(frozen=True)
class Incoming:
    method: str
    path: str
    query: dict[str, str]
    key: str
    secret: str
    payload: bytes


class BrokerServer(ThreadingHTTPServer):
    """Calls `respond` for each request, in a thread of its connection; waits are cut short by `released`."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, respond: Callable[[Incoming], Sent], released: threading.Event) -> None:
        super().__init__(("127.0.0.1", port), BrokerHandler)
        self.respond = respond
        self.released = released
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    def joined(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)

    def left(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)

    def break_connections(self) -> None:
        """So that clients with a warm connection notice that the broker is gone."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it went by itself meanwhile

    def shutdown_request(self, request: Any) -> None:
        """Skip the orderly goodbye where a reset was asked for."""
        if isinstance(request, socket.socket) and _resets(request):
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of the broker's; anything else is printed."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class BrokerHandler(BaseHTTPRequestHandler):
    """Reads one request, asks the broker, writes the answer or breaks the connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    server: BrokerServer

    def setup(self) -> None:
        super().setup()
        self.server.joined(self.connection)

    def finish(self) -> None:
        self.server.left(self.connection)
        super().finish()

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the broker keeps its own list of requests."""

    def _serve(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self._write(Sent(413))
            return
        parts = urlsplit(self.path)
        sent = self.server.respond(
            Incoming(
                method=self.command,
                path=unquote(parts.path),
                query=dict(parse_qsl(parts.query, keep_blank_values=True)),
                key=self.headers.get("APCA-API-KEY-ID") or "",
                secret=self.headers.get("APCA-API-SECRET-KEY") or "",
                payload=self.rfile.read(int(length)),
            )
        )
        if sent.wait > 0:
            self.server.released.wait(sent.wait)
        if self.server.released.is_set() or sent.ending in ("close", "reset"):
            if sent.ending == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
            self.close_connection = True
            return
        self._write(sent)

    def _write(self, sent: Sent) -> None:
        lines = [f"HTTP/1.1 {sent.status} {_phrase(sent.status)}"]
        lines += [f"{name}: {value}" for name, value in sent.headers.items()]
        if sent.status != HTTPStatus.NO_CONTENT:
            lines.append(f"Content-Length: {len(sent.payload)}")
        if self.close_connection:
            lines.append("Connection: close")
        payload = sent.payload
        if sent.ending == "cut":
            payload = payload[: len(payload) // 2]
            self.close_connection = True
        self.wfile.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + payload)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _resets(connection: socket.socket) -> bool:
    try:
        return connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(LINGER_NOT)) == LINGER_NOT
    except OSError:
        return False
