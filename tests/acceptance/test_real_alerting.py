"""A real Prometheus and a real Alertmanager fire an alert into Haltdesk, and resolve it."""

from pathlib import Path

import pytest

from tests.acceptance.trading_desk import INCIDENTS, TOKEN, TradingDesk
from tests.fixtures.alerting import RealAlertmanager, RealPrometheus, alert_rule


def _breaks(firing: bool) -> str:
    return alert_rule(
        "TradingbotReconciliationBreaks",
        "vector(2300) > 1000" if firing else "vector(0) > 1000",
        labels={"component": "reconciliation"},
        annotations={"summary": "Breaks of ${{ $value }}"},
    )


@pytest.mark.real
def test_an_alert_of_the_real_pair_opens_an_incident_and_clears(
    tmp_path: Path, prometheus_binary: Path, alertmanager_binary: Path
) -> None:
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        alertmanager = RealAlertmanager(tmp_path / "am", f"{desk.url}/alertmanager", token=TOKEN)
        prometheus = RealPrometheus(tmp_path / "prom", _breaks(True), alertmanager_url=alertmanager.url)
        desk.settings |= {"PROMETHEUS_URL": prometheus.url, "ALERTMANAGER_URL": alertmanager.url}
        desk.start()
        try:
            alertmanager.start()
            prometheus.start()
            desk.until(lambda: desk.slack.messages(INCIDENTS), what="the incident")
            root = desk.slack.text_of(desk.root())
            assert "SEV-1 · INC-1 · TradingbotReconciliationBreaks" in root
            assert "$2300" in root or "$2,300" in root
            # The checklist and a health check over the same real pair.
            desk.reply("Triage")
            desk.confirm("health.open")
            told = desk.slack.text_of(desk.reply("1 rules healthy"))
            assert "Alertmanager" in told

            prometheus.change_rules(_breaks(False))
            desk.reply("All alerts of this incident have cleared")
            counts = desk.api("/v1/incidents/INC-1")["alerts"]
            assert (counts["firing"], counts["resolved"]) == (0, 1)
            assert len(desk.slack.messages(INCIDENTS)) == 1
        finally:
            prometheus.stop()
            alertmanager.stop()
