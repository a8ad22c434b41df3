"""`/metrics` while the desk halts, while an order will not go, and while the database is away."""

from pathlib import Path

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.trading_desk import TradingDesk, alert, webhook
from tests.fixtures.postgres import RealPostgres


def figures(desk: TradingDesk) -> dict[str, float]:
    """Every sample as `name{label,...}`, with the labels' values only."""
    answer = requests.get(f"{desk.url}/metrics", timeout=10)
    assert answer.status_code == 200
    return {
        f"{sample.name}{{{','.join(sample.labels.values())}}}": sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_the_figures_follow_the_desk_into_a_halt(tmp_path: Path, database_url: str) -> None:
    with TradingDesk(tmp_path, database_url) as desk:
        desk.account.add_order("AAPL", "buy", "1", limit_price="100")
        desk.start()
        calm = figures(desk)
        assert calm["haltdesk_up{database}"] == 1
        assert calm["haltdesk_trading_state{main,normal}"] == 1
        assert calm["haltdesk_position_multiplier{main}"] == 1
        assert calm["haltdesk_open_incidents{SEV-1}"] == 0
        assert calm["haltdesk_loop_errors_total{runner}"] == 0

        desk.fire(webhook(alert("ReconciliationBreaks", annotations={"summary": "Breaks of $2,300"})))
        desk.confirm("halt.open", reason="breaks over limit")
        desk.reply("HALTED")
        halted = figures(desk)
        assert halted["haltdesk_trading_state{main,halted}"] == 1
        assert halted["haltdesk_trading_state{main,normal}"] == 0
        assert halted["haltdesk_position_multiplier{main}"] == 0
        assert halted["haltdesk_account_suspended{main}"] == 1
        assert halted["haltdesk_account_open_orders{main}"] == 0
        assert halted["haltdesk_trading_state_verified_timestamp_seconds{main}"] > 1_700_000_000
        assert halted["haltdesk_open_incidents{SEV-1}"] == 1
        assert halted["haltdesk_firing_alerts{}"] == 1
        assert halted["haltdesk_actions_unended{halt}"] == 0
        assert halted["haltdesk_audit_entries{}"] >= 3
        verified = desk.cli("audit", "verify", "--json").stdout
        last = next(name for name in figures(desk) if name.startswith("haltdesk_audit_last_info"))
        assert last.partition("{")[2].rstrip("}") in verified


def test_without_its_database_the_scrape_says_so(tmp_path: Path, own_postgres_server: RealPostgres) -> None:
    with TradingDesk(tmp_path, own_postgres_server.fresh_database()) as desk:
        desk.start()
        own_postgres_server.stop()
        away = figures(desk)
        assert away["haltdesk_up{database}"] == 0
        assert "haltdesk_open_incidents{SEV-1}" not in away
        desk.kill()
        own_postgres_server.start()
