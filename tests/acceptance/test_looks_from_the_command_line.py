"""`haltdesk reconcile` and `haltdesk health`: on record like a pressed button, and plain about it when that fails."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.resuming import ended, kinds
from tests.acceptance.trading_desk import INCIDENTS, TradingDesk, alert, webhook


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as found:
        found.account.add_position("AAPL", "10", "150", "155")
        found.ledger.set("AAPL", "10", "150")
        yield found


def audited(desk: TradingDesk) -> list[dict[str, Any]]:
    return [json.loads(line) for line in desk.cli("audit", "export").stdout.splitlines()]


def test_in_an_open_incident_it_is_an_action_of_that_incident(desk: TradingDesk) -> None:
    desk.start()
    desk.fire(webhook(alert("HighRejectRate")))
    desk.reply("Triage")
    done = desk.cli("reconcile", "--reason", "before the open")
    assert done.returncode == 0, done.stderr
    assert "Clean: 1 in the ledger, 1 at the broker" in done.stdout
    assert "on record: INC-1, action 1" in done.stdout
    (action,) = ended(desk, "reconcile")
    assert action["status"] == "done"
    assert action["requested_by"].endswith("(command line)")
    assert {"ActionConfirmed", "ActionProved"} <= set(kinds(desk))
    desk.reply("Clean: 1 in the ledger")

    checked = json.loads(desk.cli("health", "--json").stdout)["main"]
    assert checked["recorded"] == "INC-1, action 2"
    assert [one["status"] for one in ended(desk, "health")] == ["done"]
    assert desk.cli("audit", "verify").returncode == 0


def test_breaks_over_the_thresholds_halt_as_they_do_from_slack(desk: TradingDesk) -> None:
    desk.ledger.set("AAPL", "10", "150")
    desk.ledger.set("MSFT", "5", "400")
    desk.start()
    desk.fire(webhook(alert("HighRejectRate")))
    desk.reply("Triage")
    done = desk.cli("reconcile")
    assert done.returncode == 1
    assert "The desk's thresholds halt this account now" in done.stdout
    desk.reply("HALTED, proved")
    assert desk.account.suspended


def test_without_an_incident_none_is_opened_and_the_audit_has_it(desk: TradingDesk) -> None:
    desk.start()
    done = desk.cli("reconcile", "--reason", "spot check")
    assert "on record: the audit (no incident is open)" in done.stdout
    desk.ledger.set("MSFT", "5", "400")
    assert desk.cli("reconcile").returncode == 1
    assert desk.cli("health").returncode == 0
    found = [entry for entry in audited(desk) if entry["actor"].endswith("(command line)")]
    assert [entry["kind"] for entry in found] == [
        "ReconciliationClean",
        "ReconciliationNotClean",
        "HealthChecked",
    ]
    assert found[0]["details"]["reason"] == "spot check"
    with sqlite3.connect(desk.folder / "haltdesk.db") as database:
        runs = database.execute("SELECT action_id, clean FROM reconciliation_runs ORDER BY id").fetchall()
    assert runs == [(None, 1), (None, 0)]
    assert desk.slack.messages(INCIDENTS) == []


def test_without_the_database_it_looks_all_the_same_and_says_that_nothing_was_kept(desk: TradingDesk) -> None:
    (desk.folder / "haltdesk.db").write_bytes(b"no database" * 1000)
    for command, code in (("reconcile", 0), ("health", 3)):  # what health asks the database is not known
        done = desk.cli(command)
        assert done.returncode == code, done.stdout + done.stderr
        assert "NOT on record: the database did not take it" in done.stdout
