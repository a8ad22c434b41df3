"""With SLACK_APP_TOKEN the desk works without a public address: Slack comes over the bot's own connection."""

from pathlib import Path

from tests.acceptance.trading_desk import INCIDENTS, TradingDesk, alert, webhook
from tests.fixtures.socket_mode import APP_TOKEN, SocketSlack


def test_a_halt_over_socket_mode(tmp_path: Path) -> None:
    desk = TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}", SLACK_APP_TOKEN=APP_TOKEN)
    slack = desk.slack = SocketSlack()
    with desk:
        desk.account.add_order("AAPL", "buy", "1", limit_price="100")
        desk.start()
        slack.socket.wait_until_connected()
        # Nothing of Slack's is taken over HTTP in this mode, signed or not.
        assert desk.fire(webhook(alert("CircuitBreakerOpen"))).status_code == 200
        desk.reply("Triage")

        listed = slack.slash("/incident", "list", "U0OBSERVER", INCIDENTS)
        assert "INC-1" in listed.body

        desk.confirm("halt.open", reason="over the socket")
        desk.reply("HALTED, proved")
        assert desk.account.suspended

        slack.socket.cut()
        root = desk.root()["ts"]
        slack.click(INCIDENTS, root, "incident.acknowledge", "U0OPERATOR")
        desk.until(
            lambda: "acknowledged by @operator" in slack.text_of(slack.message(INCIDENTS, root)),
            what="the acknowledgement over the connection made anew",
        )
