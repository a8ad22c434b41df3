"""`/healthz`, `/readyz`, `/metrics` and `/v1`: what other programs ask of Haltdesk."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import CollectorRegistry
from werkzeug.wrappers import Request, Response

from bot.adapters.journal import Journal
from bot.domain.incident import parse_incident_key
from bot.services import queries
from bot.services.desk import Desk
from bot.services.traders import Traders

Readiness = Callable[[], Mapping[str, str]]


def as_json(status: int, body: Any) -> Response:
    return Response(json.dumps(body, indent=1) + "\n", status=status, content_type="application/json")


def _trader_of(request: Request) -> str:
    """Who asks: as it says in X-Trader, else by its user agent."""
    return request.headers.get("X-Trader") or request.headers.get("User-Agent") or "unnamed"


def _etag_of(states: list[dict[str, Any]]) -> str:
    """The same as long as nothing changed that a trader acts on; that the broker was read again is no change."""
    told = [state | {"broker": state["broker"] | {"verified_at": None}} for state in states]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


class Api:
    """`readiness` names what is not ready, and why; empty when Haltdesk can do its job."""

    def __init__(
        self,
        desk: Desk,
        token: str | None,
        readiness: Readiness,
        registry: CollectorRegistry,
        traders: Traders,
        journal: Journal,
    ) -> None:
        self._desk, self._readiness, self._registry = desk, readiness, registry
        self._traders, self._journal = traders, journal
        self._token = token.encode() if token else None

    def healthz(self, request: Request) -> Response:
        return Response("alive\n", content_type="text/plain")

    def readyz(self, request: Request) -> Response:
        missing = dict(self._readiness())
        return as_json(503 if missing else 200, {"ready": not missing, "not_ready": missing})

    def metrics(self, request: Request) -> Response:
        return Response(generate_latest(self._registry), content_type=CONTENT_TYPE_LATEST)

    def _refused(self, request: Request) -> Response | None:
        if self._token is None:
            return as_json(
                403, {"error": "API_TOKEN is not set: set it, restart, and give it as bearer token"}
            )
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self._token):
            return as_json(401, {"error": "give API_TOKEN as bearer token"})
        return None

    def trading_state(self, request: Request, account: str | None = None) -> Response:
        refused = self._refused(request)
        if refused is not None:
            return refused
        states = queries.trading_states(self._desk, self._journal)
        if account is not None:
            states = [state for state in states if state["account"] == account]
            if not states:
                names = ", ".join(known.name for known in self._desk.accounts)
                return as_json(404, {"error": f"no account of that name; the desk has: {names}"})
        body = states[0] if len(states) == 1 else {"accounts": states}
        self._traders.asked(
            _trader_of(request), account or (states[0]["account"] if len(states) == 1 else None)
        )
        response = as_json(200, body)
        response.set_etag(_etag_of(states), weak=True)
        response.make_conditional(request)
        return response

    def incidents(self, request: Request, key: str | None = None) -> Response:
        refused = self._refused(request)
        if refused is not None:
            return refused
        if key is None:
            return as_json(200, {"incidents": queries.incident_list(self._desk)})
        number = parse_incident_key(key)
        found = queries.incident(self._desk, number) if number is not None else None
        if found is None:
            return as_json(404, {"error": "there is no such incident"})
        return as_json(200, found)
