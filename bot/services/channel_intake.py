"""Alerts come in by the channel: what Alertmanager or Grafana posts there, once each, as incidents like any other.

A message has neither fingerprints nor starts nor a group key. So its group is known by channel, poster and the
title's group text; its alerts by their labels where all are listed, else by their number. A message tells the whole
group: what it does not count any more has cleared. It never clears what a webhook brought.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from bot.domain.alerts import AlertGroup, ReceivedAlert
from bot.domain.channel_alerts import MARK, ChannelGroup, read
from bot.domain.fingerprint import fingerprint
from bot.domain.incident import Incident
from bot.domain.words import AlertStatus
from bot.services import channel_joining as joining
from bot.services import intake, relapse
from bot.services.channel_message import ChannelMessage
from bot.services.desk import Desk
from bot.store import alerts, channel_groups, merges, seen, timeline
from bot.store.channel_groups import FROM_SLACK, StoredGroup
from bot.store.database import UnitOfWork

MOST_ALERTS = 500  # that stand for one group; the rest is counted by the sender's own message


def receive(desk: Desk, message: ChannelMessage) -> list[Incident]:
    """Take a message in; returns the incidents that it says something about. Raises the database's error."""
    if not desk.policy.intake.channel or message.channel != desk.channels.incidents:
        return []
    groups = read(message.content)
    if not groups:
        return []
    touched = []
    with desk.database.begin() as unit:
        channel_groups.alone(unit)
        if not seen.first_time(unit, f"channel:{message.channel}:{message.ts}:{message.event}", desk.now()):
            return []
        if any(group.status is AlertStatus.FIRING for group in groups):
            # Before anything else that is held: webhooks hold the accounts first, too.
            relapse.hold_accounts(unit, desk)
        for group in sorted(groups, key=lambda group: group.text):
            incident = _Telling(unit, desk, message, group, alone=len(groups) == 1).take()
            if incident is not None:
                touched.append(incident)
    return touched


