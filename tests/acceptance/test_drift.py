"""Somebody lifts the suspension in the broker's dashboard: the thread says so, and one button puts it right."""

from pathlib import Path

from tests.acceptance.trading_desk import INCIDENTS, TradingDesk, alert, webhook


def test_a_suspension_lifted_in_the_dashboard_is_put_back_from_the_thread(
    tmp_path: Path, database_url: str
) -> None:
    with TradingDesk(tmp_path, database_url) as desk:
        desk.policy.write_text(desk.policy.read_text() + '[drift]\nevery = "2s"\n')
        desk.start()
        known = desk.until(
            lambda: desk.api("/v1/trading-state")["broker"]["verified_at"], what="the account to be learned"
        )
        assert known
        desk.fire(webhook(alert("ReconciliationBreaks", annotations={"summary": "Breaks of $2,300"})))
        desk.confirm("halt.open", reason="breaks over limit")
        desk.reply("HALTED")

        desk.account.configure(suspend_trade=False)
        drifted = desk.reply("The suspension is off on a halted account")
        assert "suspend_trade off" in desk.slack.text_of(drifted)

        before = {view["id"] for view in desk.slack.views("U0OPERATOR")}
        desk.slack.click(INCIDENTS, drifted["ts"], "halt.open:drift", "U0OPERATOR")
        modal = desk.slack.wait_for(
            lambda: [view for view in desk.slack.views("U0OPERATOR") if view["id"] not in before],
            what="the confirmation",
        )[-1]
        desk.slack.submit(modal["id"], {"reason": "put it back"}, "U0OPERATOR")
        desk.until(lambda: desk.account.suspended, what="the suspension to be back")
        over = desk.reply("Over since")
        assert over["ts"] == drifted["ts"]  # the same message, brought up to date
        assert desk.cli("audit", "verify").returncode == 0
