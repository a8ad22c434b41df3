"""Relates incidents whose alerts name the same account or component, and tells it in both, once."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from bot.domain.incident import Incident, incident_key
from bot.domain.relation import Relation, Sighting, Subject, SubjectKind, gap_words, relate, subjects_of
from bot.services.desk import Desk
from bot.services.related_views import SHOWN, in_slack
from bot.services.thread import show_root
from bot.store import accounts, incidents, relations, timeline
from bot.store.database import UNSEEN, UnitOfWork

MOST_SUBJECTS = 50  # of one webhook; a storm that names more than these is about everything
_NAMES = "names of the accounts"
AT_ONCE = 100  # incidents that one run looks at
PAIRS = 1_000  # ... and relations that one run links


def note(
    unit: UnitOfWork,
    desk: Desk,
    incident: Incident,
    fired: Iterable[tuple[Mapping[str, str], datetime]],
    now: datetime,
) -> None:
    """Keep what the alerts that fire (labels, since when) name, in the transaction that takes them in.

    Nothing else of other incidents is touched here: a storm of webhooks must not wait for one another. They are
    related a moment later, by `run_once`.
    """
    policy = desk.policy.relating
    latest: dict[Subject, datetime] = {}
    for labels, since in fired:
        at = min(since, now)  # a clock that runs ahead
        for subject in subjects_of(labels, policy.account_labels, policy.component_labels):
            latest[subject] = max(at, latest.get(subject, at))
    if not latest:
        return
    names = _account_names(unit) if any(one.kind is SubjectKind.ACCOUNT for one in latest) else {}
    kept: dict[Subject, datetime] = {}
    for subject, at in sorted(latest.items(), key=lambda item: (item[0].kind.rank, item[0].value)):
        if subject.kind is SubjectKind.ACCOUNT:
            subject = Subject(subject.kind, names.get(subject.value, subject.value))
        kept[subject] = max(at, kept.get(subject, at))
    bounded = list(kept.items())[:MOST_SUBJECTS]
    relations.note(unit, [Sighting(incident.id, subject, at) for subject, at in bounded], now=now)


def read_ahead(unit: UnitOfWork) -> dict[Hashable, Any]:
    """The accounts' names for a batch of webhooks: for `UnitOfWork.foresee`."""
    return {_NAMES: _account_names(unit)}


def _account_names(unit: UnitOfWork) -> dict[str, str]:
    """An account's number stands for its name: one alert says `account="main"`, another its `account_id`."""
    known = unit.foreseen(_NAMES)
    if known is not UNSEEN:
        return cast("dict[str, str]", known)
    return {
        record.account_number: record.name
        for record in accounts.all_of_them(unit)
        if record.account_number is not None
    }


def run_once(desk: Desk) -> int:
    """Relate what has been seen since the last run. Returns how many relations are new."""
    with desk.database.read() as unit:
        due = relations.due(unit, AT_ONCE)
    found = 0
    for number in due:
        with desk.database.begin() as unit:
            found += _relate(unit, desk, number)
    return found


def link_once(desk: Desk) -> int:
    """Show incidents again whose related ones have got their place in Slack since, or have become more.

    Run at intervals of some seconds: in a storm everything is related to everything, and each message is edited
    once a run at most. Returns how many were.
    """
    with desk.database.read() as unit:
        if not relations.to_link(unit, 1):
            return 0
    with desk.database.begin() as unit:
        pairs = relations.to_link(unit, PAIRS)
        for pair in pairs:
            relations.linked(unit, pair)
        # Newest first, as everybody does who shows several incidents anew in one transaction.
        numbers = sorted({number for pair in pairs for number in pair}, reverse=True)
        for number in numbers:
            incident = incidents.get(unit, number)
            if incident is not None:
                show_root(unit, incident, desk.now())
    return len(numbers)


def _relate(unit: UnitOfWork, desk: Desk, number: int) -> int:
    """Relate one incident to those near it; with one that somebody else works on just now, in the next run."""
    within = desk.policy.relating.within
    mine = relations.due_of(unit, number)
    others = [other for one in mine for other in relations.near(unit, one, within)]
    numbers = sorted({number, *(other.incident_id for other in others)})
    # Taken in order and never waited for, so that no webhook and no merge can be held up by this, or hold it up.
    held = incidents.lock_free(unit, numbers)
    if number not in held:
        return 0
    now = desk.now()
    found: list[Relation] = []
    for other in held:
        if other == number:
            continue
        theirs = [one for one in others if one.incident_id == other]
        drills = (held[number].drill, held[other].drill)
        relation = relate(mine, theirs, within, drills=drills)
        if relation is None or not relations.relate(unit, relation, at=now):
            continue
        found.append(relation)
        _write(unit, relation, now)
    if len(held) == len(numbers):
        relations.looked_at(unit, mine)
    _show(unit, held, found, now)
    return len(found)


def _show(unit: UnitOfWork, held: Mapping[int, Incident], found: Sequence[Relation], now: datetime) -> None:
    """Show at once those whose few lines have changed; what is only counted may wait for `link_once`."""
    pairs = [(one.first.incident_id, one.second.incident_id) for one in found]
    added = Counter(number for pair in pairs for number in pair)
    changed = {number for number in added if relations.count(unit, number) - added[number] <= SHOWN}
    placed = {number for number in added if in_slack(unit, number)}
    for pair in pairs:
        if changed.issuperset(pair) and placed.issuperset(pair):
            relations.linked(unit, pair)
    for number in sorted(changed, reverse=True):
        show_root(unit, held[number], now)


def _write(unit: UnitOfWork, relation: Relation, now: datetime) -> None:
    first, second = relation.first.incident_id, relation.second.incident_id
    for here, there, gap in ((first, second, relation.later), (second, first, -relation.later)):
        timeline.write(
            unit,
            here,
            "IncidentRelated",
            f"Related to {incident_key(there)}: same {relation.subject}, {gap_words(gap)}",
            at=now,
            details={"incident": there, "kind": relation.subject.kind, "value": relation.subject.value},
        )
