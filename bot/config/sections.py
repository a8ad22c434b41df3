"""What may stand in `haltdesk.toml`: one model for each section, strict about its keys."""

import re
from datetime import time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bot.config import addresses
from bot.config.durations import Duration
from bot.domain.words import Phase, Severity

NEXT_BUSINESS_DAY = "next business day"
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")


def _variable(name: str) -> str:
    """Strict, and silent about what stood there: someone may have put the key itself in its place."""
    if not _VARIABLE.fullmatch(name):
        raise ValueError('must be the name of a variable in the environment, like "EQUITIES_API_KEY"')
    return name


Text = Annotated[str, Field(min_length=1, max_length=1_000)]
Money = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
AccountName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,40}$")]
VariableName = Annotated[str, AfterValidator(_variable)]
Span = Annotated[Duration, Field(ge=timedelta(seconds=1))]


class Section(BaseModel):
    """A table of the file. A key that it does not know is an error, because a misspelt limit is no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'"{name[:60]}" is no time zone: write "America/New_York" or the like') from None
    return name


class Desk(Section):
    timezone: Annotated[str, AfterValidator(_time_zone)]
    business_day_ends: time


def _response(value: Any) -> Any:
    """ "immediately" -> "0s"; "next business day" -> None; else a span of time."""
    if isinstance(value, str):
        word = value.strip().lower()
        return {"immediately": "0s", "immediate": "0s", NEXT_BUSINESS_DAY: None}.get(word, value)
    return value


class Level(Section):
    definition: Text
    respond: Annotated[Duration | None, BeforeValidator(_response)]


class AmountEntry(Section):
    over: Money
    or_unknown: bool = False
    names: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()
    in_text: bool = True


class RuleEntry(Section):
    name: Text
    severity: Severity | None = None
    ignore: bool = False
    alerts: tuple[Text, ...] = ()
    except_alerts: tuple[Text, ...] = ()
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    amount: AmountEntry | None = None


class SeveritySection(Section):
    otherwise: Severity
    keep_default_rules: bool = True
    levels: dict[Severity, Level]
    labels: dict[str, Severity]
    rules: tuple[RuleEntry, ...]


class ItemEntry(Section):
    key: Key
    text: Text
    severities: tuple[Severity, ...] | None = None


class PhaseEntry(Section):
    title: Text
    window: Text | None = None
    items: tuple[ItemEntry, ...] = ()


class ContactEntry(Section):
    role: Text
    contact: Text
    escalation: Text


class Notices(Section):
    """`resolution_delay`: how long after the resolution stakeholders are told; a relapse holds it back."""

    resolution_delay: Duration


class ReconciliationSection(Section):
    """Tolerances, under which a difference is no break, and limits, over which the breaks are SEV-1.

    Quantities in shares or units, money in dollars, percentages of the broker's figure.
    """

    quantity_tolerance: Money
    price_tolerance_percent: Money
    position_stale_after: Span
    fresh_for: Span
    sev1_missing: Count
    sev1_quantity_off_percent: Money
    sev1_impact_over: Money


class ApprovalsSection(Section):
    """How long a request that takes a second person waits for one."""

    expires_after: Span


class HaltLimits(Section):
    """How long a halt may take at each step; over its budget it hands over to looking again, and says so."""

    time_budget: Span
    call_timeout: Span
    readings_apart: Annotated[Duration, Field(ge=timedelta(seconds=2))]
    look_again_after: Span
    look_again_at_most: Span


class ScheduleSection(Section):
    """When the books are compared without being asked; only with a LEDGER_URL."""

    reconcile_before_open: Annotated[Duration, Field(ge=timedelta(0), le=timedelta(hours=12))]
    reconcile_after_close: Annotated[Duration, Field(ge=timedelta(0), le=timedelta(hours=6))]


LabelNames = tuple[Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,99}$")], ...]


class RelatingSection(Section):
    """Which labels say what an alert is about, and how near in time two incidents must be to be related by them."""

    within: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(hours=24))]
    account_labels: LabelNames
    component_labels: LabelNames


class DriftSection(Section):
    """How often the broker is held against the record. Three calls a look: 200 a minute are shared with strategies."""

    every: Annotated[Duration, Field(ge=timedelta(seconds=2), le=timedelta(minutes=10))]


class DataFeedSection(Section):
    """How old the desk's market data is, by Prometheus: an expression that gives ages in seconds, one for each feed."""

    promql: Text | None = None
    warn_after: Span
    fail_after: Span

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.fail_after < self.warn_after:
            raise ValueError("fail_after must not be shorter than warn_after")
        return self


class HealthSection(Section):
    """What a health check needs to be told of the desk's own systems."""

    data_feed: DataFeedSection


class RefusalsSection(Section):
    """How many refused requests of one address are answered in full, within a span that its first one begins."""

    at_most: Count
    within: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(hours=1))]


class IntakeSection(Section):
    """`channel`: whether alerts that others post into the incident channel count. `join_window`: how far apart such
    a message and the webhook of the same alerts may come."""

    channel: bool
    join_window: Annotated[Duration, Field(ge=timedelta(0), le=timedelta(hours=1))]


class AlertingSection(Section):
    """How the record is held against what Alertmanager and Prometheus show, where their addresses are set.

    `labels`: label -> pattern; only alerts with all of these are the desk's. `watchdog`: "" for none.
    """

    compare_every: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(minutes=1))]
    look_back: Annotated[Duration, Field(ge=timedelta(minutes=1), le=timedelta(days=7))]
    take_in_after: Annotated[Duration, Field(ge=timedelta(0), le=timedelta(minutes=30))]
    clear_after: Annotated[Duration, Field(ge=timedelta(0), le=timedelta(hours=12))]
    alertmanager_settles: Annotated[Duration, Field(ge=timedelta(0), le=timedelta(hours=1))]
    labels: dict[str, str] = {}
    watchdog: Annotated[str, Field(max_length=300)]
    watchdog_silent_after: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(days=2))]


class AccountEntry(Section):
    """A broker account. Its keys stay in the environment; the file holds the names of the variables."""

    name: AccountName
    api_key_env: VariableName
    secret_key_env: VariableName
    url: Annotated[str, AfterValidator(addresses.broker_api)] = addresses.PAPER_API
    live: bool = False

    @property
    def at_live_broker(self) -> bool:
        return addresses.is_live_broker(self.url)

    @property
    def at_paper_broker(self) -> bool:
        return self.url == addresses.PAPER_API


class PostmortemSection(Section):
    template: Text


class DeskCommandEntry(Section):
    """A command of the desk's own, run beside halt or resume. `argv` is a list: there is no shell."""

    name: Key
    on: Literal["halt", "resume"]
    argv: Annotated[tuple[Text, ...], Field(min_length=1)]
    timeout: Annotated[Duration, Field(gt=timedelta(0), le=timedelta(minutes=2))]
    account: AccountName | None = None
    folder: Text | None = None
    pass_env: tuple[VariableName, ...] = ()


class PolicyFile(Section):
    """The whole file, after the desk's has been laid over the defaults."""

    format: Literal[1]
    desk: Desk
    severity: SeveritySection
    phases: dict[Phase, PhaseEntry]
    notices: Notices
    contacts: tuple[ContactEntry, ...]
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
    postmortem: PostmortemSection
    accounts: tuple[AccountEntry, ...] = ()
    desk_commands: tuple[DeskCommandEntry, ...] = ()
