"""Relates incidents whose alerts name the same account or component, and tells it in both, once."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from bot.domain.incident import Incident, incident_key
from bot.domain.relation import Relation, Sighting, Subject, SubjectKind, gap_words, relate, subjects_of
from bot.services.desk import Desk
from bot.services.thread import show_root
from bot.store import accounts, incidents, relations, timeline
from bot.store.database import UnitOfWork

MOST_SUBJECTS = 50  # of one webhook; a storm that names more than these is about everything
AT_ONCE = 100  # incidents that one run looks at


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


def _account_names(unit: UnitOfWork) -> dict[str, str]:
    """An account's number stands for its name: one alert says `account="main"`, another its `account_id`."""
    return {
        record.account_number: record.name
        for record in accounts.all_of_them(unit)
        if record.account_number is not None
    }


def run_once(desk: Desk) -> int:
    """Relate what has been seen since, and link what has got its place in Slack. Returns how many relations are new."""
    with desk.database.read() as unit:
        due = relations.due(unit, AT_ONCE)
        pairs = relations.to_link(unit, AT_ONCE)
    found = 0
    for number in due:
        with desk.database.begin() as unit:
            found += _relate(unit, desk, number)
    for pair in pairs:
        with desk.database.begin() as unit:
            _link(unit, desk, pair)
    return found


def _relate(unit: UnitOfWork, desk: Desk, number: int) -> int:
    """Relate one incident to those near it. Left for the next run while somebody else works on one of them."""
    within = desk.policy.relating.within
    mine = relations.due_of(unit, number)
    others = [other for one in mine for other in relations.near(unit, one, within)]
    numbers = sorted({number, *(other.incident_id for other in others)})
    held = incidents.lock_free(unit, numbers)
    if len(held) < len(numbers):
        return 0
    now = desk.now()
    told: list[Incident] = []
    found = 0
    for other in numbers:
        if other == number:
            continue
        theirs = [one for one in others if one.incident_id == other]
        drills = (held[number].drill, held[other].drill)
        relation = relate(mine, theirs, within, drills=drills)
        if relation is None or not relations.relate(unit, relation, at=now):
            continue
        found += 1
        _write(unit, relation, now)
        told.append(held[other])
    relations.looked_at(unit, mine)
    if found:
        # Newest first, as everybody does who shows several incidents anew in one transaction.
        for incident in sorted([held[number], *told], key=lambda one: -one.id):
            show_root(unit, incident, now)
    return found


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


def _link(unit: UnitOfWork, desk: Desk, pair: tuple[int, int]) -> None:
    """Both stand in Slack now: each is shown again, with a link to the other."""
    relations.linked(unit, pair)
    for number in sorted(pair, reverse=True):
        incident = incidents.get(unit, number)
        if incident is not None:
            show_root(unit, incident, desk.now())
