"""The field's words as enumerations: severities, phases, states. Source: `design.md` (Words), `procedure.md`."""

from enum import StrEnum


class Severity(StrEnum):
    """How bad an incident is; SEV-1 is the worst. Compare with `rank` (1 is the worst), never as text."""

    SEV1 = "SEV-1"
    SEV2 = "SEV-2"
    SEV3 = "SEV-3"
    SEV4 = "SEV-4"

    @property
    def rank(self) -> int:
        return int(self[-1])  # of its text

    def worse_than(self, other: "Severity") -> bool:
        return self.rank < other.rank


class Phase(StrEnum):
    """The lifecycle of the procedure, in order."""

    DETECTION = "detection"
    TRIAGE = "triage"
    DIAGNOSIS = "diagnosis"
    MITIGATION = "mitigation"
    RESOLUTION = "resolution"
    POST_INCIDENT = "post-incident"

    @property
    def next(self) -> "Phase | None":
        order = list(Phase)
        place = order.index(self) + 1
        return order[place] if place < len(order) else None


class IncidentStatus(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"
    MERGED = "merged"  # folded into another incident, which goes on for it


class AlertStatus(StrEnum):
    FIRING = "firing"
    RESOLVED = "resolved"


class TradingState(StrEnum):
    """What an account may do. `design.md`, Trading state."""

    HALTED = "halted"
    RESTRICTED = "restricted"
    CAUTIOUS = "cautious"
    NORMAL = "normal"


class ActionKind(StrEnum):
    HALT = "halt"
    CANCEL = "cancel"
    HEALTH = "health"
    RECONCILE = "reconcile"
    RESUME = "resume"
    FLATTEN = "flatten"

    @property
    def verb(self) -> str:
        """The action in words, as a heading begins with it."""
        return {
            ActionKind.HALT: "Halt",
            ActionKind.CANCEL: "Cancel orders",
            ActionKind.HEALTH: "Health check",
            ActionKind.RECONCILE: "Reconciliation",
            ActionKind.RESUME: "Resume",
            ActionKind.FLATTEN: "Flatten",
        }[self]


class ActionStatus(StrEnum):
    """Where an action stands. Only DONE claims that the broker (or the measurement) has shown the result."""

    CONFIRMED = "confirmed"  # a person confirmed it; nothing has been sent
    RUNNING = "running"  # a runner holds it
    WATCHING = "watching"  # everything was sent, something is not proved yet, it is looked at again
    DONE = "done"  # proved
    FAILED = "failed"  # it is known not to have happened, or to have found what it must not
    UNKNOWN = "unknown"  # a timeout or half an answer: nobody may claim either

    @property
    def ended(self) -> bool:
        return self in (ActionStatus.DONE, ActionStatus.FAILED, ActionStatus.UNKNOWN)


class StepStatus(StrEnum):
    STARTED = "started"
    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"
