"""`/metrics`: Haltdesk's own figures, read from the database when Prometheus asks for them."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from bot import __version__
from bot.adapters.bounded import StillRunning
from bot.adapters.journal import Journal
from bot.adapters.one_at_a_time import OneAtATime
from bot.domain.words import TradingState
from bot.engine.pulse import Pulse
from bot.metrics_of_waiting import waiting
from bot.services import queries
from bot.services.audit_watch import AuditWatch
from bot.services.desk import Desk
from bot.store import audit, delivery_lags, figures, messages, traders
from bot.store.database import DatabaseError, UnitOfWork

log = logging.getLogger(__name__)

PATIENCE = 2.0  # seconds; Prometheus gives a scrape 10


class HaltdeskMetrics(Collector):
    """One scrape is one reading of the database. When it does not answer, `haltdesk_up` says so and the rest is absent.

    `pulses` gives how the background pieces of this process fare, `not_ready` what /readyz says.
    """

    def __init__(
        self,
        desk: Desk,
        pulses: Callable[[], Sequence[Pulse]],
        not_ready: Callable[[], Mapping[str, str]],
        audit_watch: AuditWatch,
        journal: Journal | None = None,
    ) -> None:
        self._desk, self._pulses, self._not_ready, self._journal = desk, pulses, not_ready, journal
        self._audit_watch = audit_watch
        self._ask = OneAtATime(self._read, PATIENCE, "metrics")

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("haltdesk_build", "The version that runs.", {"version": __version__})
        yield from _pieces(self._pulses())
        yield from _readiness(self._not_ready())
        yield from _audit_walk(self._audit_watch)
        up = GaugeMetricFamily(
            "haltdesk_up", "Whether what Haltdesk needs answers: 1 yes.", labels=["component"]
        )
        try:
            found = self._ask()
        except (DatabaseError, StillRunning) as failure:
            log.warning("the metrics are without the database: %s", type(failure).__name__)
            found = []
            up.add_metric(["database"], 0)
        else:
            up.add_metric(["database"], 1)
        yield up
        yield from found

    def _read(self) -> list[Metric]:
        states = queries.trading_states(self._desk, self._journal)
        with self._desk.database.read() as unit:
            return [
                *_trading(states),
                *_incidents(unit),
                *_backlog(unit, self._desk.now()),
                *_audit(unit),
                *_traders(unit),
                *waiting(unit, self._desk.now()),
            ]


def _readiness(missing: Mapping[str, str]) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "haltdesk_ready",
        "1 when this process can do its job; /readyz says what is missing.",
        float(not missing),
    )
    parts = GaugeMetricFamily(
        "haltdesk_not_ready", "1 for a component that keeps this process from its job.", labels=["component"]
    )
    for component in sorted(missing):
        parts.add_metric([component], 1)
    yield parts


def _audit_walk(watch: AuditWatch) -> Iterator[Metric]:
    intact = GaugeMetricFamily(
        "haltdesk_audit_intact",
        "0 when this process's walk found an entry changed, missing or reordered; absent where it does not walk.",
    )
    walked = GaugeMetricFamily(
        "haltdesk_audit_walked_entries", "Entries of the audit that this process has verified."
    )
    if watch.walked is not None or watch.fault is not None:
        intact.add_metric([], float(watch.fault is None))
        walked.add_metric([], watch.walked or 0)
    yield from (intact, walked)


def _pieces(pulses: Iterable[Pulse]) -> Iterator[Metric]:
    errors = CounterMetricFamily(
        "haltdesk_loop_errors", "How often a background piece of this process failed.", labels=["loop"]
    )
    well = GaugeMetricFamily(
        "haltdesk_loop_last_success_timestamp_seconds",
        "When a background piece of this process last ended without an error; absent until it has.",
        labels=["loop"],
    )
    period = GaugeMetricFamily(
        "haltdesk_loop_period_seconds", "How often a background piece of this process runs.", labels=["loop"]
    )
    for pulse in sorted(pulses, key=lambda one: one.name):
        errors.add_metric([pulse.name], pulse.errors)
        period.add_metric([pulse.name], pulse.every)
        if pulse.well_at is not None:
            well.add_metric([pulse.name], pulse.well_at)
    yield from (errors, well, period)


def _trading(states: Iterable[Mapping[str, object]]) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "haltdesk_trading_state", "1 for the state that the account is in.", labels=["account", "state"]
    )
    multiplier = GaugeMetricFamily(
        "haltdesk_position_multiplier", "What a trader multiplies its positions by.", labels=["account"]
    )
    new = GaugeMetricFamily("haltdesk_new_strategies", "1 when new strategies may start.", labels=["account"])
    verified = GaugeMetricFamily(
        "haltdesk_trading_state_verified_timestamp_seconds",
        "When the broker was last read; absent while it never was.",
        labels=["account"],
    )
    suspended = GaugeMetricFamily(
        "haltdesk_account_suspended",
        "1 when the broker refuses new orders; absent: not learned.",
        labels=["account"],
    )
    orders = GaugeMetricFamily(
        "haltdesk_account_open_orders", "Open orders at the broker; absent: not learned.", labels=["account"]
    )
    for one in states:
        name = str(one["account"])
        for word in TradingState:
            state.add_metric([name, word.value], float(one["state"] == word.value))
        multiplier.add_metric([name], float(str(one["position_multiplier"])))
        new.add_metric([name], float(bool(one["new_strategies"])))
        broker = one["broker"]
        assert isinstance(broker, Mapping)
        if broker["verified_at"] is not None:
            verified.add_metric([name], datetime.fromisoformat(broker["verified_at"]).timestamp())
        if broker["suspended"] is not None:
            suspended.add_metric([name], float(broker["suspended"]))
        if broker["open_orders"] is not None:
            orders.add_metric([name], float(broker["open_orders"]))
    yield from (state, multiplier, new, verified, suspended, orders)


def _incidents(unit: UnitOfWork) -> Iterator[Metric]:
    incidents = GaugeMetricFamily(
        "haltdesk_open_incidents", "Open incidents, drills left out.", labels=["severity"]
    )
    for severity, count in figures.open_incidents(unit).items():
        incidents.add_metric([severity.value], count)
    yield incidents
    yield GaugeMetricFamily(
        "haltdesk_firing_alerts", "Alerts firing as far as Haltdesk knows.", figures.firing_alerts(unit)
    )
    unended = GaugeMetricFamily(
        "haltdesk_actions_unended", "Actions confirmed and not ended.", labels=["kind"]
    )
    for kind, count in figures.unended_actions(unit).items():
        unended.add_metric([kind.value], count)
    yield unended


def _backlog(unit: UnitOfWork, now: datetime) -> Iterator[Metric]:
    waiting, oldest = messages.backlog(unit)
    age = max(0.0, (now - oldest).total_seconds()) if oldest is not None else 0.0
    yield GaugeMetricFamily("haltdesk_messages_waiting", "Messages that Slack does not show yet.", waiting)
    yield GaugeMetricFamily("haltdesk_messages_oldest_seconds", "How long the oldest of them waits.", age)
    yield GaugeMetricFamily(
        "haltdesk_backlog_age_seconds", "Since when the oldest state that Slack does not show is wanted.", age
    )
    yield GaugeMetricFamily(
        "haltdesk_messages_refused", "Messages that Slack refuses.", messages.count_in_trouble(unit)
    )
    yield _lags(unit)


def _lags(unit: UnitOfWork) -> Metric:
    """Of all processes together, since the database was made."""
    family = HistogramMetricFamily(
        "haltdesk_delivery_lag_seconds",
        "From when a message's state was wanted until Slack showed it.",
        labels=["urgency"],
    )
    counted = delivery_lags.counted(unit)
    for urgency in messages.Urgency:
        lags = counted.get(int(urgency), delivery_lags.NONE)
        cumulated = list(accumulate(lags.counts))
        bounds = [*(str(bound) for bound in delivery_lags.BOUNDS), "+Inf"]
        family.add_metric([urgency.name.lower()], list(zip(bounds, cumulated, strict=True)), lags.seconds)
    return family


def _audit(unit: UnitOfWork) -> Iterator[Metric]:
    count, last = audit.last(unit)
    yield GaugeMetricFamily("haltdesk_audit_entries", "Entries of the audit.", count)
    yield InfoMetricFamily(
        "haltdesk_audit_last",
        "The newest entry's hash, for `haltdesk audit verify --expect-last`.",
        {"hash": last},
    )


def _traders(unit: UnitOfWork) -> Iterator[Metric]:
    asked = GaugeMetricFamily(
        "haltdesk_trader_asked_timestamp_seconds",
        "When a trader last asked for its trading state.",
        labels=["trader"],
    )
    for one in traders.listed(unit):
        asked.add_metric([one.name], one.asked_at.timestamp())
    yield asked
