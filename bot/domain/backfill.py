"""Reads firings out of Prometheus' history, and tells whether two accounts of a firing are the same one.

Prometheus' history has no fingerprint and no exact start: `ALERTS` has a sample for each evaluation at which the alert
fired. Firings are therefore joined by fingerprint and by overlap in time, never by an exact start.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.fingerprint import fingerprint

_OWN_LABELS = frozenset({"__name__", "alertstate"})
_TRIED = 50  # alerts by which it is learned what Prometheus adds to their labels
_LONGEST_TEXT = 16_384
_SHORTEST, _LONGEST = timedelta(seconds=1), timedelta(minutes=1)

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Firing:
    """A firing in the past. `starts_at` is the earliest that it can have begun, `ends_at` the latest that it ended.

    `cut`: it was under way when the history that was read begins.
    """

    fingerprint: str
    labels: Labels
    starts_at: datetime
    ends_at: datetime
    cut: bool


def alert_labels(series: Labels) -> dict[str, str]:
    """The alert's own labels, from those of its series in `ALERTS` or `ALERTS_FOR_STATE`."""
    return {name: value for name, value in series.items() if name not in _OWN_LABELS and value}


def storable(texts: Labels) -> dict[str, str]:
    """Labels or annotations as a webhook's are stored: PostgreSQL takes no NUL, and nothing a half of a character."""
    return {_storable(name): _storable(value) for name, value in texts.items()}


def _storable(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:_LONGEST_TEXT]


def sent_labels(labels: Labels, added: Labels) -> dict[str, str]:
    """The labels as Alertmanager gets them: Prometheus adds its external ones where the alert has none."""
    return {**added, **labels}


def step_of(intervals: Iterable[timedelta]) -> timedelta:
    """The step at which no firing falls between two points: the shortest interval of evaluation, 1 s to 1 min."""
    return min(max(min(intervals, default=_LONGEST), _SHORTEST), _LONGEST)


def windows(
    start: datetime, end: datetime, step: timedelta, most_points: int
) -> Iterator[tuple[datetime, datetime]]:
    """Stretches of at most `most_points` points that together hold each point of the grid from `start` once."""
    while start <= end:
        reaches = min(start + step * (most_points - 1), end)
        yield start, reaches
        # The next point of the grid, which is not `reaches` plus a step when the range ends between two points.
        start += step * ((reaches - start) // step + 1)


@dataclass
class History:
    """Firings gathered from stretches of history that follow each other, each with its points in order."""

    begins: datetime
    step: timedelta
    labels: dict[str, Labels] = field(default_factory=dict)
    runs: dict[str, list[tuple[datetime, datetime]]] = field(default_factory=dict)
    through: datetime | None = None

    def add(self, labels: Labels, points: Iterable[datetime]) -> None:
        # By the series' own labels: what Prometheus adds to them does not part or join any two.
        own = alert_labels(labels)
        key = fingerprint(own)
        self.labels.setdefault(key, own)
        runs = self.runs.setdefault(key, [])
        for at in points:
            if runs and at - runs[-1][1] < self.step * 1.5:
                runs[-1] = (runs[-1][0], at)
            else:
                runs.append((at, at))

    def ended(self, added: Labels) -> list[Firing]:
        """The firings that were seen to end, oldest end first."""
        if self.through is None:
            return []
        found = []
        for key, runs in self.runs.items():
            labels = sent_labels(self.labels[key], added)
            name = fingerprint(labels)
            for first, last in runs:
                if last + self.step > self.through:
                    continue  # it may go on: what fires now is read elsewhere
                cut = first - self.step < self.begins
                found.append(Firing(name, labels, first - self.step, last + self.step, cut))
        return sorted(found, key=lambda firing: (firing.ends_at, firing.fingerprint))


def overlap(
    one_start: datetime, one_end: datetime | None, other_start: datetime, other_end: datetime | None
) -> bool:
    """Whether two firings of one alert share time. None as an end: it fires still.

    Strictly: a firing that begins when another ends is another one.
    """
    return (other_end is None or one_start < other_end) and (one_end is None or other_start < one_end)


def added_labels(
    prometheus: Sequence[Labels],
    alertmanager: Collection[tuple[str, Labels]],
    configured: Labels | None,
    before: Labels | None,
) -> dict[str, str]:
    """What is added to Prometheus' labels on the way to Alertmanager: what explains most of the alerts of both.

    `alertmanager`: fingerprint and labels. Prometheus' configuration does not decide by itself, since relabelling may
    drop an external label; without any alert in both it does, and then what was learned `before`.
    """
    fallback = configured if configured is not None else (before or {})
    known = {name for name, _ in alertmanager}
    by_name: dict[str, list[Labels]] = {}
    for _, labels in alertmanager:
        by_name.setdefault(labels.get("alertname", ""), []).append(labels)
    candidates: list[Labels] = [fallback, before or {}, {}]
    for own in prometheus[:_TRIED]:
        for sent in by_name.get(own.get("alertname", ""), [])[:_TRIED]:
            if own.items() <= sent.items():
                candidates.append({name: sent[name] for name in sent.keys() - own.keys()})
    seen: Counter[tuple[tuple[str, str], ...]] = Counter()
    order: dict[tuple[tuple[str, str], ...], int] = {}
    for number, labels in enumerate(candidates):
        key = tuple(sorted(labels.items()))
        if key not in order:
            order[key] = number
            seen[key] = sum(fingerprint(sent_labels(own, labels)) in known for own in prometheus[:_TRIED])
    best = max(order, key=lambda key: (seen[key], -order[key]))
    return dict(best) if seen[best] else dict(fallback)
