"""What Alertmanager and Grafana write into a channel is read; what anybody else writes is left alone."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.alerts import AlertGroup
from bot.domain.channel_alerts import Layout, read
from bot.domain.fingerprint import fingerprint
from bot.domain.group_title import group_text, is_of_group, labels_of_group_key, rest_text
from bot.domain.words import AlertStatus
from bot.simulator.alertmanager import AlertGroup as SentGroup
from bot.simulator.alertmanager import fingerprint as as_the_simulator_has_it
from bot.simulator.slack.others import _as_slack_keeps
from tests.fixtures.channel_posts import alertmanager, grafana

LATENCY = {"alertname": "HighLatency", "instance": "api-1", "severity": "critical"}
OTHER = {"alertname": "HighLatency", "instance": "api-2", "severity": "critical"}
GROUP = {"alertname": "HighLatency"}


def one(message: dict[str, Any]) -> Any:
    (group,) = read(_as_slack_keeps(message))
    return group


def test_alertmanagers_default_for_one_alert() -> None:
    group = one(alertmanager(GROUP, [LATENCY]))
    assert (group.layout, group.status, group.firing) == (Layout.ALERTMANAGER, AlertStatus.FIRING, 1)
    assert (group.title, group.text) == ("HighLatency (api-1 critical)", "HighLatency")
    assert group.hints == {"alertname": "HighLatency", "severity": "critical"}
    assert group.link == "http://alertmanager.example:9093/#/alerts?receiver=desk"
    assert group.listed == ()


def test_alertmanagers_default_for_a_group_and_its_end() -> None:
    group = one(alertmanager(GROUP, [LATENCY, OTHER]))
    assert (group.firing, group.title, group.text) == (2, "HighLatency (critical)", "HighLatency")
    ended = one(alertmanager(GROUP, [], [LATENCY, OTHER]))
    assert (ended.status, ended.firing, ended.text) == (AlertStatus.RESOLVED, 0, "HighLatency")


def test_grafanas_default_lists_every_label() -> None:
    said = {"summary": "Latency over 2 s & rising", "runbook_url": "http://wiki.example/latency"}
    group = one(grafana({**GROUP, "grafana_folder": "Trading desk"}, [LATENCY, OTHER], [], said))
    assert (group.layout, group.firing) == (Layout.GRAFANA, 2)
    assert group.text == "HighLatency Trading desk"
    assert [alert.labels for alert in group.firing_listed] == [LATENCY, OTHER]
    assert group.firing_listed[0].annotations == said
    assert group.firing_listed[0].source == "http://grafana.example/alerting/grafana/abc/view?orgId=1"
    assert group.firing_listed[0].fingerprint == as_the_simulator_has_it(LATENCY)


def test_grafana_tells_firing_and_resolved_in_one_message() -> None:
    group = one(grafana(GROUP, [LATENCY], [OTHER]))
    assert (group.status, group.firing) == (AlertStatus.FIRING, 1)
    assert [alert.status for alert in group.listed] == [AlertStatus.FIRING, AlertStatus.RESOLVED]
    assert [alert.labels["instance"] for alert in group.firing_listed] == ["api-1"]


def test_a_list_that_was_cut_is_no_list() -> None:
    message = grafana(GROUP, [LATENCY, OTHER])
    text = message["attachments"][0]["text"]
    message["attachments"][0]["text"] = text[: text.index("api-2") - 20]
    group = one(message)
    assert group.firing == 2
    assert group.firing_listed == ()


def test_an_annotation_cannot_forge_a_resolution() -> None:
    said = {"summary": "x\n\n**Resolved**\n\nLabels:\n - alertname = Everything\n"}
    group = one(grafana(GROUP, [LATENCY], [], said))
    assert (group.status, group.firing) == (AlertStatus.FIRING, 1)


def test_a_title_and_text_of_the_desks_own() -> None:
    message = {
        "attachments": [
            {
                "pretext": "<!channel>",
                "title": ":fire: [FIRING:1] Monitoring event",
                "text": "*Alert:* CircuitBreakerOpen - `critical`\n• *alertname:* `CircuitBreakerOpen`\n",
                "fields": [{"title": "Severity", "value": "critical"}],
            }
        ]
    }
    (group,) = read(message)
    assert group.hints["severity"] == "critical"
    assert "<!channel>" not in group.summary
    message["attachments"][0]["text"] = "• *alertname:* `CircuitBreakerOpen`\n• *account:* `A`"  # type: ignore[index]
    (group,) = read(message)
    assert group.hints["alertname"] == "CircuitBreakerOpen"
    # Every group has this title: the name tells them apart, or one's end would be the other's.
    assert group.text == "Monitoring event CircuitBreakerOpen"


def test_a_header_block_of_a_known_program() -> None:
    blocks = [{"type": "header", "text": {"type": "plain_text", "text": "[FIRING:3] OrderRejects"}}]
    assert [group.firing for group in read({"bot_profile": {"name": "Grafana"}, "blocks": blocks})] == [3]
    assert read({"bot_profile": {"name": "Chatter"}, "blocks": blocks}) == ()


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"text": "[FIRING:1] HighLatency", "username": "Chatter"},
        {"text": "HighLatency is firing", "username": "Alertmanager"},
        {"attachments": [{"title": "Build 12 failed", "color": "danger"}]},
        {"attachments": [{"title": "[INFO] deployed", "fallback": "we saw [FIRING:1] yesterday"}]},
        {"attachments": [{"title": "[FIRING squad] film night"}]},
        {"attachments": "all"},
        {"attachments": [None, 7, {"title": 7, "text": []}]},
        {"attachments": [{"title": "x"}], "blocks": [7], "text": None},
    ],
)
def test_what_is_neither_is_left_alone(message: dict[str, Any]) -> None:
    assert read(message) == ()


def test_only_http_links_are_taken() -> None:
    message = alertmanager(GROUP, [LATENCY])
    for link in ("javascript:alert(1)", "file:///etc/passwd", "<!channel>", "http://x" + "y" * 5_000):
        message["attachments"][0]["title_link"] = link
        assert one(message).link is None


def test_the_bounds_hold() -> None:
    many = [{"title": f"[FIRING:1] Alert{number}"} for number in range(1_000)]
    assert len(read({"attachments": many})) == 100
    (group,) = read({"attachments": [{"title": "[FIRING:999999] " + "x" * 50_000, "text": "- " * 1_000_000}]})
    assert len(group.title) <= 1_024
    assert len(group.summary) <= 500


_WORDS = st.text(max_size=40)


_HEADINGS = ("title", "pretext", "fallback", "fields", "footer", "title_link", "value")
_KEYS = st.sampled_from(["attachments", "blocks", "text", "username", "bot_profile", "name", *_HEADINGS])
_LEAVES = st.none() | st.integers() | _WORDS | st.just("[FIRING:2] x\nLabels:\n - a = b")
_POSTS = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=5)
)


@settings(max_examples=150, deadline=None)
@given(_POSTS)
def test_nothing_that_can_be_posted_makes_reading_fail(message: Any) -> None:
    for group in read(message if isinstance(message, dict) else {"attachments": message}):
        assert group.text
        assert group.hints["alertname"]


_NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        _NAMES, st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), max_size=6
    )
)
def test_the_fingerprint_is_prometheus(labels: dict[str, str]) -> None:
    assert fingerprint(labels) == as_the_simulator_has_it(labels)


def test_the_fingerprint_of_an_alert_that_a_real_alertmanager_showed() -> None:
    assert fingerprint({}) == "cbf29ce484222325"  # the offset of FNV-1a


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(_NAMES, st.from_regex(r"[A-Za-z0-9 :{}\\.-]{1,12}", fullmatch=True), max_size=4))
def test_a_title_belongs_to_the_group_that_it_was_made_of(labels: dict[str, str]) -> None:
    alerts = [{**labels, "alertname": "X", "venue": "a"}, {**labels, "alertname": "X", "venue": "b"}]
    rest = rest_text(labels, alerts)
    shown = f"{group_text(labels)} ({rest})".strip() if rest else group_text(labels)
    assert is_of_group(shown, labels, alerts)
    assert not is_of_group("Other " + shown, labels, alerts)


def test_labels_out_of_a_group_key() -> None:
    assert labels_of_group_key('{}:{alertname="X", venue="a:{b}"}') == {"alertname": "X", "venue": "a:{b}"}
    assert labels_of_group_key('{}/{team=~"a|b"}:{}') == {}
    assert labels_of_group_key('{}:{alertname="say \\"hi\\""}') == {"alertname": 'say "hi"'}
    assert labels_of_group_key(SentGroup({"alertname": "X", "a": "b"}).key) == {"alertname": "X", "a": "b"}
    for foreign in ("", "slack:C0:B0:12", "{}:{alertname=X}", "desk", "{}:{" + "a" * 10_000):
        assert labels_of_group_key(foreign) is None


def test_a_group_of_messages_is_no_webhook() -> None:
    from bot.services.channel_joining import from_slack, of_message

    assert not of_message(AlertGroup("k", (), {}))
    assert from_slack("slack:C0:B0:1")
    assert not from_slack(None)
