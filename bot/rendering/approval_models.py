"""What the templates of resume, flatten and their approval are given: plain, frozen values."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.words import ActionKind
from bot.rendering.models import AccountLine


@dataclass(frozen=True)
class GateLine:
    """One condition of a stage. `met` None: not checked, or could not be."""

    name: str
    met: bool | None
    text: str


@dataclass(frozen=True)
class StageView:
    """One account in the resume modal: from which state to which, what changes at the broker, the gates so far."""

    account: AccountLine
    stage: str  # "halted to restricted"
    at_broker: str
    gates: tuple[GateLine, ...]


@dataclass(frozen=True)
class ResumeView:
    """The modal in which a stage is asked for. `override`: firing alerts that an approver may override here."""

    incident_key: str | None
    stages: tuple[StageView, ...]
    selected: tuple[str, ...]
    override: str | None
    private_metadata: str
    drill: bool
    expires_after: timedelta
    reason: str = ""


@dataclass(frozen=True)
class OverrideView:
    """Asks an approver why firing alerts should not stand in the way of a resume."""

    incident_key: str
    stage: str
    alerts: str
    private_metadata: str
    drill: bool


@dataclass(frozen=True)
class ApprovalView:
    """A request in the thread, from asked to decided. Buttons only while it is `waiting`."""

    id: int
    incident_id: int
    incident_key: str
    kind: ActionKind
    what: str  # "Resume to restricted"
    account: AccountLine
    status: str
    at_broker: str
    reason: str
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    gates: tuple[GateLine, ...]
    decided_by: str | None
    decided_at: datetime | None
    decision: str | None
    override_by: str | None
    override_reason: str | None
    from_command_line: bool
    drill: bool
    asked_as: str | None = None  # a Slack user id, by the word of whoever asked at the command line
