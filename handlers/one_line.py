"""An answer of one line of text, made straight for WSGI.

For what is asked a thousand times a second: werkzeug's `Request` and `Response` cost more than to store a webhook.
"""

from collections.abc import Iterable
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIEnvironment

_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class OneLine:
    """A WSGI application that answers `status` with `text`, as werkzeug's `Response` does."""

    __slots__ = ("status_code", "text")

    def __init__(self, status: int, text: str) -> None:
        self.status_code, self.text = status, text

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = f"{self.text}\n".encode()
        start_response(
            _LINES[self.status_code],
            [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))],
        )
        return [body]
