"""Somebody calls Haltdesk by its name: only that person is told what it listens to, and nothing else happens."""

from pathlib import Path

from tests.acceptance.trading_desk import INCIDENTS, TradingDesk


def test_a_mention_is_answered_with_the_commands(tmp_path: Path) -> None:
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        desk.start()
        desk.slack.events.add("app_mention")
        desk.slack.say(INCIDENTS, f"<@{desk.slack.workspace.bot_user}> what now?")
        told = desk.until(lambda: desk.slack.ephemerals("U0OPERATOR"), what="an answer")
        assert "/halt" in desk.slack.text_of(told[0])
        assert desk.api("/v1/incidents")["incidents"] == []
        assert not desk.slack.ephemerals("U0ENGINEER")
