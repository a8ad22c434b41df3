"""A halt with 120 open orders, two of which will not go: named, watched, and never called halted too soon."""

import json
from pathlib import Path

from tests.acceptance.trading_desk import TradingDesk, alert, webhook


def test_118_of_120_go_at_once(tmp_path: Path) -> None:
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        orders = [
            desk.account.add_order("AAPL", "buy", "10", limit_price=str(100 + number))
            for number in range(120)
        ]
        stuck, refused = orders[41], orders[97]
        desk.account.stick(stuck.id)
        desk.account.refuse(refused.id, status=500)
        desk.start()
        desk.fire(webhook(alert("CircuitBreakerOpen")))
        desk.reply("Triage")
        desk.confirm("halt.open", reason="runaway strategy")

        told = desk.reply("118 of 120")
        text = desk.slack.text_of(told)
        assert "500" in text
        assert stuck.id[:8] in text
        assert refused.id[:8] in text
        state = desk.api("/v1/trading-state")
        assert (state["state"], state["position_multiplier"], state["new_strategies"]) == ("normal", 0, False)
        assert desk.account.suspended
        assert len(desk.account.open_orders) == 2
        action = desk.api("/v1/incidents/INC-1")["actions"][0]
        assert action["status"] == "watching"

        before = len(desk.slack.calls)
        desk.account.release(stuck.id)
        desk.account.accept(refused.id)
        desk.reply("HALTED, proved")
        assert not desk.account.open_orders
        assert desk.api("/v1/trading-state")["state"] == "halted"
        proof = desk.api("/v1/incidents/INC-1")["actions"][0]["evidence"]["proof"]
        assert proof["suspend_trade"] is True
        assert proof["trade_suspended_by_user"] is True

        # No version of any message ever shown said "halted" before the last order was gone.
        told_before = [
            json.dumps(call.args, ensure_ascii=False)
            for call in desk.slack.calls[:before]
            if call.method in ("chat.postMessage", "chat.update")
        ]
        assert any("118 of 120" in text for text in told_before)
        claims = ("Halted:", "HALTED", ": halted")
        assert not any(claim in text for text in told_before for claim in claims)
