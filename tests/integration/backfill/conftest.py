"""A desk in this process with an Alertmanager and a Prometheus that the test plays."""

from collections.abc import Iterator

import pytest

from bot.domain.incident import Incident
from bot.services.alert_sources import AlertSources
from bot.services.backfill import Backfill
from bot.simulator.slack import SlackSimulator
from bot.store import alerts, incidents, timeline
from bot.store.alerts import StoredAlert
from bot.store.timeline import Entry
from tests.fixtures.desk_in_process import DeskInProcess
from tests.integration.backfill.world import World


class ComparedDesk(DeskInProcess):
    """`world` is what fires; `compare` is the chore of a minute."""

    def __init__(self, database_url: str, slack: SlackSimulator) -> None:
        super().__init__(database_url, slack, asks_alertmanager=True, asks_prometheus=True)
        self.world = World(self.time)
        self.sources = AlertSources(
            self.desk.policy, self.world.alertmanager, self.world.prometheus, self.time
        )
        self.restart()

    def restart(self) -> None:
        """As a process that begins anew."""
        self.backfill = Backfill(self.desk, self.sources)

    def compare(self, minutes: int = 1) -> bool:
        """So many minutes, a comparison after each. False when the last was not due, or somebody else's."""
        done = False
        for _ in range(minutes):
            self.time.move(60)
            done = self.backfill.run_once()
        return done

    def incidents(self) -> list[Incident]:
        with self.database.read() as unit:
            return sorted(incidents.listed(unit), key=lambda one: one.id)

    def stored(self, number: int = 1) -> list[StoredAlert]:
        with self.database.read() as unit:
            return alerts.of_incident(unit, number)

    def told(self, kind: str, number: int = 1) -> list[Entry]:
        with self.database.read() as unit:
            return [entry for entry in timeline.of_incident(unit, number) if entry.kind == kind]

    def shown(self) -> str:
        self.deliver()
        return self.slack.transcript()


@pytest.fixture
def desk(database_url: str) -> Iterator[ComparedDesk]:
    with SlackSimulator() as slack:
        found = ComparedDesk(database_url, slack)
        found.compare()  # the first one: nothing is on record before it
        yield found
        found.close()
