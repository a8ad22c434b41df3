"""A halt is in the audit with who, why, before and after; `haltdesk audit` checks and exports it."""

import json
from pathlib import Path

from sqlalchemy import text

from bot.store.database import Database
from tests.acceptance.trading_desk import TradingDesk, alert, webhook


def test_the_audit_tells_of_a_halt_and_betrays_a_forger(tmp_path: Path, database_url: str) -> None:
    with TradingDesk(tmp_path, database_url) as desk:
        desk.account.add_order("AAPL", "buy", "1", limit_price="100")
        desk.start()
        desk.fire(webhook(alert("ReconciliationBreaks", annotations={"summary": "Breaks of $2,300"})))
        root = desk.root()
        desk.slack.click("C0INCIDENTS", root["ts"], "halt.open", "U0APPROVER")
        desk.until(lambda: "ActionRefused" in desk.cli("audit", "export").stdout, what="the refusal kept")
        desk.confirm("halt.open", reason="breaks over limit")
        desk.reply("HALTED")
        desk.stop()

        exported = desk.cli("audit", "export")
        assert exported.returncode == 0
        entries = [json.loads(line) for line in exported.stdout.splitlines()]
        by_kind = {entry["kind"]: entry for entry in entries}
        assert by_kind["ActionRefused"]["actor"] == "U0APPROVER"
        assert by_kind["ActionConfirmed"]["actor"] == "U0OPERATOR"
        assert by_kind["ActionConfirmed"]["details"]["reason"] == "breaks over limit"
        proved = by_kind["ActionProved"]
        assert proved["incident"] == "INC-1"
        assert proved["details"]["after"]["suspended"] is True
        assert proved["details"]["after"]["open_orders"] == 0
        changed = by_kind["TradingStateChanged"]["details"]
        assert (changed["before"]["state"], changed["after"]["state"]) == ("normal", "halted")

        verified = desk.cli("audit", "verify", "--json")
        assert verified.returncode == 0
        noted = json.loads(verified.stdout)["last_hash"]
        assert noted == entries[-1]["hash"]
        assert desk.cli("audit", "verify", "--expect-last", noted).returncode == 0
        assert desk.cli("audit", "verify", "--expect-last", "0" * 63).returncode == 2

        forge(database_url, by_kind["ActionConfirmed"]["seq"])
        found = desk.cli("audit", "verify")
        assert found.returncode == 1
        assert f"entry {by_kind['ActionConfirmed']['seq']}" in found.stdout
        assert "was changed" in found.stdout


def forge(database_url: str, seq: int) -> None:
    """Change who confirmed, as somebody with the database's password could."""
    database = Database(database_url)
    with database.begin() as unit:
        drop = "DROP TRIGGER audit_no_update" if database.sqlite else "DROP TRIGGER audit_no_change ON audit"
        unit.connection.execute(text(drop))
        unit.connection.execute(text("UPDATE audit SET actor = 'U0OTHER' WHERE seq = :seq"), {"seq": seq})
    database.dispose()
