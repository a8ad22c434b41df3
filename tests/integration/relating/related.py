"""The desk of these stories: alerts of accounts and components, and what its channel and record show of them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.domain.incident import Incident
from bot.domain.words import AlertStatus
from bot.services import merging, relating
from bot.services.merging import Merged
from bot.simulator.slack import SlackSimulator
from bot.store import alerts, deadlines, incidents, timeline
from bot.store.audit import entries
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import INCIDENTS, DeskInProcess

OPERATOR, OTHER = "U0OPERATOR", "U0OTHER"


class Floor(DeskInProcess):
    """`fires` is a webhook now; `settle` is the second that passes until it is related and shown."""

    def __init__(self, database_url: str, slack: SlackSimulator) -> None:
        super().__init__(database_url, slack)
        self.desk = replace(self.desk, workspace_url=lambda: slack.page_url)

    def fires(
        self,
        name: str,
        *,
        group: str | None = None,
        started: datetime | None = None,
        status: str = "firing",
        summary: str = "",
        **labels: str,
    ) -> None:
        one = alert(
            name,
            labels=labels,
            started=started or self.time.now(),
            status=status,
            annotations={"summary": summary} if summary else {},
        )
        answer = self.post(webhook(one, group=group or name))
        assert answer.status_code == 200, answer.text

    def settle(self) -> None:
        """Related, delivered, linked, delivered."""
        for _ in range(2):
            relating.run_once(self.desk)
            self.deliver()
            relating.link_once(self.desk)
            self.deliver()

    def two_of_main(self) -> None:
        """INC-1 and, three minutes later, INC-2: alerts of account main, of different groups."""
        self.fires("OrderRejects", account="main")
        self.time.move(180)
        self.fires("FeedStale", account="main")
        self.settle()

    def merge(self, source: int, target: int, by: str = OPERATOR, reason: str | None = None) -> Merged:
        return merging.merge(self.desk, source, target, by, reason)

    # What is seen

    def incident(self, number: int) -> Incident:
        with self.database.read() as unit:
            found = incidents.get(unit, number)
        assert found is not None, f"there is no INC-{number}"
        return found

    def numbers(self) -> list[int]:
        with self.database.read() as unit:
            return sorted(one.id for one in incidents.listed(unit, limit=500))

    def firing(self, number: int) -> int:
        with self.database.read() as unit:
            return alerts.counts(unit, number)[AlertStatus.FIRING]

    def told(self, number: int, kind: str) -> list[str]:
        with self.database.read() as unit:
            return [one.text for one in timeline.of_incident(unit, number) if one.kind == kind]

    def audited(self, kind: str) -> list[str]:
        with self.database.read() as unit:
            return [one.text for one in entries(unit) if one.kind == kind]

    def waits_for(self, number: int) -> str | None:
        with self.database.read() as unit:
            due = deadlines.next_due(unit, number)
        return due.kind if due else None

    def root(self, number: int) -> dict[str, Any]:
        key = f"INC-{number} "
        for message in self.slack.messages(INCIDENTS):
            if key in self.slack.text_of(message).splitlines()[0]:
                return message
        raise AssertionError(f"INC-{number} is not in the channel\n{self.slack.transcript()}")

    def line(self, number: int, word: str) -> str:
        """The line of the root message that begins with `word`; empty when there is none."""
        lines = self.slack.text_of(self.root(number)).splitlines()
        return next((line for line in lines if line.startswith(word)), "")

    def thread(self, number: int) -> list[dict[str, Any]]:
        return self.slack.thread(INCIDENTS, self.root(number)["ts"])

    def loud(self, number: int, text: str) -> list[str]:
        """Replies that were also sent to the channel and hold `text`."""
        return [
            self.slack.text_of(one)
            for one in self.thread(number)
            if one.get("subtype") == "thread_broadcast" and text in self.slack.text_of(one)
        ]


NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
