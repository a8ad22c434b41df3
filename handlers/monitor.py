"""`/healthz`, `/readyz` and `/metrics` alone, for a process that serves nothing else (`haltdesk worker`)."""

from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.wrappers import Request, Response

from handlers.api import Api


class Monitor:
    """A WSGI application."""

    def __init__(self, api: Api) -> None:
        self._pages: dict[str, Callable[[Request], Response]] = {
            "/healthz": api.healthz,
            "/readyz": api.readyz,
            "/metrics": api.metrics,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        page = self._pages.get(str(environ.get("PATH_INFO", "")))
        if page is None:
            response = Response("a worker has /healthz, /readyz and /metrics\n", status=404)
        elif environ.get("REQUEST_METHOD") not in ("GET", "HEAD"):
            response = Response("GET only\n", status=405, headers={"Allow": "GET, HEAD"})
        else:
            response = page(Request(environ))
        answer: Iterable[bytes] = response(environ, start_response)
        return answer
