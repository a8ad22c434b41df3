"""Haltdesk's HTTP side as one WSGI application: Slack's requests, Alertmanager's webhooks, and programs."""

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol
from wsgiref.types import StartResponse, WSGIEnvironment

from slack_bolt import App
from slack_bolt.adapter.wsgi import SlackRequestHandler
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from handlers.alertmanager import AlertmanagerWebhook
from handlers.api import Api
from handlers.places import Places
from handlers.refusals import Refusals
from handlers.slack_signature import Refused, SlackSignature

SLACK_PATH = "/slack/events"


# What answers a request: an application of its own, with the status that it answers.
class Answer(Protocol):
    @property
    def status_code(self) -> int: ...

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]: ...


Endpoint = Callable[..., Answer]
# (the endpoint's name, the status that was answered, seconds)
Observed = Callable[[str, int, float], None]

# Of the server's 96 threads (bot/server.py). Slack has 16 places (handlers/slack_places.py); what is left is for halts
# and cancels, for the probes, and for those who wait for a place.
WEBHOOKS, PROGRAMS = 32, 16

# What a status says of the request. 404 and 405 are a wrong address: cheap, and no sign of anything.
_REASONS = {400: "body", 401: "token", 403: "token", 413: "too_large"}


class Web:
    """Routes. `app` None: Socket Mode, where Slack does not come over HTTP. With an `app` there is a `signature`, which
    nobody checks afterwards.

    A token or a signature is checked before a body is read, and `refusals` only comes into it afterwards: what is
    refused is counted by its address, and what is refused too often is answered 429.
    """

    def __init__(
        self,
        app: App | None,
        alertmanager: AlertmanagerWebhook,
        api: Api,
        signature: SlackSignature | None = None,
        refusals: Refusals | None = None,
        observed: Observed = lambda endpoint, status, seconds: None,
    ) -> None:
        if app is not None and signature is None:
            raise ValueError("requests of Slack over HTTP are signed: give what checks their signature")
        self._slack = SlackRequestHandler(app, path=SLACK_PATH) if app is not None else None
        self._signature, self._observed = signature, observed
        self._refusals = refusals or Refusals(most=20, seconds=10)
        programs = Places(PROGRAMS)
        self._places = {
            "alertmanager": Places(WEBHOOKS),
            "trading_state": programs,
            "incidents": programs,
        }
        self._endpoints: dict[str, Endpoint] = {
            "alertmanager": lambda request: alertmanager(request.environ),
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

        # Asked so often that a request is not even made an object of.
        self._bare: dict[tuple[str, str], tuple[str, Endpoint]] = {
            ("POST", "/alertmanager"): ("alertmanager", alertmanager)
        }
        # Most other requests by far are one of these: they need not be matched against all rules.
        self._plain = {
            (method, rule.rule): rule.endpoint
            for rule in self._routes.iter_rules()
            if not rule.arguments
            for method in rule.methods or ()
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.monotonic()
        endpoint, status = "none", 500

        def started(line: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
            nonlocal status
            status = int(line[:3])
            return start_response(line, headers) if error is None else start_response(line, headers, error)

        try:
            if self._slack is not None and environ.get("PATH_INFO") == SLACK_PATH:
                endpoint = "slack"
                return self._slack_answer(environ, started)
            endpoint, response = self._answer(environ)
            given: Iterable[bytes] = response(environ, started)
            return given
        finally:
            self._observed(endpoint, status, time.monotonic() - began)

    def _slack_answer(self, environ: WSGIEnvironment, started: Any) -> Iterable[bytes]:
        assert self._slack is not None
        assert self._signature is not None
        try:
            if not self._signature.check(environ):
                return Response(status=200)(environ, started)
        except Refused as refusal:
            return self._refuse(environ, refusal.reason, Response(f"{refusal}\n", status=refusal.status))(
                environ, started
            )
        answered = 0

        def seen(line: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
            nonlocal answered
            answered = int(line[:3])
            return started(line, headers, error)

        answer: Iterable[bytes] = self._slack(environ, seen)
        if answered == 403:
            self._refusals.count(_address(environ), "workspace")
        return answer

    def _answer(self, environ: WSGIEnvironment) -> tuple[str, Callable[..., Any]]:
        asked = (environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
        bare = self._bare.get(asked)
        if bare is not None:
            endpoint, answer = bare[0], partial(bare[1], environ)
        else:
            request = Request(environ)
            arguments: Mapping[str, Any] = {}
            plain = self._plain.get(asked)
            if plain is not None:
                endpoint = plain
            else:
                try:
                    endpoint, arguments = self._routes.bind_to_environ(environ).match()
                except MethodNotAllowed as refusal:
                    return "none", refusal.get_response(environ)
                except HTTPException as refusal:
                    text = f"{refusal.code} {refusal.name}: {request.method} {request.path}\n"
                    return "none", Response(text, status=refusal.code, content_type="text/plain")
            answer = partial(self._endpoints[endpoint], request, **arguments)
        places = self._places.get(endpoint)
        if places is None:
            response = answer()
        else:
            with places.one() as held:
                response = answer() if held else _full()
        reason = _REASONS.get(response.status_code)
        if reason == "token":
            response = self._refuse(environ, reason, response)
        elif reason is not None:
            # The token was right: whoever holds it is told what is wrong each time, and never held up.
            self._refusals.count(_address(environ), reason)
        return endpoint, response

    def _refuse(self, environ: WSGIEnvironment, reason: str, response: Answer) -> Answer:
        wait = self._refusals.note(_address(environ), reason)
        if wait is None:
            return response
        text = f"too many refused requests from this address; ask again in {wait} s with what is asked for\n"
        return Response(text, status=429, headers={"Retry-After": str(wait)}, content_type="text/plain")


def _full() -> Response:
    text = "too many requests of this kind are in hand; send it again\n"
    return Response(text, status=503, headers={"Retry-After": "1"}, content_type="text/plain")


def _address(environ: WSGIEnvironment) -> str:
    """The peer of the connection. Behind a proxy it is the proxy's: what a client says of itself is not believed."""
    return str(environ.get("REMOTE_ADDR") or "unknown")
