"""A real Prometheus and a real Alertmanager lose alerts in every way that they know; Haltdesk finds them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters.alertmanager import Alertmanager
from bot.adapters.prometheus import Prometheus
from bot.domain.alert_reading import AlertReading, from_json
from bot.ports.answers import AnswerError
from bot.services.backfill import LEASE
from bot.store import checkpoints
from bot.store.database import Database
from tests.acceptance.trading_desk import INCIDENTS, TOKEN, TradingDesk
from tests.fixtures.alerting import RealAlertmanager, RealPrometheus

pytestmark = pytest.mark.real

POLICY = """
[alerting]
compare_every = "1s"
take_in_after = "{take_in_after}"
clear_after = "{clear_after}"
alertmanager_settles = "{settles}"
"""


def rules(*firing: str) -> str:
    """A Watchdog, and `FeedStale`, which fires a second after its time when it is named."""
    stale = {
        "alert": "FeedStale",
        "expr": "vector(1)" if "FeedStale" in firing else "vector(0) > 1",
        "for": "1s",
        "labels": {"severity": "warning"},
        "annotations": {"summary": "The feed is stale"},
    }
    watchdog = {"alert": "Watchdog", "expr": "vector(1)", "labels": {"severity": "none"}}
    return json.dumps({"groups": [{"name": "desk", "interval": "1s", "rules": [stale, watchdog]}]})


class Lossy:
    """The desk and its pair. `webhooks` False: Alertmanager has a wrong token, and nothing that it sends is taken."""

    def __init__(
        self,
        folder: Path,
        *,
        webhooks: bool = True,
        take_in_after: str = "1s",
        desk: TradingDesk | None = None,
        **policy: str,
    ) -> None:
        self.desk = desk or TradingDesk(folder, f"sqlite:///{folder / 'haltdesk.db'}")
        token = TOKEN if webhooks else "another token"
        self.alertmanager = RealAlertmanager(folder / "am", f"{self.desk.url}/alertmanager", token=token)
        self.prometheus = RealPrometheus(
            folder / "prom",
            rules(),
            alertmanager_url=self.alertmanager.url,
            external_labels={"desk": "equities", "site": "a: b"},
        )
        limits = {"clear_after": "2s", "settles": "5m", "take_in_after": take_in_after, **policy}
        self.desk.policy.write_text(self.desk.policy.read_text() + POLICY.format(**limits))
        self.desk.settings |= {
            "PROMETHEUS_URL": self.prometheus.url,
            "ALERTMANAGER_URL": self.alertmanager.url,
        }

    def __enter__(self) -> "Lossy":
        self.desk.__enter__()
        self.alertmanager.start()
        self.prometheus.start()
        self.desk.start()
        self.until_compared()
        return self

    def __exit__(self, *_: object) -> None:
        self.prometheus.stop()
        self.alertmanager.stop()
        self.desk.__exit__()

    def held(self) -> set[str]:
        """What Alertmanager has firing."""
        try:
            return {alert.name for alert in Alertmanager(self.alertmanager.url).alerts()}
        except AnswerError:
            return {"not known"}

    def active(self) -> set[str]:
        """What Prometheus has firing."""
        return {alert.name for alert in Prometheus(self.prometheus.url).alerts().alerts if alert.firing}

    def fire(self) -> None:
        self.prometheus.change_rules(rules("FeedStale"))
        self.desk.until(
            lambda: "FeedStale" in self.held() & self.active(), what="the alert in both", seconds=60
        )

    def clear(self) -> None:
        self.prometheus.change_rules(rules())
        self.desk.until(lambda: "FeedStale" not in self.held() | self.active(), what="its end")

    def lose(self) -> None:
        """It fires and is over while Haltdesk is dead, and Alertmanager has given up telling of it."""
        since = self.alertmanager.mark()
        self.fire()
        self.clear()
        self.desk.until(
            lambda: self.alertmanager.let_go("FeedStale", since), what="Alertmanager to give up telling of it"
        )

    def reading(self) -> AlertReading | None:
        database = Database(self.desk.database_url)
        try:
            with database.read() as unit:
                found = checkpoints.current(unit)
        finally:
            database.dispose()
        return from_json(found.reading) if found is not None and found.reading is not None else None

    def until_compared(self, seconds: float = 0) -> AlertReading:
        """Until a comparison has been done that began so long after now."""
        after = datetime.now(UTC) + timedelta(seconds=seconds)

        def newer() -> AlertReading | None:
            found = self.reading()
            return found if found is not None and found.at > after else None

        # A process that was killed while it compared keeps the others from it until its lease is over.
        limit = 60 + seconds + LEASE.total_seconds()
        found = self.desk.until(newer, what="a comparison", seconds=limit)
        assert found is not None
        return found

    def counts(self) -> tuple[int, int]:
        found = self.desk.api("/v1/incidents/INC-1")["alerts"]
        return found["firing"], found["resolved"]


@pytest.fixture
def binaries(prometheus_binary: Path, alertmanager_binary: Path) -> None:
    """Both programs, or the test is skipped."""


@pytest.mark.usefixtures("binaries")
def test_an_alert_that_fires_and_resolves_while_haltdesk_is_dead_is_in_the_timeline(tmp_path: Path) -> None:
    with Lossy(tmp_path) as lossy:
        lossy.desk.kill()
        lossy.lose()
        lossy.desk.start()
        told = lossy.desk.slack.text_of(lossy.desk.reply("found in Prometheus"))
        assert "FeedStale: fired" in told
        assert lossy.counts() == (0, 1)
        # Killed once more in the middle of its work: it is told once.
        for _ in range(3):
            lossy.desk.kill()
            lossy.desk.start()
            lossy.until_compared()
        assert lossy.counts() == (0, 1)
        assert len(lossy.desk.slack.messages(INCIDENTS)) == 1
        replies = lossy.desk.slack.thread(INCIDENTS, lossy.desk.root()["ts"])
        assert len([one for one in replies if "found in Prometheus" in lossy.desk.slack.text_of(one)]) == 1


@pytest.mark.usefixtures("binaries")
@pytest.mark.parametrize("asked", ["both", "PROMETHEUS_URL", "ALERTMANAGER_URL"])
def test_an_alert_that_the_webhook_brought_is_doubled_by_nothing(tmp_path: Path, asked: str) -> None:
    lossy = Lossy(tmp_path, take_in_after="0s")  # the webhook and the comparison race for it
    for name in ("PROMETHEUS_URL", "ALERTMANAGER_URL"):
        if asked not in ("both", name):
            del lossy.desk.settings[name]
    with lossy:
        for _ in range(2):
            lossy.fire()
            lossy.until_compared(3)
            lossy.desk.until(lambda: lossy.counts()[0] == 1, what="one alert that fires")
            lossy.clear()
            lossy.desk.until(lambda: lossy.counts()[0] == 0, what="the end")
            lossy.until_compared(3)
        assert lossy.counts() == (0, 2)
        assert len(lossy.desk.slack.messages(INCIDENTS)) == 1


@pytest.mark.usefixtures("binaries")
def test_without_any_webhook_an_alert_is_found_and_found_gone(tmp_path: Path) -> None:
    with Lossy(tmp_path, webhooks=False, settles="1s") as lossy:
        lossy.fire()
        lossy.desk.reply("no webhook had brought it")
        assert lossy.counts() == (1, 0)
        lossy.clear()
        lossy.desk.reply("Neither Alertmanager nor Prometheus shows it any more")
        lossy.desk.reply("All alerts of this incident have cleared")
        assert lossy.counts() == (0, 1)
        assert len(lossy.desk.slack.messages(INCIDENTS)) == 1


@pytest.mark.usefixtures("binaries")
@pytest.mark.parametrize("settles", ["5m", "1s"])
def test_the_empty_list_of_an_alertmanager_that_has_started_anew_clears_nothing(
    tmp_path: Path, settles: str
) -> None:
    lossy = Lossy(tmp_path, settles=settles)
    del lossy.desk.settings["PROMETHEUS_URL"]  # nobody else can speak for the alert
    with lossy:
        lossy.fire()
        lossy.desk.until(lambda: lossy.desk.slack.messages(INCIDENTS), what="the incident")
        lossy.until_compared(1)
        lossy.prometheus.stop()
        lossy.alertmanager.stop()
        lossy.alertmanager.start()
        assert lossy.held() == set()
        if settles == "1s":  # Believed too early, it does what it would always do.
            lossy.desk.reply("Alertmanager does not show it any more")
            return
        reading = lossy.until_compared(6)
        assert reading.alertmanager is not None
        assert reading.alertmanager.firing == ()
        assert lossy.counts() == (1, 0)
