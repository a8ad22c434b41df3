"""An incident and the decisions about it: what may follow, and the reason when something may not."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from bot.domain.words import IncidentStatus, Phase, Severity


@dataclass(frozen=True)
class Incident:
    """An incident as recorded. `group_key` is None for one that a person declared.

    `left_out`: alerts that Alertmanager's newest webhooks left out (`max_alerts`).
    """

    id: int
    title: str
    severity: Severity
    severity_reason: str
    status: IncidentStatus
    phase: Phase
    group_key: str | None
    opened_at: datetime
    opened_by: str | None
    acknowledge_by: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    resolution_note: str | None
    channel: str
    drill: bool
    left_out: int = 0

    @property
    def key(self) -> str:
        return incident_key(self.id)

    @property
    def open(self) -> bool:
        return self.status is IncidentStatus.OPEN


def incident_key(number: int) -> str:
    return f"INC-{number}"


def parse_incident_key(text: str) -> int | None:
    """`INC-42`, `inc-42` or `42` as a number; None for anything else."""
    digits = text.strip().upper().removeprefix("INC-")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None


@dataclass(frozen=True)
class PhaseMove:
    """Whether a phase can be left: `to` is the next one, `open_items` what a reason must be given for."""

    to: Phase | None
    open_items: tuple[str, ...]
    refusal: str | None = None

    @property
    def needs_reason(self) -> bool:
        return bool(self.open_items)


def decide_phase_move(incident: Incident, leaving: Phase, open_items: Collection[str]) -> PhaseMove:
    """Leave `leaving` for the next phase. Leaving a phase that was left already is refused with the reason."""
    if incident.phase is not leaving:
        return PhaseMove(
            None, (), f"{incident.key} is in {incident.phase} already; {leaving} was left before."
        )
    if leaving.next is None:
        return PhaseMove(None, (), f"{leaving} is the last phase of the procedure.")
    return PhaseMove(leaving.next, tuple(open_items))


def obstacles_to_resolution(*, firing: int, open_items: Collection[str]) -> tuple[str, ...]:
    """What speaks against calling the incident resolved, as sentences. Empty when nothing does.

    Source: `procedure.md`, 5. Resolution.
    """
    found: list[str] = []
    if firing:
        found.append(f"{firing} alert{'s are' if firing != 1 else ' is'} still firing.")
    if open_items:
        shown = "; ".join(list(open_items)[:5])
        more = f"; and {len(open_items) - 5} more" if len(open_items) > 5 else ""
        found.append(f"{len(open_items)} checklist items are open: {shown}{more}.")
    return tuple(found)
