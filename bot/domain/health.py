"""The health of the desk's components: their statuses, which is worst, and the sentence that says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_NAMED_AT_MOST = 5


class ComponentStatus(StrEnum):
    """How a component is.

    UNKNOWN means that it was asked and nothing was learned; it is never taken for OK.
    """

    OK = "ok"
    WARN = "warn"  # works, and something about it needs attention
    FAIL = "fail"  # known not to work
    UNKNOWN = "unknown"  # could not be measured
    OFF = "off"  # not set up, so not asked

    @property
    def rank(self) -> int:
        """The worst is 0."""
        return _WORST_FIRST.index(self)

    @property
    def needs_attention(self) -> bool:
        return self in (ComponentStatus.FAIL, ComponentStatus.UNKNOWN, ComponentStatus.WARN)


_WORST_FIRST = (
    ComponentStatus.FAIL,
    ComponentStatus.UNKNOWN,
    ComponentStatus.WARN,
    ComponentStatus.OK,
    ComponentStatus.OFF,
)

_VERBS = {
    ComponentStatus.FAIL: "fails",
    ComponentStatus.UNKNOWN: "is not known",
    ComponentStatus.WARN: "warns",
}


@dataclass(frozen=True)
class Component:
    """One component as it was seen.

    `figure` is what was measured, with its unit ("91 % used"); `threshold` is what it is held against
    ("warns from 90 %"); `advice` is what to do next; `seconds` is how long the asking took.
    """

    name: str
    status: ComponentStatus
    figure: str
    threshold: str | None = None
    advice: str | None = None
    seconds: float = 0.0

    def as_evidence(self) -> dict[str, Any]:
        """As JSON, for the record of the action."""
        return {
            "name": self.name,
            "status": self.status.value,
            "figure": self.figure,
            "threshold": self.threshold,
            "advice": self.advice,
            "seconds": round(self.seconds, 3),
        }


def overall(components: Sequence[Component]) -> ComponentStatus:
    """The worst status. Nothing asked is UNKNOWN; nothing but components that are off is OFF."""
    if not components:
        return ComponentStatus.UNKNOWN
    return min((component.status for component in components), key=lambda status: status.rank)


def worst_first(components: Sequence[Component]) -> list[Component]:
    """Worst first; equals stay in the order in which they were given."""
    return sorted(components, key=lambda component: component.status.rank)


def headline(components: Sequence[Component]) -> str:
    """One sentence, worst first. Components that are off are not counted among those that were asked."""
    asked = [component for component in components if component.status is not ComponentStatus.OFF]
    off = len(components) - len(asked)
    if not asked:
        return "Nothing was measured: no component is set up to be checked."
    wanting = [component for component in worst_first(asked) if component.status.needs_attention]
    if not wanting:
        many = f"All {len(asked)} measured components are well"
        sentence = many if len(asked) > 1 else f"The one measured component, {asked[0].name}, is well"
        return f"{sentence} ({off} off)." if off else f"{sentence}."
    named = [
        f"{component.name} {_VERBS[component.status]} ({component.figure})"
        for component in wanting[:_NAMED_AT_MOST]
    ]
    if len(wanting) > _NAMED_AT_MOST:
        named.append(f"and {len(wanting) - _NAMED_AT_MOST} more")
    verb = "needs" if len(wanting) == 1 else "need"
    return f"{len(wanting)} of {len(asked)} {verb} attention: {', '.join(named)}."
