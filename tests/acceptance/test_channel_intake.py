"""A desk whose Alertmanager already posts to Slack changes nothing: Haltdesk reads the channel."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from bot.simulator.slack.others import OtherApp
from tests.acceptance.trading_desk import INCIDENTS, TOKEN, TradingDesk
from tests.fixtures.alerting import RealAlertmanager
from tests.fixtures.channel_posts import alertmanager as as_posted
from tests.fixtures.channel_posts import grafana

LABELS = {"alertname": "OrderRejectRateHigh", "venue": "NYSE", "severity": "critical"}
GROUP = {"alertname": "OrderRejectRateHigh"}


class ChannelDesk(TradingDesk):
    """A desk whose Slack app hears the messages in its channels, beside an app that posts alerts there."""

    def __enter__(self) -> "ChannelDesk":
        super().__enter__()
        self.slack.events = {"message"}
        self.poster = self.slack.install("alerts")
        return self

    @property
    def hook(self) -> str:
        return self.slack.page_url + self.poster.hook

    def own(self) -> list[dict[str, Any]]:
        """Haltdesk's own messages in the channel, without those in threads."""
        mine = self.slack.workspace.bot_id
        return [one for one in self.slack.messages(INCIDENTS) if one.get("bot_id") == mine]

    def root(self) -> dict[str, Any]:
        return self.until(self.own, what="Haltdesk's incident")[0]

    def counts(self) -> tuple[int, int]:
        found = self.api("/v1/incidents/INC-1")["alerts"]
        return found["firing"], found["resolved"]

    def incidents(self) -> int:
        return len(self.api("/v1/incidents")["incidents"])


def tell(server: RealAlertmanager, *, firing: bool) -> None:
    """What Prometheus would post to Alertmanager."""
    now = datetime.now(UTC)
    ends = now + timedelta(minutes=5) if firing else now
    alert = {
        "labels": LABELS,
        "annotations": {"summary": "Rejects over 5 %"},
        "startsAt": (now - timedelta(seconds=30)).isoformat(),
        "endsAt": ends.isoformat(),
    }
    answer = requests.post(f"{server.url}/api/v2/alerts", json=[alert], timeout=10)
    assert answer.status_code == 200, answer.text


@pytest.mark.real
def test_a_real_alertmanager_that_knows_only_slack(tmp_path: Path, alertmanager_binary: Path) -> None:
    with ChannelDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        desk.start()
        server = RealAlertmanager(tmp_path / "am", None, slack_url=desk.hook)
        server.start()
        try:
            tell(server, firing=True)
            root = desk.slack.text_of(desk.root())
            assert "INC-1 · OrderRejectRateHigh" in root
            assert "read from a Slack message; labels may be incomplete" in root
            assert desk.counts() == (1, 0)
            tell(server, firing=False)
            desk.reply("All alerts of this incident have cleared")
            assert desk.counts() == (0, 1)
            assert len(desk.own()) == 1
        finally:
            server.stop()


@pytest.mark.real
def test_a_real_alertmanager_that_tells_both(
    tmp_path: Path, alertmanager_binary: Path, database_url: str
) -> None:
    with ChannelDesk(tmp_path, database_url) as desk:
        desk.start()
        server = RealAlertmanager(
            tmp_path / "am", f"{desk.url}/alertmanager", slack_url=desk.hook, token=TOKEN
        )
        server.start()
        try:
            tell(server, firing=True)
            desk.until(
                lambda: "Rejects over 5 %" in desk.slack.text_of(desk.root()), what="the webhook's words"
            )
            desk.until(lambda: len(desk.slack.messages(INCIDENTS)) == 2, what="Alertmanager's own message")
            desk.until(lambda: _read(desk), what="the message to be read")
            assert desk.counts() == (1, 0)
            tell(server, firing=False)
            desk.reply("All alerts of this incident have cleared")
            desk.until(lambda: len(desk.slack.messages(INCIDENTS)) == 3, what="Alertmanager's resolution")
            assert desk.counts() == (0, 1)
            assert desk.incidents() == 1
            assert len(desk.own()) == 1
        finally:
            server.stop()


def _read(desk: ChannelDesk) -> bool:
    return any(entry["kind"] == "SlackMessageRead" for entry in desk.api("/v1/incidents/INC-1")["timeline"])


def test_grafana_over_signed_events(tmp_path: Path) -> None:
    with ChannelDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        desk.start()
        said = {"summary": "Rejects over 5 %"}
        message, answers = desk.slack.post_as(desk.poster, **grafana(GROUP, [LABELS], [], said))
        assert [answer.status for answer in answers] == [200]
        assert "venue=NYSE" in desk.slack.text_of(desk.root())
        # Slack repeats itself, a stranger signs with another secret, people and Haltdesk itself write such words.
        assert desk.slack.resend(answers[0]).acknowledged
        body = answers[0].request.body.replace("OrderRejectRateHigh", "CircuitBreakerOpen")
        assert desk.slack.signed_request(body, "application/json", secret="wrong").status == 401
        space = desk.slack.workspace
        itself = OtherApp("haltdesk", INCIDENTS, space.bot_id, space.app_id, "")
        other = as_posted({"alertname": "Other"}, [{"alertname": "Other"}])
        assert [answer.status for answer in desk.slack.post_as(itself, **other)[1]] == [200]
        desk.slack.say(INCIDENTS, "[FIRING:1] Other")
        assert desk.slack.unanswered == []
        assert desk.incidents() == 1

        answers = desk.slack.edit_as(desk.poster, message["ts"], **grafana(GROUP, [], [LABELS], said))
        assert [answer.status for answer in answers] == [200]
        desk.reply("All alerts of this incident have cleared")
        assert desk.counts() == (0, 1)


def test_a_message_while_haltdesk_is_dead_counts_when_slack_repeats_it(tmp_path: Path) -> None:
    with ChannelDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        desk.start()
        desk.kill()
        _, answers = desk.slack.post_as(desk.poster, **as_posted(GROUP, [LABELS]))
        assert not any(answer.acknowledged for answer in answers)
        desk.start()
        for _ in range(2):
            assert desk.slack.resend(answers[0]).acknowledged
        desk.root()
        assert desk.incidents() == 1
        assert desk.counts() == (1, 0)


def test_messages_that_slack_gave_up_on_are_read_after_the_start(tmp_path: Path) -> None:
    """Slack repeats an event for minutes. Haltdesk was away for longer, and an alert came, and another went."""
    with ChannelDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        # From before anybody knew Haltdesk: it opens nothing.
        desk.slack.post_as(desk.poster, **as_posted({"alertname": "Ancient"}, [{"alertname": "Ancient"}]))
        desk.start()
        desk.slack.post_as(desk.poster, **as_posted(GROUP, [LABELS]))
        desk.reply("Triage")
        desk.kill()
        other = {"alertname": "FeedStale", "feed": "sip"}
        desk.slack.post_as(desk.poster, **as_posted(GROUP, [], [LABELS]))
        desk.slack.post_as(desk.poster, **as_posted({"alertname": "FeedStale"}, [other]))
        desk.start()
        desk.until(lambda: desk.incidents() == 2, what="the incident of the alert that came")
        desk.until(lambda: desk.counts() == (0, 1), what="the end of the alert that went")
        titles = [one["title"] for one in desk.api("/v1/incidents")["incidents"]]
        assert not any("Ancient" in title for title in titles)
