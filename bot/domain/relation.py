"""When two incidents are related: an alert of each names the same account or component, at about the same time."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LONGEST_VALUE = 200  # a label longer than this names no account and no component


class SubjectKind(StrEnum):
    """What alerts can have in common. An account says more than a component."""

    ACCOUNT = "account"
    COMPONENT = "component"

    @property
    def rank(self) -> int:
        return list(SubjectKind).index(self)


@dataclass(frozen=True)
class Subject:
    """What an alert is about: `account main`, `component gateway`."""

    kind: SubjectKind
    value: str

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


@dataclass(frozen=True)
class Sighting:
    """An alert of the incident named the subject at that time; the latest one counts."""

    incident_id: int
    subject: Subject
    at: datetime


@dataclass(frozen=True)
class Relation:
    """Why two incidents belong together. `later`: how long after the first one's alert the second one's came."""

    subject: Subject
    first: Sighting
    second: Sighting

    @property
    def later(self) -> timedelta:
        return self.second.at - self.first.at


def subjects_of(
    labels: Mapping[str, str], accounts: Sequence[str], components: Sequence[str]
) -> frozenset[Subject]:
    """What an alert's labels name, by the label names that the desk has given. Never its name, never its text."""
    if labels.keys().isdisjoint(accounts) and labels.keys().isdisjoint(components):
        return frozenset()  # most alerts by far
    found = set()
    for kind, names in ((SubjectKind.ACCOUNT, accounts), (SubjectKind.COMPONENT, components)):
        for name in names:
            value = labels.get(name, "").strip()
            if value and len(value) <= LONGEST_VALUE:
                found.add(Subject(kind, value))
    return frozenset(found)


def relate(
    ones: Iterable[Sighting], others: Collection[Sighting], within: timedelta, *, drills: tuple[bool, bool]
) -> Relation | None:
    """The best reason why the incidents are related, the lower number first; None when there is none.

    A drill is never related to what is real. An account goes before a component, then the nearest in time.
    """
    if drills[0] != drills[1]:
        return None
    pairs = [
        (one, other)
        for one in ones
        for other in others
        if one.subject == other.subject
        and one.incident_id != other.incident_id
        and abs(one.at - other.at) <= within
    ]
    if not pairs:
        return None
    best = min(
        pairs,
        key=lambda pair: (pair[0].subject.kind.rank, abs(pair[0].at - pair[1].at), pair[0].subject.value),
    )
    first, second = sorted(best, key=lambda one: one.incident_id)
    return Relation(first.subject, first, second)


def gap_words(gap: timedelta) -> str:
    """How the other incident stands to this one: `3 min earlier`, `20 s later`, `at the same time`."""
    seconds = round(gap.total_seconds())
    if seconds == 0:
        return "at the same time"
    length = f"{abs(seconds)} s" if abs(seconds) < 60 else f"{abs(seconds) // 60} min"
    return f"{length} {'later' if seconds > 0 else 'earlier'}"
