"""`/metrics`: what waits to be finished: actions, approvals, drift, deadlines. Read from the database."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric

from bot.domain.words import ActionKind
from bot.store import unfinished
from bot.store.database import UnitOfWork
from bot.store.unfinished import Waiting


def waiting(unit: UnitOfWork, now: datetime) -> Iterator[Metric]:
    yield from _oldest(
        "haltdesk_actions_unended_oldest_seconds",
        "How long the oldest action of the kind is confirmed and not ended; 0 for none.",
        unfinished.actions_unended(unit),
        now,
    )
    unknown = unfinished.actions_unknown(unit)
    yield from _number(
        "haltdesk_actions_unknown",
        "Actions in open incidents whose outcome nobody knows, and that no later one has settled.",
        unknown,
    )
    yield from _oldest(
        "haltdesk_actions_unknown_oldest_seconds", "For how long the oldest of them is.", unknown, now
    )
    asked = unfinished.approvals_waiting(unit)
    yield from _number("haltdesk_approvals_waiting", "Requests that wait for a second person.", asked)
    yield from _oldest(
        "haltdesk_approvals_waiting_oldest_seconds", "How long the oldest of them waits.", asked, now
    )
    drift = GaugeMetricFamily(
        "haltdesk_drift_open_seconds",
        "For how long the broker has shown something otherwise than recorded; absent: it does not.",
        labels=["account", "kind"],
    )
    for (account, kind), since in unfinished.drift_open(unit).items():
        drift.add_metric([account, kind.value], max(0.0, (now - since).total_seconds()))
    yield drift
    due = unfinished.deadline_due(unit)
    overdue = max(0.0, (now - due).total_seconds()) if due is not None else 0.0
    yield GaugeMetricFamily(
        "haltdesk_clock_overdue_seconds",
        "How long the deadline that is most overdue has waited to be kept; 0 for none.",
        overdue,
    )


def _number(name: str, words: str, found: Mapping[ActionKind, Waiting]) -> Iterator[Metric]:
    family = GaugeMetricFamily(name, words, labels=["kind"])
    for kind in ActionKind:
        family.add_metric([kind.value], found[kind].number if kind in found else 0)
    yield family


def _oldest(name: str, words: str, found: Mapping[ActionKind, Waiting], now: datetime) -> Iterator[Metric]:
    family = GaugeMetricFamily(name, words, labels=["kind"])
    for kind in ActionKind:
        age = max(0.0, (now - found[kind].since).total_seconds()) if kind in found else 0.0
        family.add_metric([kind.value], age)
    yield family
