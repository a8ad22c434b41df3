"""One incident for what a Slack message and a webhook both tell. The webhook's alerts are the truth.

Alerts are never joined by name or text. A message has no group key, so its *group* is joined to the webhook's by the
fingerprints of the alerts that it lists, else by the values of the group's labels in its title, while both fire or
within the policy's `join_window`. Where that fits more than one incident and the rest of the title does not decide,
nothing is joined: two incidents are a nuisance, a wrong "all clear" is not.
"""

from collections.abc import Hashable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.domain import group_title
from bot.domain.alerts import AlertGroup
from bot.domain.channel_alerts import ChannelGroup
from bot.domain.incident import Incident
from bot.services.desk import Desk
from bot.store import channel_groups, incidents, timeline
from bot.store.channel_groups import FROM_SLACK
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


def adopt(unit: UnitOfWork, desk: Desk, group: AlertGroup, title: str, now: datetime) -> Incident | None:
    """The open incident that a webhook's new group belongs to because a message has told it before, or None.

    It becomes the webhook's: its group key and its title.
    """
    if not desk.policy.intake.channel or of_message(group) or unit.foreseen(_NO_MESSAGES) is True:
        return None
    labels = [alert.labels for alert in group.alerts]
    rest = group_title.rest_text(group.group_labels, labels)
    text = group_title.text_of(group_title.group_text(group.group_labels) or f"({rest})")
    hold(unit, text, (alert.name for alert in group.alerts))
    meanwhile = incidents.open_of_group(unit, group.group_key)
    if meanwhile is not None:
        return meanwhile  # another webhook of the group opened it while this one waited
    since = now - desk.policy.intake.join_window
    found = [
        (row.incident_id, row.title)
        for row in channel_groups.of_text(unit, text)
        if row.incident_id is not None
        and (row.alerts or row.received_at >= since)
        and group_title.is_of_group(row.title, group.group_labels, labels)
    ]
    numbers = {number for number, _ in found}
    if len(numbers) > 1:
        numbers = {number for number, shown in found if group_title.rest_of(shown) == rest}
    if len(numbers) != 1:
        marks = [f"{FROM_SLACK}{alert.fingerprint}" for alert in group.alerts]
        numbers = set(channel_groups.incidents_with(unit, marks, since))
    incident = (
        incidents.lock(unit, number) if len(numbers) == 1 and (number := min(numbers, key=str)) else None
    )
    if incident is None or not incident.open or incident.drill or not from_slack(incident.group_key):
        return incidents.open_of_group(
            unit, group.group_key
        )  # opened by another webhook, while this one waited
    if incidents.open_of_group(unit, group.group_key) is not None:
        return None
    incidents.change(
        unit, incident.id, group_key=group.group_key, open_group_key=group.group_key, title=title
    )
    channel_groups.join(unit, str(incident.group_key), group.group_key)
    text = "Alertmanager's webhook tells the same alerts as the Slack message: its alerts count from here on"
    timeline.write(unit, incident.id, "JoinedByWebhook", text, at=now, details={"group_key": group.group_key})
    return incidents.lock(unit, incident.id)


def home_of(unit: UnitOfWork, desk: Desk, group: ChannelGroup, now: datetime) -> Incident | None:
    """The webhook's incident that tells the same group as this message, open or just resolved, or None."""
    since = now - desk.policy.intake.join_window
    by_webhook = channel_groups.webhook_incidents(unit, since)
    marks = [alert.fingerprint for alert in group.listed]
    numbers = set(by_webhook) & channel_groups.incidents_with(unit, marks, since)
    if len(numbers) != 1:
        numbers = _by_title(unit, by_webhook, group.title, since)
    return incidents.lock(unit, min(numbers)) if len(numbers) == 1 else None


def _by_title(unit: UnitOfWork, by_webhook: dict[int, str], title: str, since: datetime) -> set[int]:
    rests: dict[int, str] = {}
    for number, group_key in by_webhook.items():
        labels = group_title.labels_of_group_key(group_key)
        if labels is None or (labels and not group_title.is_of_group(title, labels, ())):
            continue
        told = [of_alert for _, of_alert in channel_groups.told_by_webhook(unit, number, since)]
        if told and group_title.is_of_group(title, labels, told):
            rests[number] = group_title.rest_text(labels, told)
    if len(rests) > 1:
        return {number for number, rest in rests.items() if rest == group_title.rest_of(title)}
    return set(rests)


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
    told = channel_groups.told_by_webhook(unit, incident.id, now - desk.policy.intake.join_window)
    known = {f"{FROM_SLACK}{mark}" for mark, _ in told}
    closed = 0
    for row in rows:
        spare = max(0, row.firing - len(told))
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
