"""A stock split overnight, and a ledger that does not know of it yet: told as a split, and trading goes on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.domain.sessions import EXCHANGE
from tests.acceptance.resuming import ended
from tests.acceptance.trading_desk import TradingDesk, alert, webhook


def test_a_split_is_not_clean_and_halts_nothing_and_without_the_brokers_word_it_does(tmp_path: Path) -> None:
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        desk.account.add_position("AAPL", "10", "500", "505")
        # Written two days ago, before any session of today; stale by then, which is told beside it.
        written = datetime.now(UTC) - timedelta(days=2)
        desk.ledger.set("AAPL", "10", "500", updated_at=written)
        today = datetime.now(UTC).astimezone(EXCHANGE).date()
        desk.broker.split("AAPL", 2, 1, today)
        desk.start()
        desk.fire(webhook(alert("HighRejectRate")))
        desk.reply("Triage")

        desk.confirm("reconcile.open", reason="after the split")
        desk.reply(f"split 2:1 on {today.isoformat()} not yet in the ledger")
        (action,) = ended(desk, "reconcile")
        run = action["evidence"]["run"]
        assert (run["clean"], run["halt"], run["severity"]) == (False, False, "SEV-3")
        assert [item["kind"] for item in run["breaks"]] == ["split not in the ledger", "stale position"]
        assert not desk.account.suspended

        # The ledger is put right: clean.
        desk.ledger.set("AAPL", "20", "250")
        assert desk.cli("reconcile").returncode == 0

        # Without the broker's corporate actions the break stands as what it looks like.
        desk.ledger.set("AAPL", "10", "500", updated_at=written)
        desk.broker.faults.add("GET", "/v1/corporate-actions", status=500)
        failed = desk.cli("reconcile")
        assert failed.returncode == 1
        assert "Splits could not be looked up (broker error 500" in failed.stdout
        desk.reply("HALTED, proved")
        assert desk.account.suspended
