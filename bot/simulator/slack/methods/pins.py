"""pins.*, reactions.*, bookmarks.add: what is attached to messages and channels."""

from bot.simulator.slack.methods.arguments import bot_channel, needed, text
from bot.simulator.slack.records import Json, SlackError
from bot.simulator.slack.workspace import Channel, Workspace


def _message(channel: Channel, args: Json) -> Json:
    message = channel.messages.get(needed(args, "timestamp", "message_not_found"))
    if message is None:
        raise SlackError("message_not_found")
    return message


def add_pin(workspace: Workspace, args: Json) -> Json:
    channel = bot_channel(workspace, args)
    message = _message(channel, args)
    if message["ts"] in channel.pins:
        raise SlackError("already_pinned")
    channel.pins.append(message["ts"])
    message["pinned_to"] = [channel.id]
    message["revision"] = message.get("revision", 0) + 1
    return {}


def remove_pin(workspace: Workspace, args: Json) -> Json:
    channel = bot_channel(workspace, args)
    message = _message(channel, args)
    if message["ts"] not in channel.pins:
        raise SlackError("no_pin")
    channel.pins.remove(message["ts"])
    message.pop("pinned_to", None)
    message["revision"] = message.get("revision", 0) + 1
    return {}


def add_reaction(workspace: Workspace, args: Json) -> Json:
    channel = bot_channel(workspace, args)
    name = needed(args, "name", "invalid_name")
    message = _message(channel, args)
    reactions: list[Json] = message.setdefault("reactions", [])
    found = next((reaction for reaction in reactions if reaction["name"] == name), None)
    if found and workspace.bot_user in found["users"]:
        raise SlackError("already_reacted")
    if found is None:
        found = {"name": name, "users": [], "count": 0}
        reactions.append(found)
    found["users"].append(workspace.bot_user)
    found["count"] = len(found["users"])
    message["revision"] = message.get("revision", 0) + 1
    return {}


def remove_reaction(workspace: Workspace, args: Json) -> Json:
    channel = bot_channel(workspace, args)
    name = needed(args, "name", "invalid_name")
    message = _message(channel, args)
    for reaction in message.get("reactions", []):
        if reaction["name"] == name and workspace.bot_user in reaction["users"]:
            reaction["users"].remove(workspace.bot_user)
            reaction["count"] = len(reaction["users"])
            message["reactions"] = [kept for kept in message["reactions"] if kept["count"]]
            message["revision"] = message.get("revision", 0) + 1
            return {}
    raise SlackError("no_reaction")


def add_bookmark(workspace: Workspace, args: Json) -> Json:
    channel = workspace.channel(needed(args, "channel_id", "channel_not_found"))
    if needed(args, "type") != "link":
        raise SlackError("invalid_bookmark_type")
    bookmark = {
        "id": workspace.next_id("Bk"),
        "channel_id": channel.id,
        "title": needed(args, "title"),
        "link": needed(args, "link", "invalid_link"),
        "type": "link",
        "emoji": text(args, "emoji"),
    }
    channel.bookmarks.append(bookmark)
    return {"bookmark": bookmark}


METHODS = {
    "pins.add": add_pin,
    "pins.remove": remove_pin,
    "reactions.add": add_reaction,
    "reactions.remove": remove_reaction,
    "bookmarks.add": add_bookmark,
}
