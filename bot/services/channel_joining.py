"""One incident for what a Slack message and a webhook both tell. The webhook's alerts are the truth.

Alerts are never joined by name or text. A message has no group key, so its *group* is joined to the webhook's by the
fingerprints of the alerts that it lists, else by the values of the group's labels in its title, while both fire or
within the policy's `join_window`. Where that fits more than one incident and the rest of the title does not decide,
nothing is joined: two incidents are a nuisance, a wrong "all clear" is not.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.domain import group_title
from bot.domain.alerts import AlertGroup
from bot.domain.channel_alerts import ChannelGroup
from bot.domain.incident import Incident
from bot.services.desk import Desk
from bot.store import channel_groups, incidents, merges, timeline
from bot.store.channel_groups import FROM_SLACK, StoredGroup, ToldAlert
from bot.store.database import UnitOfWork

HELD_NAMES = 5  # alert names that stand for a group while it is being opened
_NO_MESSAGES = "no message tells of alerts"
SUPERSEDED = "superseded: the webhook tells this alert"


def of_message(group: AlertGroup) -> bool:
    """Whether these alerts were read from a message, under whichever group key."""
    return any(alert.fingerprint.startswith(FROM_SLACK) for alert in group.alerts[:1])


def from_slack(group_key: str | None) -> bool:
    """Whether the group was read from a message and no webhook has told it."""
    return group_key is not None and group_key.startswith(FROM_SLACK)


def read_ahead(unit: UnitOfWork, desk: Desk) -> dict[Hashable, Any]:
    """Keep messages out for a batch of webhooks, and look once whether any message could have to do with it."""
    if not desk.policy.intake.channel:
        return {}
    channel_groups.beside_messages(unit)
    since = desk.now() - desk.policy.intake.join_window
    return {} if channel_groups.any_told(unit, since) else {_NO_MESSAGES: True}


@dataclass(frozen=True)
class Told:
    """What a webhook told of an incident. `groups`: the incident's, its own and those of what was merged into it."""

    alerts: Sequence[ToldAlert]
    groups: frozenset[str]

    @classmethod
    def by_webhook(cls, unit: UnitOfWork, incident: Incident, since: datetime) -> "Told":
        merged = {key for key, _ in merges.groups_in(unit, [incident.id])}
        own = {incident.group_key} if incident.group_key is not None else set()
        found = channel_groups.told_by_webhook(unit, incident.id, since)
        return cls(found, frozenset(merged | own))

    @property
    def marks(self) -> set[str]:
        return {alert.fingerprint for alert in self.alerts}

    def of_group(self, group_key: str) -> list[ToldAlert]:
        """Those that count for this group: all but what another of the incident's groups told."""
        return [one for one in self.alerts if one.group_key == group_key or one.group_key not in self.groups]

    def count(self, group_key: str) -> int:
        return len(self.of_group(group_key))


def adopt(unit: UnitOfWork, desk: Desk, group: AlertGroup, title: str, now: datetime) -> Incident | None:
    """The open incident that a webhook's new group belongs to because a message has told it before, or None.

    It becomes the webhook's: its group key and its title. One that has taken the message's group over by a merge keeps
    both, and takes the webhook's group over too.
    """
    if not desk.policy.intake.channel or of_message(group) or unit.foreseen(_NO_MESSAGES) is True:
        return None
    labels = [alert.labels for alert in group.alerts]
    rest = group_title.rest_text(group.group_labels, labels)
    text = group_title.text_of(group_title.group_text(group.group_labels) or f"({rest})")
    hold(unit, text, (alert.name for alert in group.alerts))
    meanwhile = merges.open_of_group(unit, group.group_key)
    if meanwhile is not None:
        return meanwhile  # another webhook of the group opened it while this one waited
    since = now - desk.policy.intake.join_window
    rows = [
        row
        for row in channel_groups.of_text(unit, text)
        if row.incident_id is not None
        and (row.alerts or row.received_at >= since)
        and group_title.is_of_group(row.title, group.group_labels, labels)
    ]
    if len({row.incident_id for row in rows}) > 1:
        rows = [row for row in rows if group_title.rest_of(row.title) == rest]
    numbers = {row.incident_id for row in rows if row.incident_id is not None}
    if len(numbers) != 1:
        marks = {f"{FROM_SLACK}{alert.fingerprint}" for alert in group.alerts}
        numbers = channel_groups.incidents_with(unit, sorted(marks), since)
        rows = _with_one_of(unit, marks, numbers)
    incident = incidents.lock(unit, min(numbers)) if len(numbers) == 1 else None
    if incident is None or not incident.open or incident.drill:
        return merges.open_of_group(unit, group.group_key)  # opened by another webhook, while this one waited
    if merges.open_of_group(unit, group.group_key) is not None:
        return None
    own = str(incident.group_key)
    keys = {row.key for row in rows} or ({own} if from_slack(own) else set())
    if not keys:
        return None
    if own in keys:
        incidents.change(
            unit, incident.id, group_key=group.group_key, open_group_key=group.group_key, title=title
        )
    else:
        merges.own_group(unit, group.group_key, incident.id)
    for key in sorted(keys):
        channel_groups.join(unit, key, group.group_key)
    said = "Alertmanager's webhook tells the same alerts as the Slack message: its alerts count from here on"
    timeline.write(unit, incident.id, "JoinedByWebhook", said, at=now, details={"group_key": group.group_key})
    return incidents.lock(unit, incident.id)


