"""The procedure's checklist: which items a phase has, and which of them a severity asks for."""

from dataclasses import dataclass

from bot.domain.words import Phase, Severity


@dataclass(frozen=True)
class ChecklistItem:
    """One line of the procedure. `key` is stable, like `triage.acknowledge`; `severities` None means all."""

    key: str
    text: str
    phase: Phase
    severities: frozenset[Severity] | None = None

    def concerns(self, severity: Severity) -> bool:
        return self.severities is None or severity in self.severities


@dataclass(frozen=True)
class PhasePlan:
    """One phase of the procedure. `window` is its time in words, as the procedure gives it, or None."""

    phase: Phase
    title: str
    window: str | None
    items: tuple[ChecklistItem, ...]


def items_for(plan: PhasePlan, severity: Severity) -> tuple[ChecklistItem, ...]:
    """The items that an incident of this severity has in this phase, in the procedure's order."""
    return tuple(item for item in plan.items if item.concerns(severity))
