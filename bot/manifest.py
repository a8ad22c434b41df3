"""The Slack app manifest, to paste at api.slack.com/apps. Source: Slack's app manifest reference."""

from typing import Any

COMMANDS = {
    "/halt": ("Halt trading, after a confirmation", "[reason]"),
    "/cancel": ("Cancel all open orders, after a confirmation", "[reason]"),
    "/health": ("Check broker, data feed, database, alerting and Haltdesk itself", ""),
    "/reconcile": ("Compare the desk's positions with the broker's", ""),
    "/resume": ("Ask to resume trading by one stage; another person approves", "[reason]"),
    "/incident": (
        "Declare, list and show incidents, run drills",
        "declare | list | show INC-42 | drill | contacts | help",
    ),
}
BOT_SCOPES = (
    "app_mentions:read",
    "bookmarks:write",
    "canvases:write",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:write",
    "groups:history",
    "groups:read",
    "im:write",
    "pins:write",
    "reactions:read",
    "usergroups:read",
    "users:read",
    "users:read.email",
)
BOT_EVENTS = ("app_mention", "message.channels", "message.groups")


def slack_manifest(public_url: str | None) -> dict[str, Any]:
    """The manifest as JSON. `public_url` is where Slack reaches Haltdesk, like https://haltdesk.example.com.

    None makes a Socket Mode app, which needs no public address but an app-level token with connections:write.
    """
    events_url = None if public_url is None else public_url.rstrip("/") + "/slack/events"
    address = {} if events_url is None else {"request_url": events_url}
    return {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {
            "name": "Haltdesk",
            "description": "Incident response for the trading desk: halts proved at the broker",
            "background_color": "#1f2933",
        },
        "features": {
            "bot_user": {"display_name": "haltdesk", "always_online": True},
            "slash_commands": [_command(name, events_url) for name in COMMANDS],
        },
        "oauth_config": {"scopes": {"bot": list(BOT_SCOPES)}},
        "settings": {
            "event_subscriptions": {**address, "bot_events": list(BOT_EVENTS)},
            "interactivity": {"is_enabled": True, **address},
            "org_deploy_enabled": False,
            "socket_mode_enabled": public_url is None,
            "token_rotation_enabled": False,
        },
    }


def _command(name: str, events_url: str | None) -> dict[str, Any]:
    description, hint = COMMANDS[name]
    command: dict[str, Any] = {"command": name, "description": description, "should_escape": True}
    if hint:
        command["usage_hint"] = hint
    if events_url is not None:
        command["url"] = events_url
    return command