def _with_one_of(unit: UnitOfWork, marks: set[str], numbers: Iterable[int]) -> list[StoredGroup]:
    """The groups in these incidents that no webhook has told yet and in which one of these alerts stands."""
    return [
        row
        for number in sorted(numbers)
        for row in channel_groups.of_incident(unit, number)
        if not row.joined and not marks.isdisjoint(mark for mark, _ in row.alerts)
    ]


def home_of(unit: UnitOfWork, desk: Desk, group: ChannelGroup, now: datetime) -> tuple[str, Incident] | None:
    """The webhook's group that this message tells, and its incident, open or just resolved; or None."""
    since = now - desk.policy.intake.join_window
    by_webhook = channel_groups.webhook_incidents(unit, since)
    marks = [alert.fingerprint for alert in group.listed]
    with_them = channel_groups.incidents_with(unit, marks, since)
    found = {key: number for key, number in by_webhook.items() if number in with_them}
    if len(set(found.values())) != 1:
        found = _by_title(unit, by_webhook, group.title, since)
    elif (
        len(found) > 1
    ):  # merged; which of its groups it is, the title says, and if it does not, the alerts go there
        found = _by_title(unit, found, group.title, since) or found
    if len(set(found.values())) != 1:
        return None
    key = min(found)
    incident = incidents.lock(unit, found[key])
    return (key, incident) if incident is not None else None


def _by_title(unit: UnitOfWork, by_webhook: Mapping[str, int], title: str, since: datetime) -> dict[str, int]:
    rests: dict[str, str] = {}
    for group_key, number in by_webhook.items():
        group_labels = group_title.labels_of_group_key(group_key)
        if group_labels is None or (group_labels and not group_title.is_of_group(title, group_labels, ())):
            continue
        incident = incidents.get(unit, number)
        assert incident is not None  # it was just read
        told = [one.labels for one in Told.by_webhook(unit, incident, since).of_group(group_key)]
        if told and group_title.is_of_group(title, group_labels, told):
            rests[group_key] = group_title.rest_text(group_labels, told)
    if len(rests) > 1:
        rests = {key: rest for key, rest in rests.items() if rest == group_title.rest_of(title)}
    return {key: by_webhook[key] for key in rests}


def hold(unit: UnitOfWork, text: str, names: Iterable[str]) -> None:
    """Let messages and webhooks of one group open its incident one after the other, in whatever process."""
    channel_groups.hold(
        unit, [f"text:{text}", *(f"alert:{name}" for name in sorted(set(names))[:HELD_NAMES])]
    )


def settle(unit: UnitOfWork, desk: Desk, group: AlertGroup, incident: Incident, now: datetime) -> None:
    """Take out of the incident what was read from Slack and a webhook tells by now.

    What a message counted beyond the webhook's alerts stays until the webhook tells it, or a message its end.
    """
    if not desk.policy.intake.channel or of_message(group) or unit.foreseen(_NO_MESSAGES) is True:
        return
    rows = [row for row in channel_groups.of_incident(unit, incident.id) if row.alerts and row.joined]
    if not rows:
        return
    told = Told.by_webhook(unit, incident, now - desk.policy.intake.join_window)
    known = {f"{FROM_SLACK}{mark}" for mark in told.marks}
    closed = 0
    for row in rows:
        spare = max(0, row.firing - told.count(row.group_key))
        unknown = [identity for identity in row.alerts if identity[0] not in known]
        # The last ones, for a later message numbers what it counts beyond the webhook's alerts in this way, too.
        kept = tuple(unknown[max(0, len(unknown) - spare) :])
        gone = set(row.alerts) - set(kept)
        channel_groups.close(unit, gone, at=now, word=SUPERSEDED)
        channel_groups.save(unit, replace(row, alerts=kept))
        closed += len(gone)
    if closed:
        told_text = f"{closed} alert{'s' if closed != 1 else ''} read from Slack superseded by the webhook's"
        timeline.write(unit, incident.id, "SlackAlertsSuperseded", told_text, at=now)
