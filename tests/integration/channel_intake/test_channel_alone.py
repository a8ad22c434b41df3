"""A desk whose Alertmanager or Grafana posts into the channel, and that has set up nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from bot.services import incidents as service
from bot.store import incidents
from tests.fixtures.channel_posts import alertmanager, grafana
from tests.fixtures.desk_in_process import INCIDENTS, DeskInProcess
from tests.integration.channel_intake.channel import Channel, all_incidents, kinds, only, standing, stored

A = {"alertname": "OrderRejects", "venue": "A", "severity": "critical"}
B = {"alertname": "OrderRejects", "venue": "B", "severity": "critical"}
GROUP = {"alertname": "OrderRejects"}


def test_a_message_opens_an_incident_that_says_where_it_was_read(desk: DeskInProcess) -> None:
    Channel(desk).post(alertmanager(GROUP, [A, B]))
    assert only(desk).severity == "SEV-2"
    assert standing(desk) == [(True, "firing"), (True, "firing")]
    assert "SlackMessageRead" in kinds(desk)
    desk.deliver()
    root = desk.slack.text_of(desk.slack.messages(INCIDENTS)[0])
    assert "INC-1 · OrderRejects" in root
    assert "read from a Slack message; labels may be incomplete" in root
    assert "Firing: 2" in root


def test_a_severity_that_stands_in_the_title_counts(desk: DeskInProcess) -> None:
    channel = Channel(desk)
    for name, word, severity in (
        ("Queue", "critical", "SEV-2"),
        ("Pool", "SEV-1", "SEV-1"),
        ("Disk", "x", "SEV-3"),
    ):
        channel.post(alertmanager({"alertname": name}, [{"alertname": name, "severity": word}]))
        assert all_incidents(desk)[0].severity == severity


def test_the_resolution_clears_it(desk: DeskInProcess) -> None:
    channel = Channel(desk)
    channel.post(alertmanager(GROUP, [A, B]))
    channel.post(alertmanager(GROUP, [A], [B]))
    assert standing(desk) == [(True, "firing"), (True, "resolved")]
    assert "AllAlertsCleared" not in kinds(desk)
    channel.post(alertmanager(GROUP, [], [A]))
    assert standing(desk) == [(True, "resolved"), (True, "resolved")]
    assert kinds(desk).count("AllAlertsCleared") == 1


def test_a_repeat_of_alertmanagers_is_no_news_and_a_further_alert_is(desk: DeskInProcess) -> None:
    channel = Channel(desk)
    channel.post(alertmanager(GROUP, [A]))
    service.acknowledge(desk.desk, 1, "U0OPERATOR")
    desk.time.move(4 * 3600)
    channel.post(alertmanager(GROUP, [A]))
    assert kinds(desk).count("AlertFired") == 1
    channel.post(alertmanager(GROUP, [A, B]))
    assert kinds(desk).count("AlertFired") == 2
    desk.deliver()
    root = desk.slack.messages(INCIDENTS)[0]["ts"]
    loud = [one for one in desk.slack.thread(INCIDENTS, root) if one.get("subtype") == "thread_broadcast"]
    assert ["new alert in an acknowledged incident" in desk.slack.text_of(one) for one in loud] == [True]


def test_grafanas_labels_are_kept_and_each_alert_clears_by_itself(desk: DeskInProcess) -> None:
    channel = Channel(desk)
    channel.post(grafana(GROUP, [A, B], [], {"summary": "Rejects over 5 %"}))
    assert [dict(one.labels) for one in sorted(stored(desk), key=lambda one: one.labels["venue"])] == [A, B]
    assert stored(desk)[0].summary.startswith("Rejects over 5 % (read from a Slack message")
    channel.post(grafana(GROUP, [B], [A], {"summary": "Rejects over 5 %"}))
    assert {one.labels["venue"]: one.status.value for one in stored(desk)} == {"A": "resolved", "B": "firing"}


def test_slack_sends_an_event_twice(desk: DeskInProcess) -> None:
    channel = Channel(desk)
    fired = channel.post(alertmanager(GROUP, [A]))
    ended = channel.post(alertmanager(GROUP, [], [A]))
    before = kinds(desk)
    for event in (fired, ended, fired):
        assert channel.hear(event) == []
    assert kinds(desk) == before
    assert standing(desk) == [(True, "resolved")]


def test_an_older_message_that_comes_late_changes_nothing(desk: DeskInProcess) -> None:
    channel = Channel(desk)
    older = channel.event(alertmanager(GROUP, [A]))
    channel.post(alertmanager(GROUP, [], [A]))
    channel.hear(older)
    assert all_incidents(desk) == []


def test_an_edited_message_is_its_new_state(desk: DeskInProcess) -> None:
    """Newer Alertmanagers edit their message; a title of the desk's own may change altogether."""
    channel = Channel(desk)
    first = channel.post({"attachments": [{"title": "[FIRING:1] rejects rise", "color": "danger"}]})
    channel.edit(first, {"attachments": [{"title": "[FIRING:2] rejects rise more", "color": "danger"}]})
    assert standing(desk) == [(True, "firing"), (True, "firing")]
    channel.edit(first, {"attachments": [{"title": "[RESOLVED] rejects as ever", "color": "good"}]})
    assert standing(desk) == [(True, "resolved"), (True, "resolved")]
    assert len(all_incidents(desk)) == 1


