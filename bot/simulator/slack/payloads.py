"""The bodies that Slack sends to an app, in their documented shapes. Source: Slack's payload reference."""

import copy
import json
from urllib.parse import urlencode

from bot.simulator.slack.form import State, initial_state, stateful
from bot.simulator.slack.methods.chat import public
from bot.simulator.slack.records import Json
from bot.simulator.slack.workspace import Channel, OpenView, ResponseUrl, Workspace

VERIFICATION_TOKEN = "simulator-verification-token"
TEAM_DOMAIN = "simulated-desk"


def form_body(payload: Json) -> str:
    return urlencode({"payload": json.dumps(payload)})


def _envelope(workspace: Workspace, kind: str, user: str) -> Json:
    name = workspace.users[user]
    return {
        "type": kind,
        "team": {"id": workspace.team_id, "domain": TEAM_DOMAIN},
        "user": {"id": user, "username": name, "name": name, "team_id": workspace.team_id},
        "api_app_id": workspace.app_id,
        "token": VERIFICATION_TOKEN,
        "enterprise": None,
        "is_enterprise_install": False,
    }


def new_response_url(
    workspace: Workspace, channel: str, user: str, message: Json | None = None, ephemeral: bool = False
) -> str:
    """A webhook for answers to one interaction: 5 uses within 30 minutes."""
    key = workspace.next_id("R")
    message_ts = message["ts"] if message else None
    thread_ts = message.get("thread_ts") if message else None
    born = workspace.clock()
    workspace.response_urls[key] = ResponseUrl(channel, user, born, message_ts, thread_ts, ephemeral)
    return f"{workspace.url}respond/{key}"


def message_action(
    workspace: Workspace, channel: Channel, message: Json, action: Json, user: str, ephemeral: bool
) -> Json:
    """block_actions of a message. `action` is what was pressed or chosen."""
    container: Json = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": channel.id,
        "is_ephemeral": ephemeral,
    }
    if message.get("thread_ts"):
        container["thread_ts"] = message["thread_ts"]
    values: State = {}
    for block, element in stateful(message.get("blocks") or []):
        values.setdefault(block["block_id"], {})[element["action_id"]] = initial_state(element)
    payload = {
        **_envelope(workspace, "block_actions", user),
        "container": container,
        "trigger_id": workspace.new_trigger(user),
        "channel": {"id": channel.id, "name": channel.name},
        "state": {"values": values},
        "response_url": new_response_url(workspace, channel.id, user, message, ephemeral),
        "actions": [{**action, "action_ts": workspace.next_ts()}],
    }
    if not ephemeral:
        payload["message"] = public(message, metadata=True)
    return payload


def shown_view(shown: OpenView, state: State) -> Json:
    view = copy.deepcopy(shown.view)
    view["state"] = {"values": state}
    return view


def view_action(workspace: Workspace, shown: OpenView, state: State, action: Json) -> Json:
    """block_actions of a view."""
    return {
        **_envelope(workspace, "block_actions", shown.user),
        "container": {"type": "view", "view_id": shown.view["id"]},
        "trigger_id": workspace.new_trigger(shown.user, shown.view["id"]),
        "view": shown_view(shown, state),
        "actions": [{**action, "action_ts": workspace.next_ts()}],
    }


def view_submission(workspace: Workspace, shown: OpenView, state: State) -> Json:
    return {
        **_envelope(workspace, "view_submission", shown.user),
        "trigger_id": workspace.new_trigger(shown.user, shown.view["id"]),
        "view": shown_view(shown, state),
        "response_urls": [],
    }


def view_closed(workspace: Workspace, shown: OpenView, state: State, cleared: bool) -> Json:
    return {
        **_envelope(workspace, "view_closed", shown.user),
        "view": shown_view(shown, state),
        "is_cleared": cleared,
    }


def slash_command(workspace: Workspace, channel: Channel, command: str, text: str, user: str) -> str:
    """The form body of a slash command."""
    return urlencode(
        {
            "token": VERIFICATION_TOKEN,
            "team_id": workspace.team_id,
            "team_domain": TEAM_DOMAIN,
            "channel_id": channel.id,
            "channel_name": channel.name,
            "user_id": user,
            "user_name": workspace.users[user],
            "command": command,
            "text": text,
            "api_app_id": workspace.app_id,
            "is_enterprise_install": "false",
            "response_url": new_response_url(workspace, channel.id, user),
            "trigger_id": workspace.new_trigger(user),
        }
    )


def event(workspace: Workspace, inner: Json) -> str:
    """The JSON body of an Events API callback."""
    return json.dumps(
        {
            "token": VERIFICATION_TOKEN,
            "team_id": workspace.team_id,
            "api_app_id": workspace.app_id,
            "event": inner,
            "type": "event_callback",
            "event_id": workspace.next_id("Ev"),
            "event_time": int(workspace.clock()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": workspace.team_id,
                    "user_id": workspace.bot_user,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
        }
    )
