"""What a template is given: plain, frozen values, read from the database in one go. No ids are made here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.actions import Step, UnconfirmedOrder
from bot.domain.words import (
    ActionKind,
    ActionStatus,
    AlertStatus,
    IncidentStatus,
    Phase,
    Severity,
    TradingState,
)
from bot.rendering.related_models import RelatedView


@dataclass(frozen=True)
class AccountLine:
    """An account and its trading state. None means not learned yet; `label` is like `PAPER PA3F…0001`."""

    name: str
    label: str
    paper: bool
    state: TradingState
    verified_at: datetime | None
    suspended: bool | None
    open_orders: int | None
    proved: bool  # true when the broker has shown `state`; "halted" is only ever said when it is


@dataclass(frozen=True)
class AlertLine:
    """One alert. All text is from outside and hostile."""

    name: str
    status: AlertStatus
    severity: Severity
    summary: str
    labels: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime | None
    runbook_url: str | None
    generator_url: str | None
    muted: str | None = None  # "silenced" or "inhibited" in Alertmanager: nobody is notified of it


@dataclass(frozen=True)
class IncidentView:
    """The root message of an incident. `alerts` is the worst and newest few; the counts are of all."""

    id: int
    key: str
    title: str
    severity: Severity
    severity_reason: str
    status: IncidentStatus
    phase: Phase
    opened_at: datetime
    opened_by: str | None  # a Slack user id, or None when alerts opened it
    acknowledge_by: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    accounts: tuple[AccountLine, ...]
    alerts: tuple[AlertLine, ...]
    firing: int
    cleared: int
    next_due: str | None  # what is due next, in words
    next_due_at: datetime | None
    running: tuple[str, ...]  # actions under way, in words
    drill: bool
    now: datetime
    others: RelatedView = field(default_factory=RelatedView)
    undelivered: int = 0  # messages of the incident that Slack refuses
    left_out: int = 0  # alerts that Alertmanager left out of its webhooks


@dataclass(frozen=True)
class ChecklistLine:
    """One item of the procedure. `key` is like `triage.acknowledge`."""

    key: str
    text: str
    done: bool
    by: str | None
    at: datetime | None
    note: str | None  # what Haltdesk knows about it, e.g. "SEV-1 by rule"


@dataclass(frozen=True)
class PhaseView:
    """One phase as a checklist in the thread. Buttons only while it is `current` in an open incident."""

    incident_id: int
    incident_key: str
    phase: Phase
    title: str  # "Triage"
    window: str | None  # "first 5 minutes"
    lines: tuple[ChecklistLine, ...]
    current: bool
    next_title: str | None
    left_at: datetime | None
    left_by: str | None
    left_reason: str | None  # given when it was left with open items
    drill: bool


@dataclass(frozen=True)
class ActionView:
    """An action's message in the thread, from confirmed to its evidence."""

    id: int
    incident_id: int
    incident_key: str
    kind: ActionKind
    status: ActionStatus
    account: AccountLine
    requested_by: str
    requested_at: datetime
    also_requested_by: tuple[str, ...]  # who joined while it ran
    reason: str
    steps: tuple[Step, ...]
    headline: str | None  # the result so far
    next_step: str | None
    unconfirmed: tuple[UnconfirmedOrder, ...]
    evidence: Mapping[str, object]
    finished_at: datetime | None
    drill: bool


@dataclass(frozen=True)
class ReplyView:
    """A short line in the thread, e.g. a new alert in an acknowledged incident. `lines` are from outside."""

    incident_id: int
    incident_key: str
    heading: str
    lines: tuple[str, ...]
    drill: bool


@dataclass(frozen=True)
class NoticeView:
    """The notice of resolution to stakeholders."""

    incident_key: str
    title: str
    severity: Severity
    opened_at: datetime
    resolved_at: datetime
    resolved_by: str
    accounts: tuple[AccountLine, ...]
    impact: str
    resolution_note: str | None
    drill: bool
    people: Mapping[str, str] = field(default_factory=dict)  # names by user id, for mail


@dataclass(frozen=True)
class CalledOffView:
    """A message that stands in Slack and is so no more. `ended`: what has made it so, as `Acknowledged`."""

    incident_key: str
    heading: str
    ended: str
    by: str | None
    at: datetime
    lines: tuple[str, ...]
    drill: bool


@dataclass(frozen=True)
class TimelineLine:
    at: datetime
    kind: str
    actor: str | None
    text: str


@dataclass(frozen=True)
class PostmortemView:
    """What the draft of the postmortem is made from."""

    incident: IncidentView
    timeline: tuple[TimelineLine, ...]
    actions: tuple[ActionView, ...]
    phases: tuple[PhaseView, ...]
    all_alerts: tuple[AlertLine, ...]
    people: Mapping[str, str] = field(default_factory=dict)  # names by user id, for the document


@dataclass(frozen=True)
class AccountFigures:
    """The live figures of one account in a confirmation modal.

    Every figure is None while it is being fetched; `error` says why one could not be had, and what that
    means.
    """

    account: AccountLine
    loading: bool
    open_orders: int | None = None
    positions: int | None = None
    protective_stops: tuple[str, ...] = ()  # e.g. "MSFT sell stop 5 @ 380.00"
    equity: str | None = None
    market_open: bool | None = None
    ledger_positions: int | None = None
    error: str | None = None


@dataclass(frozen=True)
class ConfirmView:
    """A confirmation modal of an action. `private_metadata` is opaque, at most 3,000 characters."""

    kind: ActionKind
    incident_key: str | None  # None: confirming declares one
    figures: tuple[AccountFigures, ...]
    selected: tuple[str, ...]  # account names
    private_metadata: str
    drill: bool
    notes: tuple[str, ...] = field(default=())  # what else must be known before confirming
    reason: str = ""  # what the person has typed behind the slash command


@dataclass(frozen=True)
class LeavePhaseView:
    """Asks why a phase is left with open items."""

    incident_key: str
    phase_title: str
    next_title: str
    open_items: tuple[str, ...]
    private_metadata: str
    drill: bool


@dataclass(frozen=True)
class ResolveView:
    """Asks to confirm the resolution. `obstacles` is what speaks against it; if any, a reason is asked."""

    incident_key: str
    obstacles: tuple[str, ...]
    notice_in_minutes: int
    private_metadata: str
    drill: bool


@dataclass(frozen=True)
class DeclareView:
    """Declares an incident by hand. `drill`: the exercise is ticked beforehand."""

    title: str
    private_metadata: str
    drill: bool = False
