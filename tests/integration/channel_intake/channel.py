"""The incident channel of a test: messages of other apps as Slack's events bring them, and what came of them."""

import json
from typing import Any

from bot.domain.incident import Incident
from bot.services import channel_intake
from bot.services.channel_message import message_of
from bot.simulator.slack import payloads
from bot.simulator.slack.others import _as_slack_keeps
from bot.store import alerts, incidents, timeline
from bot.store.alerts import StoredAlert
from tests.fixtures.desk_in_process import INCIDENTS, DeskInProcess


class Channel:
    """`post` and `edit` go through the handler's reading and the service, at the desk's own time."""

    def __init__(self, desk: DeskInProcess, bot: str = "B0ALERTS") -> None:
        self.desk, self.bot = desk, bot

    def event(self, content: dict[str, Any], **more: Any) -> dict[str, Any]:
        self.desk.time.move(0.001)
        ts = f"{self.desk.time.now().timestamp():.6f}"
        author = {"type": "message", "subtype": "bot_message", "bot_id": self.bot, "app_id": "A0OTHER"}
        return {**author, "ts": ts, "event_ts": ts, "channel": INCIDENTS, **_as_slack_keeps(content), **more}

    def hear(self, event: dict[str, Any]) -> list[Incident]:
        body = json.loads(payloads.event(self.desk.slack.workspace, event))
        message = message_of(body, body["event"])
        return channel_intake.receive(self.desk.desk, message) if message is not None else []

    def post(self, content: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Returns the event, so that it can be repeated or edited."""
        event = self.event(content, **more)
        self.hear(event)
        return event

    def edit(self, event: dict[str, Any], content: dict[str, Any]) -> list[Incident]:
        new = self.event({})
        message = {**event, **_as_slack_keeps(content)}
        outer = {"type": "message", "subtype": "message_changed", "channel": INCIDENTS, "message": message}
        return self.hear({**outer, "ts": new["ts"], "event_ts": new["ts"]})


def all_incidents(desk: DeskInProcess) -> list[Incident]:
    with desk.database.read() as unit:
        return incidents.listed(unit)


def only(desk: DeskInProcess) -> Incident:
    (incident,) = all_incidents(desk)
    return incident


def stored(desk: DeskInProcess, number: int = 1) -> list[StoredAlert]:
    with desk.database.read() as unit:
        return alerts.of_incident(unit, number)


def standing(desk: DeskInProcess, number: int = 1) -> list[tuple[bool, str]]:
    """The incident's alerts: whether each was read from Slack, and its status."""
    return sorted((one.fingerprint.startswith("slack:"), one.status.value) for one in stored(desk, number))


def kinds(desk: DeskInProcess, number: int = 1) -> list[str]:
    with desk.database.read() as unit:
        return [entry.kind for entry in timeline.of_incident(unit, number)]
