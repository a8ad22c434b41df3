"""Haltdesk's HTTP side as one WSGI application: Slack's requests, Alertmanager's webhooks, and programs."""

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from slack_bolt import App
from slack_bolt.adapter.wsgi import SlackRequestHandler
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from handlers.alertmanager import AlertmanagerWebhook
from handlers.api import Api

SLACK_PATH = "/slack/events"
MAX_SLACK_BODY = 1024 * 1024

Endpoint = Callable[..., Response]


class Web:
    """Routes. `app` None: Socket Mode, where Slack does not come over HTTP."""

    def __init__(self, app: App | None, alertmanager: AlertmanagerWebhook, api: Api) -> None:
        self._slack = SlackRequestHandler(app, path=SLACK_PATH) if app is not None else None
        self._endpoints: dict[str, Endpoint] = {
            "alertmanager": alertmanager,
            "healthz": api.healthz,
            "readyz": api.readyz,
            "metrics": api.metrics,
            "trading_state": api.trading_state,
            "incidents": api.incidents,
        }
        self._routes = Map(
            [
                Rule("/alertmanager", endpoint="alertmanager", methods=["POST"]),
                Rule("/healthz", endpoint="healthz", methods=["GET"]),
                Rule("/readyz", endpoint="readyz", methods=["GET"]),
                Rule("/metrics", endpoint="metrics", methods=["GET"]),
                Rule("/v1/trading-state", endpoint="trading_state", methods=["GET"]),
                Rule("/v1/trading-state/<account>", endpoint="trading_state", methods=["GET"]),
                Rule("/v1/incidents", endpoint="incidents", methods=["GET"]),
                Rule("/v1/incidents/<key>", endpoint="incidents", methods=["GET"]),
            ],
            # A redirected webhook is lost: Alertmanager would follow it as a GET.
            redirect_defaults=False,
            merge_slashes=False,
            strict_slashes=False,
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._slack is not None and environ.get("PATH_INFO") == SLACK_PATH:
            if int(environ.get("CONTENT_LENGTH") or 0) > MAX_SLACK_BODY:
                return Response("too large", status=413)(environ, start_response)
            answer: Iterable[bytes] = self._slack(environ, start_response)
            return answer
        given: Iterable[bytes] = self._answer(environ)(environ, start_response)
        return given

    def _answer(self, environ: WSGIEnvironment) -> Callable[..., Any]:
        request = Request(environ)
        try:
            endpoint, arguments = self._routes.bind_to_environ(environ).match()
            return self._endpoints[endpoint](request, **arguments)
        except MethodNotAllowed as refusal:
            return refusal.get_response(environ)
        except HTTPException as refusal:
            text = f"{refusal.code} {refusal.name}: {request.method} {request.path}\n"
            return Response(text, status=refusal.code, content_type="text/plain")
