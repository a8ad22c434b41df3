"""The desk's own expression for the age of its data, from haltdesk.toml to the line of a health check."""

from pathlib import Path

import pytest

from bot.app import build
from bot.config.configuration import load_configuration
from bot.config.problems import ConfigurationError
from bot.domain.health import Component, ComponentStatus
from tests.integration.prometheus.real import Pair

DESK = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_SIGNING_SECRET": "s",
    "INCIDENT_CHANNEL": "C0INCIDENTS",
    "ALERTMANAGER_TOKEN": "t",
    "ALPACA_API_KEY": "PK1",
    "ALPACA_SECRET_KEY": "k",
}


def feed_of(tmp_path: Path, policy: str, prometheus_url: str) -> Component:
    """The line about the data feed of the account's health check, put together as `haltdesk health` does."""
    (tmp_path / "haltdesk.toml").write_text(policy)
    application = build(
        load_configuration(
            DESK
            | {
                "DATABASE_URL": f"sqlite:///{tmp_path / 'haltdesk.db'}",
                "JOURNAL_PATH": str(tmp_path / "journal.jsonl"),
                "HALTDESK_POLICY": str(tmp_path / "haltdesk.toml"),
                "PROMETHEUS_URL": prometheus_url,
            }
        )
    )
    try:
        (check,) = [check for check in application.checks["main"] if check.name == "data feed"]
        return check.run(4.5)
    finally:
        application.desk.database.dispose()


def test_the_desks_expression_and_limits_are_used(pair: Pair, tmp_path: Path) -> None:
    policy = """
[health.data_feed]
promql = "time() - (time() - 45)"
warn_after = "10s"
fail_after = "40s"
"""
    feed = feed_of(tmp_path, policy, pair.prometheus_url)
    assert (feed.status, feed.figure) == (ComponentStatus.FAIL, "45 s old")
    assert feed.threshold == "warns from 10 s, fails from 40 s"
    slower = policy.replace('"40s"', '"5m"')
    assert feed_of(tmp_path, slower, pair.prometheus_url).status is ComponentStatus.WARN


def test_without_an_expression_it_says_what_to_set(pair: Pair, tmp_path: Path) -> None:
    feed = feed_of(tmp_path, "", pair.prometheus_url)
    assert feed.status is ComponentStatus.OFF
    assert feed.figure == "not configured: set promql under [health.data_feed] in haltdesk.toml"


def test_limits_the_wrong_way_round_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="fail_after must not be shorter than warn_after"):
        feed_of(tmp_path, '[health.data_feed]\nwarn_after = "5m"\n', "http://127.0.0.1:9")