def test_one_posters_resolution_does_not_clear_anothers_alert(desk: DeskInProcess) -> None:
    """Staging's Alertmanager posts into the same channel as production's."""
    production, staging = Channel(desk, "B0PRODUCTION"), Channel(desk, "B0STAGING")
    production.post(alertmanager(GROUP, [A]))
    staging.post(alertmanager(GROUP, [], [A]))
    assert standing(desk) == [(True, "firing")]


def test_firing_again_after_a_person_resolved_it_is_not_lost(desk: DeskInProcess) -> None:
    """Alertmanager's Slack receiver does not send resolutions unless told to."""
    channel = Channel(desk)
    channel.post(alertmanager(GROUP, [A]))
    service.resolve(desk.desk, 1, "U0OPERATOR", "venue is back")
    assert standing(desk) == [(True, "resolved")]
    desk.time.move(3600)
    channel.post(alertmanager(GROUP, [A]))
    assert sorted((one.key, one.open) for one in all_incidents(desk)) == [("INC-1", False), ("INC-2", True)]


def test_a_watchdog_in_the_channel_opens_nothing(desk: DeskInProcess) -> None:
    Channel(desk).post(alertmanager({"alertname": "Watchdog"}, [{"alertname": "Watchdog"}]))
    assert all_incidents(desk) == []


@pytest.mark.parametrize(
    "author",
    [
        {"bot_id": None, "subtype": None, "user": "U0OPERATOR"},
        {"app_id": "A0HALTDESK"},
        {"bot_profile": {"app_id": "A0HALTDESK"}},
        {"user": "U0HALTDESK"},
        {"channel": "C0GENERAL"},
        {"thread_ts": "1.000001"},
        {"subtype": "message_deleted"},
        {"subtype": "bot_add"},
        {"ts": "soon", "event_ts": "soon"},
    ],
)
def test_people_haltdesk_itself_replies_and_other_channels_open_nothing(
    desk: DeskInProcess, author: dict[str, Any]
) -> None:
    Channel(desk).post(alertmanager(GROUP, [A]), **author)
    assert all_incidents(desk) == []
    Channel(desk).post(alertmanager(GROUP, [A]))
    assert len(all_incidents(desk)) == 1  # the same post of another app does


def test_switched_off_by_the_policy(desk: DeskInProcess) -> None:
    off = desk.desk.policy.intake.model_copy(update={"channel": False})
    desk.desk = replace(desk.desk, policy=replace(desk.desk.policy, intake=off))
    Channel(desk).post(alertmanager(GROUP, [A]))
    assert all_incidents(desk) == []


def test_hostile_words_stay_words(desk: DeskInProcess) -> None:
    bad = {"alertname": "X<!channel>", "venue": "<@U0OPERATOR> */halt*", "nul": "a\x00b"}
    Channel(desk).post(
        grafana({"alertname": "X<!channel>"}, [bad], [], {"summary": '"}],"blocks":[] &lt;!here&gt;'})
    )
    desk.deliver()
    assert desk.slack.pinged == []
    assert only(desk).title.startswith("X")


def test_a_hundred_groups_in_one_message(desk: DeskInProcess) -> None:
    Channel(desk).post({"attachments": [{"title": f"[FIRING:1] Alert{number}"} for number in range(100)]})
    with desk.database.read() as unit:
        assert len(incidents.listed(unit, limit=500)) == 100
