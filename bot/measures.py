"""What this process counts as it works, for `/metrics`: requests, calls to Slack and brokers, actions, the clock.

These figures are of one process and begin anew with it; what several processes share is read from the database
(bot/metrics.py).
"""

from collections.abc import Mapping

from prometheus_client import Counter, Histogram, ProcessCollector
from prometheus_client.registry import CollectorRegistry
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from bot.domain.actions import ActionRequest, ActionResult
from bot.domain.alerts import AlertChange
from bot.domain.words import ActionKind
from bot.engine.runner import Perform, Previous
from bot.ports.calls import OUTCOMES
from bot.ports.record import ActionRecord, Timepiece
from handlers.refusals import REASONS

CALL_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
REQUEST_SECONDS = (0.001, 0.005, 0.025, 0.1, 0.5, 1, 3, 10)
ACTION_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
LATE_SECONDS = (0.5, 1, 2, 5, 15, 60, 300, 3600)
# Present from the start, so that the first failure is an increase and not the beginning of a series.
USUAL_METHODS = ("chat.postMessage", "chat.update", "views.open")


class Measures:
    """Counters and histograms of one process, in `registry`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "haltdesk_http_requests",
            "Requests answered by this process. Webhooks: endpoint alertmanager, 200 stored, 503 not saved.",
            ["endpoint", "status"],
            registry=registry,
        )
        self._request_seconds = Histogram(
            "haltdesk_http_request_seconds",
            "From a request to its answer, in this process.",
            ["endpoint"],
            buckets=REQUEST_SECONDS,
            registry=registry,
        )
        self._refused = Counter(
            "haltdesk_refused_requests",
            "Requests that this process refused. limited: refused as others before, and told to slow down.",
            ["reason"],
            registry=registry,
        )
        alerts = Counter(
            "haltdesk_alerts_received",
            "Alerts that webhooks brought to this process, by what each changed.",
            ["change"],
            registry=registry,
        )
        self._slack = _calls("slack", "Slack's Web API", "method", registry)
        self._broker = _calls("broker", "the broker", "call", registry)
        self._actions = Histogram(
            "haltdesk_action_seconds",
            "From a person's confirmation to the action's end, in this process. done: proved at the broker.",
            ["kind", "status"],
            buckets=ACTION_SECONDS,
            registry=registry,
        )
        self._broken_off = Counter(
            "haltdesk_action_errors",
            "Actions that broke off on an error in Haltdesk, in this process.",
            ["kind"],
            registry=registry,
        )
        self._late = Histogram(
            "haltdesk_clock_late_seconds",
            "From when a deadline was due until this process kept it.",
            ["kind"],
            buckets=LATE_SECONDS,
            registry=registry,
        )
        self._database = Counter(
            "haltdesk_database_errors",
            "Statements and connections of this process that the database failed.",
            ["error"],
            registry=registry,
        )
        ProcessCollector(registry=registry)
        for reason in REASONS:
            self._refused.labels(reason)
        self._of_alerts = {change: alerts.labels(change.value) for change in AlertChange}
        self._of_requests: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        for kind in ActionKind:
            self._broken_off.labels(kind.value)
        for outcome in OUTCOMES:
            for method in USUAL_METHODS:
                self._slack[0].labels(method, outcome)

    def request(self, endpoint: str, status: int, seconds: float) -> None:
        counted = self._of_requests.get((endpoint, status))
        if counted is None:
            # Both are few, and looked up for every request: `labels` costs as much as to read a webhook.
            counted = (self._requests.labels(endpoint, str(status)), self._request_seconds.labels(endpoint))
            self._of_requests[endpoint, status] = counted
        counted[0].inc()
        counted[1].observe(seconds)

    def refused(self, reason: str) -> None:
        self._refused.labels(reason).inc()

    def alerts(self, stored: Mapping[AlertChange, int]) -> None:
        for change, number in stored.items():
            self._of_alerts[change].inc(number)

    def slack(self, method: str, outcome: str, seconds: float) -> None:
        _count(self._slack, method, outcome, seconds)

    def broker(self, call: str, outcome: str, seconds: float) -> None:
        _count(self._broker, call, outcome, seconds)

    def kept(self, kind: str, late_seconds: float) -> None:
        self._late.labels(kind).observe(max(0.0, late_seconds))

    def performing(self, perform: Perform, time: Timepiece) -> Perform:
        """`perform`, measured. An action that is looked at again is measured once, at its end."""

        def measured(request: ActionRequest, record: ActionRecord, previous: Previous) -> ActionResult:
            try:
                result = perform(request, record, previous)
            except Exception:
                self._broken_off.labels(request.kind.value).inc()
                raise
            if result.status.ended:
                seconds = (time.now() - request.requested_at).total_seconds()
                self._actions.labels(request.kind.value, result.status.value).observe(max(0.0, seconds))
            return result

        return measured

    def watch_database(self, engine: Engine) -> None:
        def failed(context: ExceptionContext) -> None:
            self._database.labels(type(context.original_exception).__name__).inc()

        event.listen(engine, "handle_error", failed)


_Calls = tuple[Counter, Histogram]


def _calls(system: str, words: str, label: str, registry: CollectorRegistry) -> _Calls:
    return (
        Counter(
            f"haltdesk_{system}_calls",
            f"Calls of this process to {words}, by how they ended.",
            [label, "outcome"],
            registry=registry,
        ),
        Histogram(
            f"haltdesk_{system}_call_seconds",
            f"How long calls of this process to {words} took.",
            [label],
            buckets=CALL_SECONDS,
            registry=registry,
        ),
    )


def _count(calls: _Calls, what: str, outcome: str, seconds: float) -> None:
    counter, histogram = calls
    counter.labels(what, outcome).inc()
    histogram.labels(what).observe(seconds)
