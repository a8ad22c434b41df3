"""A server on loopback that answers wrongly on purpose, a byte at a time if need be."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response


@dataclass
class FaultyServer:
    """Answers every request with `response`; `asked` holds the paths, `headers` the last headers."""

    url: str = ""
    response: Response = field(default_factory=Response)
    asked: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def answers(
        self, body: str | bytes, status: int = 200, kind: str = "application/json", **headers: str
    ) -> None:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        self.response = Response(body, status=status, content_type=kind, headers=named)

    def __call__(self, request: Request) -> Response:
        self.asked.append(request.full_path)
        self.headers = dict(request.headers.items())
        return self.response


@contextlib.contextmanager
def faulty_server() -> Iterator[FaultyServer]:
    faulty = FaultyServer()
    server = make_server("127.0.0.1", 0, Request.application(faulty), threaded=True)
    faulty.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield faulty
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


@contextlib.contextmanager
def raw_server(pieces: list[bytes], pause: float = 0.0, hang: bool = False) -> Iterator[str]:
    """Sends `pieces` to each caller, `pause` seconds apart, then closes, or with `hang` stays silent."""
    stop = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.1)

    def serve() -> None:
        while not stop.is_set():
            try:
                caller, _ = listening.accept()
            except TimeoutError:
                continue
            with caller, contextlib.suppress(OSError):
                caller.settimeout(2)
                caller.recv(65536)
                for piece in pieces:
                    caller.sendall(piece)
                    if stop.wait(pause):
                        return
                if hang:
                    stop.wait(20)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        stop.set()
        thread.join(5)
        listening.close()
