"""Sixteen clients in one thread: each sends its next request when its last one is answered, over a kept connection."""

import selectors
import socket
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType

CLIENTS = 16
GIVES_UP = 60.0  # seconds for a whole round


@dataclass
class Round:
    """What a round of requests came to: `seconds` for all of them, and each one's own, in `each`."""

    seconds: float = 0.0
    each: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.each) / self.seconds

    @property
    def median(self) -> float:
        return statistics.median(self.each)


class _Client:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.began = 0.0

    def send(self, request: bytes) -> None:
        self.received = b""
        self.began = time.perf_counter()
        self.socket.sendall(request)

    def answered(self) -> bool:
        """Read what is there; true when the answer is whole. Raises unless it is a 200."""
        piece = self.socket.recv(65536)
        if not piece:
            raise RuntimeError(f"the server closed the connection after {self.received[:200]!r}")
        self.received += piece
        answer = whole_answer(self.received)
        if answer is not None and answer[0] != 200:
            raise RuntimeError(f"answered {self.received[:300]!r}")
        return answer is not None


class Kept:
    """One client whose connection stays open. Use as a context manager."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._client = _Client(port)

    def __enter__(self) -> "Kept":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._client.socket.close()

    def ask(self, request: bytes) -> float:
        """Send it, and wait for its 200; when it was sent, in seconds since 1970."""
        began = time.time()
        self._client.send(request)
        while not self._client.answered():
            pass
        return began


def whole_answer(received: bytes) -> tuple[int, bytes] | None:
    """Status and body of an HTTP answer that says its length; None while some of it is missing."""
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return None
    lines = head.split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length"))
    return (int(lines[0].split()[1]), body) if len(body) >= length else None


def request(path: str, body: bytes, *, token: str, port: int) -> bytes:
    """A POST of JSON, ready to be sent."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def drive(port: int, requests: list[bytes], *, clients: int = CLIENTS) -> Round:
    """Send all of `requests` and wait for their answers. Raises when one is not answered 200 or nothing moves."""
    found = Round()
    left = iter(requests)
    with selectors.DefaultSelector() as waiting:
        began = time.perf_counter()
        busy = sum(_next(_Client(port), left, waiting) for _ in range(clients))
        while busy:
            if time.perf_counter() - began > GIVES_UP:
                raise RuntimeError(f"{len(found.each)} of {len(requests)} answers within {GIVES_UP:.0f} s")
            for key, _ in waiting.select(1.0):
                client: _Client = key.data
                if not client.answered():
                    continue
                found.each.append(time.perf_counter() - client.began)
                waiting.unregister(client.socket)
                busy -= not _next(client, left, waiting)
        found.seconds = time.perf_counter() - began
    return found


def _next(client: _Client, left: Iterator[bytes], waiting: selectors.BaseSelector) -> bool:
    """Send the client's next request; false (and its connection is closed) when there is none left."""
    following = next(left, None)
    if following is None:
        client.socket.close()
        return False
    waiting.register(client.socket, selectors.EVENT_READ, client)
    client.send(following)
    return True
