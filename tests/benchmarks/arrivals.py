"""When a request arrives at the stand-in Slack: a door before it, in a process of its own.

The stand-in lives in the benchmark's process, and needs some milliseconds until it has taken a request in and noted it:
they are not Haltdesk's. The door notes the moment at which a request's first bytes are there, and passes everything on.
Run by `Door` as a program: `python -m tests.benchmarks.arrivals PORT BEHIND`.
"""

import os
import re
import selectors
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from tests.benchmarks.endpoints import await_port
from tests.fixtures.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
GIVES_UP = 10.0  # seconds
_LINE = re.compile(rb"(GET|POST) (\S+) HTTP/1\.1\r\n")


class Door:
    """Use as a context manager; what is sent to `url` goes to the server at the address `behind`."""

    def __init__(self, behind: str) -> None:
        self._behind, self.port = urlsplit(behind).port, free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self._process: subprocess.Popen[bytes] | None = None
        self._told = b""

    def __enter__(self) -> "Door":
        command = [sys.executable, "-m", "tests.benchmarks.arrivals", str(self.port), str(self._behind)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        await_port(self.port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def first(self, path: str, since: float) -> float:
        """When the first request for `path` arrived after `since` (seconds since 1970). Raises when none comes."""
        assert self._process is not None
        assert self._process.stdout is not None
        source = self._process.stdout.fileno()
        os.set_blocking(source, False)
        ends = time.monotonic() + GIVES_UP
        with selectors.DefaultSelector() as waiting:
            waiting.register(source, selectors.EVENT_READ)
            while time.monotonic() < ends:
                *lines, self._told = self._told.split(b"\n")
                for line in lines:
                    at, asked = line.decode().split(" ", 1)
                    if asked == path and float(at) >= since:
                        return float(at)
                if waiting.select(0.5):
                    self._told += os.read(source, 65536)
        raise RuntimeError(f"no request for {path} within {GIVES_UP:.0f} s")


def _serve(port: int, behind: int) -> None:
    """Accept, note, pass on; until it is killed."""
    door = socket.create_server(("127.0.0.1", port))
    with selectors.DefaultSelector() as waiting:
        waiting.register(door, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.data is None:
                    near, _ = door.accept()
                    far = socket.create_connection(("127.0.0.1", behind))
                    waiting.register(near, selectors.EVENT_READ, (far, True))
                    waiting.register(far, selectors.EVENT_READ, (near, False))
                    continue
                this, (other, asks) = key.fileobj, key.data
                assert isinstance(this, socket.socket)
                piece = b""
                with suppress(OSError):
                    piece = this.recv(65536)
                at = time.time()
                if asks and (found := _LINE.match(piece)):
                    print(f"{at:.6f} {found[2].decode()}", flush=True)
                if piece:
                    with suppress(OSError):
                        other.sendall(piece)
                else:
                    for end in (this, other):
                        waiting.unregister(end)
                        end.close()


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]))
