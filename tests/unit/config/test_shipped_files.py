"""What ships beside the code says what the code does."""

import json
import re
from pathlib import Path

import pytest

from bot.config.policy_file import default_policy_text
from bot.config.settings import Settings, load
from bot.manifest import slack_manifest

ROOT = Path(__file__).parents[3]
ENV_EXAMPLE = (ROOT / ".env.example").read_text()


def test_the_example_policy_is_the_shipped_one() -> None:
    assert (ROOT / "docs" / "haltdesk.example.toml").read_text() == default_policy_text()


def test_the_example_of_the_environment_names_every_setting_and_no_other() -> None:
    named = re.findall(r"^#?([A-Z_]+)=", ENV_EXAMPLE, re.MULTILINE)
    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)


def test_the_defaults_in_the_example_are_the_real_ones() -> None:
    required = {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_SIGNING_SECRET": "s",
        "INCIDENT_CHANNEL": "C1",
        "ALERTMANAGER_TOKEN": "t",
        "ALPACA_API_KEY": "k",
        "ALPACA_SECRET_KEY": "s",
    }
    # HALTDESK_POLICY is looked for where it stands, and ALPACA_LIVE is an example of saying it.
    not_defaults = {"HALTDESK_POLICY", "ALPACA_LIVE"}
    shown = dict(re.findall(r"^#([A-Z_]+)=(.+)$", ENV_EXAMPLE, re.MULTILINE))
    written = {name: value for name, value in shown.items() if name not in not_defaults}
    assert len(written) >= 8
    assert load(required | written) == load(required)


@pytest.mark.parametrize("url", ["https://haltdesk.example.com", "https://haltdesk.example.com/"])
def test_the_manifest_sends_everything_to_one_address(url: str) -> None:
    manifest = slack_manifest(url)
    address = "https://haltdesk.example.com/slack/events"
    settings = manifest["settings"]
    assert settings["interactivity"] == {"is_enabled": True, "request_url": address}
    assert settings["event_subscriptions"]["request_url"] == address
    assert settings["socket_mode_enabled"] is False
    commands = manifest["features"]["slash_commands"]
    assert {command["command"] for command in commands} == {
        "/halt",
        "/cancel",
        "/health",
        "/reconcile",
        "/resume",
        "/incident",
    }
    assert {command["url"] for command in commands} == {address}


def test_the_manifest_of_socket_mode_has_no_address() -> None:
    manifest = slack_manifest(None)
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert "url" not in json.dumps(manifest)


def test_the_manifest_keeps_to_slacks_limits_and_asks_for_what_is_used() -> None:
    manifest = slack_manifest("https://haltdesk.example.com")
    assert len(manifest["display_information"]["name"]) <= 35
    assert len(manifest["display_information"]["description"]) <= 140
    scopes = manifest["oauth_config"]["scopes"]["bot"]
    assert {"chat:write", "commands", "channels:read", "usergroups:read", "files:write"} <= set(scopes)
    assert len(scopes) == len(set(scopes))


def test_the_processes_of_the_procfile() -> None:
    lines = (ROOT / "Procfile").read_text().splitlines()
    assert lines == ["release: haltdesk migrate", "web: haltdesk web", "worker: haltdesk worker"]
