"""A loopback server that answers with whatever bytes a test gives it: what a broken network sends."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Reply = Callable[[socket.socket, threading.Event], None]


def raw(text: str) -> Reply:
    return lambda connection, _over: connection.sendall(text.replace("\n", "\r\n").encode())


def json_answer(body: str, status: str = "200 OK", headers: str = "") -> Reply:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n"
    return lambda connection, _over: connection.sendall(f"{head}{headers}\r\n{body}".encode())


def hang(connection: socket.socket, over: threading.Event) -> None:
    over.wait(10)


def reset(connection: socket.socket, over: threading.Event) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def drip(connection: socket.socket, over: threading.Event) -> None:
    """Sends one byte every 50 ms: no pause between two bytes is ever long, and the answer never comes."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(200):
        if over.wait(0.05):
            return
        connection.sendall(b" ")


def cut(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[{"id": "half')


@contextmanager
def wire(*replies: Reply) -> Iterator[tuple[str, list[str]]]:
    """Answers each connection with the next reply, then the last one again; gives URL and requests."""
    over, requests = threading.Event(), list[str]()
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket, reply: Reply) -> None:
        with connection:
            requests.append(_head(connection))
            try:
                reply(connection, over)
            except OSError:
                return  # the client has given up, which is what some of these tests are about

    def serve() -> None:
        for place in range(10_000):
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            reply = replies[min(place, len(replies) - 1)]
            threading.Thread(target=answer, args=(connection, reply), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", requests
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=5)


def _head(connection: socket.socket) -> str:
    seen = b""
    while b"\r\n\r\n" not in seen:
        piece = connection.recv(65536)
        if not piece:
            break
        seen += piece
    return seen.decode(errors="replace")