class _Telling:
    """One group of one message, within its transaction."""

    def __init__(
        self, unit: UnitOfWork, desk: Desk, message: ChannelMessage, group: ChannelGroup, *, alone: bool
    ) -> None:
        self._unit, self._desk, self._message, self._group = unit, desk, message, group
        self._now = desk.now()
        self._name = group.hints["alertname"]
        self._alone = alone

    def take(self) -> Incident | None:
        names = {self._name, *(alert.labels["alertname"] for alert in self._group.listed)}
        joining.hold(self._unit, self._group.text, names)
        row = self._known()
        if row is not None and self._message.told_at <= row.told_at:
            return None  # an older word that came late
        key = row.key if row is not None else self._key()
        home, incident = self._home(row, key)
        known, count = set(), 0
        if home != key and incident is not None:
            since = self._now - self._desk.policy.intake.join_window
            told = joining.Told.by_webhook(self._unit, incident, since)
            known, count = told.marks, told.count(home)
        before = self._firing(row)
        wanted = self._wanted(key, known, count)
        changed = [
            *(self._fires(mark, before.get(mark, self._message.told_at), labels, annotations, url)
              for mark, labels, annotations, url in wanted),
            *self._cleared(row, set(before) - {mark for mark, *_ in wanted}),
        ]  # fmt: skip
        if changed:
            group = AlertGroup(home, tuple(changed), {"alertname": self._name})
            incident = intake.receive_in(self._unit, self._desk, group).incident or incident
        standing = tuple(
            (alert.fingerprint, alert.starts_at) for alert in changed if alert.status is AlertStatus.FIRING
        )
        self._save(row, key, home, incident, standing)
        if incident is not None and (row is None or row.incident_id != incident.id):
            self._mark(incident, joined=home != key)
        return incident

    def _key(self) -> str:
        digest = hashlib.sha256(self._group.text.encode()).hexdigest()[:32]
        return f"{FROM_SLACK}{self._message.channel[:40]}:{self._message.poster[:40]}:{digest}"

    def _known(self) -> StoredGroup | None:
        if self._message.edited and self._alone:
            # The same message in a new state, whatever its title says now.
            of_message = channel_groups.of_message(self._unit, self._message.channel, self._message.ts)
            if len(of_message) == 1:
                return of_message[0]
        return channel_groups.get(self._unit, self._key())

    def _home(self, row: StoredGroup | None, key: str) -> tuple[str, Incident | None]:
        """The group key under which this group is kept, and its incident: the open one, or one just resolved."""
        home = row.group_key if row is not None else key
        if home == key:
            found = joining.home_of(self._unit, self._desk, self._group, self._now)
            if found is not None:
                return found
        incident = merges.open_of_group(self._unit, home)
        if incident is None and home != key:
            since = self._now - self._desk.policy.intake.join_window
            incident = merges.last_resolved_of_group(self._unit, home, since)
        return home, incident

    def _firing(self, row: StoredGroup | None) -> dict[str, datetime]:
        """What this group told before and fires still, by fingerprint."""
        stored = alerts.by_identity(self._unit, row.alerts) if row is not None else {}
        return {mark: since for (mark, since), alert in stored.items() if alert.status is AlertStatus.FIRING}

    def _wanted(
        self, key: str, known: set[str], count: int
    ) -> list[tuple[str, Mapping[str, str], Mapping[str, str], str | None]]:
        """The alerts that must stand for what no webhook has told: fingerprint, labels, annotations, link."""
        if self._group.status is not AlertStatus.FIRING:
            return []
        listed = self._group.firing_listed
        if listed:
            unknown = [alert for alert in listed if alert.fingerprint not in known]
            if len(unknown) == len(listed):
                # Labels are missing (Grafana keeps some to itself), or these are new: only numbers can be compared.
                unknown = unknown[: max(0, len(listed) - count)]
            return [
                (f"{FROM_SLACK}{alert.fingerprint}", alert.labels, _marked(alert.annotations), alert.source)
                for alert in unknown[:MOST_ALERTS]
            ]
        annotations = _marked({"summary": self._group.summary})
        return [
            (
                FROM_SLACK + fingerprint({"group": key, "number": str(number)}),
                self._group.hints,
                annotations,
                self._group.link,
            )
            for number in range(count + 1, min(self._group.firing, count + MOST_ALERTS) + 1)
        ]

    def _fires(
        self,
        mark: str,
        since: datetime,
        labels: Mapping[str, str],
        annotations: Mapping[str, str],
        url: str | None,
    ) -> ReceivedAlert:
        return ReceivedAlert(
            fingerprint=mark,
            starts_at=since,
            ends_at=None,
            status=AlertStatus.FIRING,
            labels=labels,
            annotations=annotations,
            generator_url=url or self._group.link,
        )

    def _cleared(self, row: StoredGroup | None, marks: set[str]) -> list[ReceivedAlert]:
        stored = alerts.by_identity(self._unit, row.alerts) if row is not None and marks else {}
        return [
            ReceivedAlert(
                fingerprint=alert.fingerprint,
                starts_at=alert.starts_at,
                ends_at=self._message.told_at,
                status=AlertStatus.RESOLVED,
                labels=alert.labels,
                annotations=alert.annotations,
                generator_url=alert.generator_url,
            )
            for alert in stored.values()
            if alert.fingerprint in marks
        ]

    def _save(
        self,
        row: StoredGroup | None,
        key: str,
        home: str,
        incident: Incident | None,
        standing: tuple[tuple[str, datetime], ...],
    ) -> None:
        saved = StoredGroup(
            key=key,
            layout=self._group.layout,
            title=self._group.title,
            text=row.text if row is not None else self._group.text,
            channel=self._message.channel,
            message_ts=self._message.ts,
            told_at=self._message.told_at,
            received_at=self._now,
            firing=self._group.firing,
            group_key=home,
            incident_id=incident.id if incident is not None else (row.incident_id if row else None),
            alerts=standing,
        )
        channel_groups.save(self._unit, saved)

    def _mark(self, incident: Incident, *, joined: bool) -> None:
        words = f"{self._group.layout}'s Slack message: {self._group.title}"[:500]
        text = f"Told by the webhook and by {words}" if joined else f"{MARK[0].upper()}{MARK[1:]}. {words}"
        details = {"channel": self._message.channel, "ts": self._message.ts}
        timeline.write(self._unit, incident.id, "SlackMessageRead", text, at=self._now, details=details)


def _marked(annotations: Mapping[str, str]) -> dict[str, str]:
    """The annotations, with a word in the summary on where the alert was read."""
    said = next(
        (annotations[key] for key in ("summary", "message", "description") if annotations.get(key)), ""
    )
    return {**annotations, "summary": f"{said} ({MARK})" if said else MARK}
