"""Two workers compare with a real Prometheus and Alertmanager: what was missed is told once by the two of them."""

from pathlib import Path

import pytest

from bot.services.backfill import LEASE
from tests.acceptance.storms.several import Process, StormyDesk
from tests.acceptance.test_backfill import Lossy
from tests.acceptance.trading_desk import INCIDENTS

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]

FOUND = "found in Prometheus"


class LossyOfSeveral(Lossy):
    """Two web and two worker processes, and the pair."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.several = StormyDesk(folder, database_url)
        super().__init__(folder, desk=self.several)

    @property
    def workers(self) -> list[Process]:
        return [one for one in self.several.processes if one.url is None]

    def restart_workers(self) -> None:
        """Both die and both start, at once."""
        for one in self.workers:
            one.kill()
        for one in self.workers:
            one.start()

    def told(self) -> list[str]:
        """The replies that say what was found."""
        replies = self.desk.slack.thread(INCIDENTS, self.desk.root()["ts"])
        return [text for one in replies if FOUND in (text := self.desk.slack.text_of(one))]

    def entries(self) -> list[str]:
        timeline = self.desk.api("/v1/incidents/INC-1")["timeline"]
        return sorted(entry["kind"] for entry in timeline)


def test_what_fired_and_resolved_while_both_were_dead_is_told_once(
    tmp_path: Path, postgres_url: str, prometheus_binary: Path, alertmanager_binary: Path
) -> None:
    with LossyOfSeveral(tmp_path, postgres_url) as lossy:
        lossy.desk.kill()
        lossy.lose()
        lossy.desk.start()
        patience = 60 + LEASE.total_seconds()  # one may have been killed while it compared
        told = lossy.desk.slack.text_of(lossy.desk.reply(FOUND, seconds=patience))
        assert "FeedStale: fired" in told
        entries = lossy.entries()
        assert (entries.count("AlertBackfilled"), entries.count("IncidentOpened")) == (1, 1)

        for _ in range(3):
            lossy.restart_workers()
            lossy.until_compared()
        # Either of them goes on alone, from where the other one was.
        for one in lossy.workers:
            one.kill()
            lossy.until_compared(1)
            one.start()
        lossy.until_compared(1)

        assert lossy.counts() == (0, 1)
        assert lossy.entries() == entries
        assert [one["key"] for one in lossy.desk.api("/v1/incidents")["incidents"]] == ["INC-1"]
        assert len(lossy.desk.slack.messages(INCIDENTS)) == 1
        assert len(lossy.told()) == 1
