"""One real Prometheus that fires into its Alertmanager for all these tests, and a faulty server for each."""

from collections.abc import Iterator

import pytest

from bot.adapters.alertmanager import Alertmanager
from bot.adapters.prometheus import Prometheus
from tests.fixtures.alerting import RealAlertmanager, RealPrometheus
from tests.fixtures.ports import free_port
from tests.integration.prometheus.faulty import FaultyServer, faulty_server
from tests.integration.prometheus.real import RULES, Pair, eventually


@pytest.fixture(scope="package")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    # Nobody listens to the notifications: what Alertmanager holds is asked of it, not told by it.
    alerting = RealAlertmanager(folder / "alertmanager", f"http://127.0.0.1:{free_port()}/")
    scrape = {"alertmanager": f"127.0.0.1:{alerting.port}", "trader": f"127.0.0.1:{free_port()}"}
    metrics = RealPrometheus(folder / "prometheus", RULES, alertmanager_url=alerting.url, scrape=scrape)
    try:
        alerting.start()
        metrics.start()
        both = Pair(Prometheus(metrics.url), Alertmanager(alerting.url), metrics.url, alerting.url)
        eventually(both.fires, "the alerts in Alertmanager")
        eventually(both.scraped, "the first scrape of both targets")
        yield both
    finally:
        metrics.stop()
        alerting.stop()


@pytest.fixture
def faulty() -> Iterator[FaultyServer]:
    with faulty_server() as server:
        yield server
