"""The desk's policy: the shipped `haltdesk.toml` with the desk's own over it, as values of the domain."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.config.durations import duration_text
from bot.config.policy_file import read_policy_file
from bot.config.sections import (
    NEXT_BUSINESS_DAY,
    AccountEntry,
    AlertingSection,
    ApprovalsSection,
    DriftSection,
    HaltLimits,
    HealthSection,
    IntakeSection,
    Level,
    PhaseEntry,
    PolicyFile,
    ReconciliationSection,
    RefusalsSection,
    RelatingSection,
    RuleEntry,
    ScheduleSection,
)
from bot.domain.alert_name import NamePattern
from bot.domain.checklist import ChecklistItem, PhasePlan, items_for
from bot.domain.reconciliation import Thresholds
from bot.domain.response_time import SeverityLevel, acknowledge_by
from bot.domain.severity import AmountCondition, Decision, Rules, SeverityRule
from bot.domain.words import Phase, Severity
from bot.ports.commands import DeskCommand

_FROM_SETTING = "$PRIMARY_OPERATOR"


@dataclass(frozen=True)
class Contact:
    """A line of the emergency contacts."""

    role: str
    contact: str
    escalation: str


@dataclass(frozen=True)
class Policy:
    """What the desk has decided. `phases` are in the procedure's order; detection has no items."""

    timezone: ZoneInfo
    business_day_ends: time
    levels: Mapping[Severity, SeverityLevel]
    rules: tuple[SeverityRule, ...]
    severity_by_label: Mapping[str, Severity]
    severity_otherwise: Severity
    phases: tuple[PhasePlan, ...]
    contacts: tuple[Contact, ...]
    resolution_delay: timedelta
    reconciliation: ReconciliationSection
    approvals: ApprovalsSection
    halt: HaltLimits
    drift: DriftSection
    schedule: ScheduleSection
    health: HealthSection
    relating: RelatingSection
    refusals: RefusalsSection
    intake: IntakeSection
    alerting: AlertingSection
    postmortem_template: str
    accounts: tuple[AccountEntry, ...]  # empty: the single account "main" of the environment
    desk_commands: tuple[DeskCommand, ...]

    def decide(self, labels: Mapping[str, str], annotations: Mapping[str, str]) -> Decision:
        """The severity of an alert by this policy, and why. The Watchdog is never an incident, whatever the rules."""
        decision = self._rules.decide(labels, annotations)
        watchdog = bool(self.alerting.watchdog) and labels.get("alertname") == self.alerting.watchdog
        if watchdog and not decision.ignore:
            return Decision(decision.severity, "the Watchdog of [alerting]", ignore=True)
        return decision

    @cached_property
    def _rules(self) -> Rules:
        return Rules(self.rules, by_label=self.severity_by_label, otherwise=self.severity_otherwise)

    @property
    def thresholds(self) -> Thresholds:
        """The limits of a reconciliation, as the comparison takes them."""
        section = self.reconciliation
        return Thresholds(
            stale_after=section.position_stale_after,
            price_tolerance=section.price_tolerance_percent / 100,
            qty_tolerance=section.quantity_tolerance,
            impact_limit=section.sev1_impact_over,
            missing_limit=section.sev1_missing,
            qty_percent=section.sev1_quantity_off_percent,
        )

    def acknowledge_by(self, severity: Severity, opened_at: datetime) -> datetime:
        """By when an incident opened then must be acknowledged; for SEV-1, `opened_at` itself."""
        return acknowledge_by(self.levels[severity], opened_at, self.timezone, self.business_day_ends)

    def phase(self, phase: Phase) -> PhasePlan:
        return next(plan for plan in self.phases if plan.phase is phase)

    def items_for(self, phase: Phase, severity: Severity) -> tuple[ChecklistItem, ...]:
        return items_for(self.phase(phase), severity)

    def contacts_for(self, primary_operator: str | None) -> tuple[Contact, ...]:
        """The contacts, with the setting PRIMARY_OPERATOR in its place."""
        name = primary_operator or "not configured: set PRIMARY_OPERATOR"
        return tuple(
            Contact(entry.role, entry.contact.replace(_FROM_SETTING, name), entry.escalation)
            for entry in self.contacts
        )


def load_policy(path: Path | None = None) -> Policy:
    """The defaults, with the desk's file over them. Raises `ConfigurationError` with every problem."""
    return _policy(read_policy_file(path))


def _policy(file: PolicyFile) -> Policy:
    return Policy(
        timezone=ZoneInfo(file.desk.timezone),
        business_day_ends=file.desk.business_day_ends,
        levels={severity: _level(severity, file.severity.levels[severity]) for severity in Severity},
        rules=tuple(_rule(entry) for entry in file.severity.rules),
        severity_by_label={word.lower(): severity for word, severity in file.severity.labels.items()},
        severity_otherwise=file.severity.otherwise,
        phases=tuple(_plan(phase, file.phases[phase]) for phase in Phase),
        contacts=tuple(Contact(entry.role, entry.contact, entry.escalation) for entry in file.contacts),
        resolution_delay=file.notices.resolution_delay,
        reconciliation=file.reconciliation,
        approvals=file.approvals,
        halt=file.halt,
        drift=file.drift,
        schedule=file.schedule,
        health=file.health,
        relating=file.relating,
        refusals=file.refusals,
        intake=file.intake,
        alerting=file.alerting,
        postmortem_template=file.postmortem.template,
        accounts=file.accounts,
        desk_commands=tuple(DeskCommand(**entry.model_dump()) for entry in file.desk_commands),
    )


def _level(severity: Severity, level: Level) -> SeverityLevel:
    words = NEXT_BUSINESS_DAY if level.respond is None else duration_text(level.respond)
    return SeverityLevel(severity, level.definition, level.respond, words)


def _rule(entry: RuleEntry) -> SeverityRule:
    amount = None if entry.amount is None else AmountCondition(**entry.amount.model_dump())
    return SeverityRule(
        name=entry.name,
        severity=entry.severity,
        alerts=tuple(NamePattern(text) for text in entry.alerts),
        except_alerts=tuple(NamePattern(text) for text in entry.except_alerts),
        labels=entry.labels,
        annotations=entry.annotations,
        amount=amount,
        ignore=entry.ignore,
    )


def _plan(phase: Phase, entry: PhaseEntry) -> PhasePlan:
    items = tuple(
        ChecklistItem(
            key=f"{phase.value}.{item.key}",
            text=item.text,
            phase=phase,
            severities=None if item.severities is None else frozenset(item.severities),
        )
        for item in entry.items
    )
    return PhasePlan(phase, entry.title, entry.window, items)
