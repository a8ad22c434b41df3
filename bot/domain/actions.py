"""What an action is asked with and what it ends with: values that the runner, the record and the thread share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.domain.words import ActionKind, ActionStatus, StepStatus


@dataclass(frozen=True)
class ActionRequest:
    """One confirmed action on one account. `resumed` is true when a runner takes it up again after a crash."""

    id: int
    kind: ActionKind
    account: str
    reason: str
    requested_by: str
    requested_at: datetime
    params: Mapping[str, Any] = field(default_factory=dict)
    resumed: bool = False
    drill: bool = False
    incident_id: int | None = None
    request_key: str = ""


@dataclass(frozen=True)
class Step:
    """A step of an action as recorded. `evidence` is JSON: what was seen, never what was hoped."""

    name: str
    status: StepStatus
    summary: str
    started_at: datetime
    finished_at: datetime | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class UnconfirmedOrder:
    """An order that was to go and has not been seen to go. `why` is the broker's last word, as text."""

    id: str
    symbol: str
    side: str
    qty: str
    status: str
    why: str


@dataclass(frozen=True)
class BrokerReading:
    """What the broker said last. None means that it was not learned, and must be shown as such."""

    at: datetime
    suspended: bool | None = None
    open_orders: int | None = None
    account_number: str | None = None


@dataclass(frozen=True)
class ActionResult:
    """How an action ended, or where it stands while it is being watched.

    `headline` is one plain sentence with figures. `look_again_after` is set exactly when the status is WATCHING.
    `evidence` is JSON (Decimals and times as text). `proved` is true only when the broker has shown the result.
    """

    status: ActionStatus
    headline: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    unconfirmed: tuple[UnconfirmedOrder, ...] = ()
    reading: BrokerReading | None = None
    next_step: str | None = None
    look_again_after: timedelta | None = None

    @property
    def proved(self) -> bool:
        return self.status is ActionStatus.DONE
