"""A worker beside a web process: it answers for itself where it is told to, and tells what it alone does."""

import subprocess
import sys
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.trading_desk import TradingDesk, alert, webhook
from tests.fixtures.ports import free_port


@pytest.mark.real
def test_a_worker_answers_probes_and_scrapes_and_nothing_else(tmp_path: Path, postgres_url: str) -> None:
    port = free_port()
    with TradingDesk(tmp_path, postgres_url) as desk:
        desk.slack.app_url = None
        assert desk.cli("migrate").returncode == 0
        processes = []
        try:
            for command, settings in (("web", {}), ("worker", {"WORKER_PORT": str(port)})):
                with (tmp_path / f"{command}.log").open("wb") as log:
                    processes.append(
                        subprocess.Popen(
                            [sys.executable, "-m", "bot", command],
                            cwd=tmp_path,
                            env=desk.environment() | settings,
                            stdout=log,
                            stderr=log,
                        )
                    )
            worker = f"http://127.0.0.1:{port}"
            for address in (desk.url, worker):
                desk.until(lambda at=address: ready(at), what=f"{address} to be ready")
            assert desk.fire(webhook(alert("OrderRejects"))).status_code == 200
            desk.root()
            assert requests.post(f"{worker}/alertmanager", timeout=5).status_code == 404
            assert requests.post(f"{worker}/metrics", timeout=5).status_code == 405
            assert requests.get(f"{worker}/v1/incidents", timeout=5).status_code == 404
            by_worker, by_web = series(worker), series(desk.url)
            # From the database: the same from each.
            assert by_worker["haltdesk_open_incidents"]["SEV-2"] == by_web["haltdesk_open_incidents"]["SEV-2"]
            # Of each process: webhooks came to the one, messages went out from the other.
            assert by_web["haltdesk_alerts_received_total"]["fired"] == 1
            assert by_worker["haltdesk_alerts_received_total"]["fired"] == 0
            assert by_worker["haltdesk_slack_calls_total"]["chat.postMessage,ok"] >= 1
            assert by_web["haltdesk_slack_calls_total"]["chat.postMessage,ok"] == 0
            assert "deliverer-0" in by_worker["haltdesk_loop_last_success_timestamp_seconds"]
            assert "deliverer-0" not in by_web["haltdesk_loop_last_success_timestamp_seconds"]
            processes[1].terminate()
            assert processes[1].wait(30) == 0
        finally:
            for process in processes:
                process.kill()
                process.wait(60)


def ready(address: str) -> bool:
    try:
        return requests.get(f"{address}/readyz", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def series(address: str) -> dict[str, dict[str, float]]:
    """By name, then by the labels' values."""
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(requests.get(f"{address}/metrics", timeout=10).text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[",".join(sample.labels.values())] = sample.value
    return found
