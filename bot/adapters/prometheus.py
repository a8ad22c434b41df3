"""Prometheus, asked through prometheus-api-client with the care that the library leaves to its caller."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from prometheus_api_client.exceptions import PrometheusApiClientException
from prometheus_api_client.prometheus_connect import PrometheusConnect
from requests import Response
from urllib3.util.retry import Retry

from bot.adapters.bounded_session import BoundedSession, base_of, decoded
from bot.adapters.prometheus_answers import (
    alerts_from,
    config_text,
    rules_from,
    samples_from,
    series_from,
    targets_from,
    warnings_of,
)
from bot.adapters.prometheus_config import external_labels_from
from bot.ports.answers import FailureKind, MetricsError
from bot.ports.metrics import (
    MOST_POINTS,
    AlertsAnswer,
    QueryAnswer,
    RangeAnswer,
    RulesReading,
    TargetsReading,
)

_SYSTEM = "Prometheus"
_T = TypeVar("_T")


class _PrometheusSession(BoundedSession):
    """Keeps the envelope of the last answer: the library drops `warnings` and the type of the result."""

    def __init__(self, limit_seconds: float, token: str | None) -> None:
        super().__init__(_SYSTEM, MetricsError, limit_seconds, token)
        self.envelope: Mapping[str, Any] = {}

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> Response:
        """Return an answer that is a success by Prometheus' own word; raise `MetricsError` for any other."""
        response = super().request(method, url, *args, **kwargs)
        if "/api/v1/" in str(url):
            self.envelope = self._opened(response)
        return response

    @staticmethod
    def _opened(response: Response) -> Mapping[str, Any]:
        envelope = decoded(response, _SYSTEM, MetricsError)
        if not isinstance(envelope, dict) or envelope.get("status") != "success":
            raise MetricsError(FailureKind.MALFORMED, "Prometheus' answer does not say that it is a success.")
        if "data" not in envelope:
            raise MetricsError(FailureKind.MALFORMED, "Prometheus' answer holds no data.")
        return envelope


class Prometheus:
    """One Prometheus. Safe to share between threads: every question has a session of its own.

    `limit_seconds` bounds each question as a whole, connecting and reading included. Nothing is tried again
    here: who asks knows how much time is left. Raises `MetricsError`.
    """

    def __init__(self, url: str, limit_seconds: float = 5.0, token: str | None = None) -> None:
        self._url = base_of(url, "PROMETHEUS_URL")
        self._limit = limit_seconds
        self._token = token

    def ready(self, limit_seconds: float | None = None) -> None:
        def ask(client: PrometheusConnect, session: _PrometheusSession) -> None:
            response = session.get(f"{client.url}/-/ready")
            if response.status_code == 200 and response.content.lstrip()[:1] == b"<":
                raise MetricsError(
                    FailureKind.NOT_JSON,
                    "Prometheus' address answers with an HTML page: is a proxy or a login before it?",
                )
            if response.status_code != 200:
                kind = FailureKind.SERVER if response.status_code >= 500 else FailureKind.REJECTED
                raise MetricsError(kind, f"Prometheus is not ready: it answered {response.status_code}.")

        self._asking(ask, limit_seconds)

    def query(
        self, promql: str, at: datetime | None = None, limit_seconds: float | None = None
    ) -> QueryAnswer:
        def ask(client: PrometheusConnect, session: _PrometheusSession) -> QueryAnswer:
            params = {"timeout": self._server_limit(limit_seconds)}
            if at is not None:
                params["time"] = str(at.timestamp())
            client.custom_query(promql, params=params)
            return QueryAnswer(samples_from(session.envelope["data"]), warnings_of(session.envelope))

        return self._asking(ask, limit_seconds)

    def query_range(
        self,
        promql: str,
        start: datetime,
        end: datetime,
        step: timedelta,
        limit_seconds: float | None = None,
    ) -> RangeAnswer:
        if step <= timedelta(0) or end < start:
            raise ValueError("a range query needs an end that is not before its start, and a step above zero")
        if (end - start) / step > MOST_POINTS:
            fits = (end - start).total_seconds() / MOST_POINTS
            raise MetricsError(
                FailureKind.TOO_LARGE,
                f"The range holds more than {MOST_POINTS} points: ask with a step of {fits:.0f} s or more.",
            )

        def ask(client: PrometheusConnect, session: _PrometheusSession) -> RangeAnswer:
            seconds = f"{step.total_seconds():.3f}"
            # The library rounds start and end to whole seconds; what stands in `params` wins.
            params = {
                "start": str(start.timestamp()),
                "end": str(end.timestamp()),
                "timeout": self._server_limit(limit_seconds),
            }
            client.custom_query_range(promql, start, end, seconds, params=params)
            return RangeAnswer(series_from(session.envelope["data"]), warnings_of(session.envelope))

        return self._asking(ask, limit_seconds)

    def alerts(self, limit_seconds: float | None = None) -> AlertsAnswer:
        def ask(client: PrometheusConnect, session: _PrometheusSession) -> AlertsAnswer:
            session.get(f"{client.url}/api/v1/alerts")
            return AlertsAnswer(alerts_from(session.envelope["data"]), warnings_of(session.envelope))

        return self._asking(ask, limit_seconds)

    def rules_health(self, limit_seconds: float | None = None) -> RulesReading:
        def ask(client: PrometheusConnect, session: _PrometheusSession) -> RulesReading:
            session.get(f"{client.url}/api/v1/rules")
            return RulesReading(rules_from(session.envelope["data"]), warnings_of(session.envelope))

        return self._asking(ask, limit_seconds)

    def targets(self, limit_seconds: float | None = None) -> TargetsReading:
        def ask(client: PrometheusConnect, session: _PrometheusSession) -> TargetsReading:
            client.get_targets(state="active")
            return TargetsReading(targets_from(session.envelope["data"]), warnings_of(session.envelope))

        return self._asking(ask, limit_seconds)

    def external_labels(self, limit_seconds: float | None = None) -> Mapping[str, str]:
        def ask(client: PrometheusConnect, session: _PrometheusSession) -> Mapping[str, str]:
            session.get(f"{client.url}/api/v1/status/config")
            return external_labels_from(config_text(session.envelope["data"]))

        return self._asking(ask, limit_seconds)

    def _asking(self, ask: Callable[[PrometheusConnect, _PrometheusSession], _T], limit: float | None) -> _T:
        seconds = self._limit if limit is None else limit
        with _PrometheusSession(seconds, self._token) as session:
            # The session sets every request's time limit. read=False lets a read timeout come out as one,
            # not as an exhausted retry.
            client = PrometheusConnect(self._url, session=session, retry=Retry(total=0, read=False))
            try:
                return ask(client, session)
            except (PrometheusApiClientException, KeyError, TypeError) as failure:
                raise MetricsError(
                    FailureKind.MALFORMED, "Prometheus' answer is not of the documented shape."
                ) from failure

    def _server_limit(self, limit: float | None) -> str:
        """So that Prometheus, too, gives up a question that nobody waits for any more."""
        return f"{max(1, round((self._limit if limit is None else limit) * 1000))}ms"
