"""Alert text that is hostile: it stands in Slack as text, cut, in valid Block Kit, and calls nobody."""

from pathlib import Path

from tests.acceptance.trading_desk import INCIDENTS, TradingDesk, alert, webhook

NASTY = (
    'He said "no" \\ and \n\nnewline\ttab \x07 <!channel> <!here> <@U0OPERATOR> <https://evil.example|click> '
    '*bold* _it_ ~no~ `code` ```block``` &lt;!channel&gt; {{ 7*7 }} {% raw %} ‮gnirts‬ 🔥 {"text": "x"} '
)


def test_hostile_text_everywhere(tmp_path: Path) -> None:
    long = NASTY * (10_000 // len(NASTY) + 1)
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        desk.start()
        one = alert(
            NASTY,
            labels={"instance": long, NASTY: NASTY, "sev": "1"},
            annotations={"summary": long, "description": long, "runbook_url": "javascript:alert(1)"},
        )
        assert desk.fire(webhook(one, group=NASTY)).status_code == 200
        desk.reply("Triage")
        desk.confirm("halt.open", reason=NASTY[:400])
        desk.reply("HALTED, proved")
        desk.slack.slash("/incident", f"declare {NASTY}", "U0OPERATOR", INCIDENTS)
        desk.slack.wait_for(lambda: desk.slack.views("U0OPERATOR"), what="the modal")
        desk.slack.slash("/incident", f"show {NASTY}", "U0OPERATOR", INCIDENTS)

        text = desk.slack.text_of(desk.root())
        assert 'He said "no"' in text
        assert "‮" not in text
        assert len(text) < 6_000
        assert not desk.slack.pinged
        refused = [call for call in desk.slack.calls if call.error]
        assert not refused
        assert "javascript:" not in str(desk.root()["blocks"])
