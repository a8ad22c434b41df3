"""Alerts as Alertmanager tells them, and what one more telling of an alert means."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from bot.domain.words import AlertStatus

# A firing that arrives this soon after the resolution of the very same alert (same fingerprint, same startsAt)
# is an older webhook that was delivered late. Later than that, it is Alertmanager saying that it fires still:
# after an outage of Prometheus an alert comes back under its old startsAt, and must not be swallowed.
LATE_REPEAT = timedelta(seconds=60)


class ReceivedAlert(NamedTuple):
    """One element of a webhook's `alerts`. Identity is fingerprint and `starts_at`.

    A tuple, because a storm brings ten thousand of them: it is made in a third of the time.
    """

    fingerprint: str
    starts_at: datetime
    ends_at: datetime | None
    status: AlertStatus
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    generator_url: str | None

    @property
    def identity(self) -> tuple[str, datetime]:
        return self.fingerprint, self.starts_at

    @property
    def name(self) -> str:
        return self.labels.get("alertname") or "unnamed alert"

    @property
    def summary(self) -> str:
        for key in ("summary", "message", "description"):
            if self.annotations.get(key):
                return self.annotations[key]
        return ""


@dataclass(frozen=True)
class AlertGroup:
    """One webhook: an alert group and some or all of its alerts.

    `truncated` alerts were left out by the sender; None when these alerts did not come by a webhook, which could say.
    """

    group_key: str
    alerts: tuple[ReceivedAlert, ...]
    group_labels: Mapping[str, str]
    truncated: int | None = None


@dataclass(frozen=True)
class KnownAlert:
    """What the database holds of an alert of the same identity."""

    status: AlertStatus
    changed_at: datetime


class AlertChange(StrEnum):
    """What a telling of an alert changes."""

    FIRED = "fired"  # not known before
    REFIRED = "refired"  # was resolved, and fires still or again
    REPEATED = "repeated"  # known just so
    LATE = "late"  # an older webhook, overtaken by the resolution
    CLEARED = "cleared"
    LONE_RESOLUTION = "lone resolution"  # resolved, and never seen firing


def change_of(known: KnownAlert | None, told: AlertStatus, now: datetime) -> AlertChange:
    """Decide what `told` changes about the alert `known` (None when never seen)."""
    if known is None:
        return AlertChange.FIRED if told is AlertStatus.FIRING else AlertChange.LONE_RESOLUTION
    if known.status is told:
        return AlertChange.REPEATED
    if told is AlertStatus.RESOLVED:
        return AlertChange.CLEARED
    return AlertChange.LATE if now - known.changed_at < LATE_REPEAT else AlertChange.REFIRED
