"""conversations.*: reading channels and threads, with paging. Source: Slack's method reference."""

from decimal import Decimal, InvalidOperation

from bot.simulator.slack.methods.arguments import bot_channel, flag, needed, page, text
from bot.simulator.slack.methods.chat import public
from bot.simulator.slack.records import Json, SlackError
from bot.simulator.slack.workspace import Channel, Workspace


def _described(channel: Channel) -> Json:
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": not channel.direct,
        "is_im": channel.direct,
        "is_private": False,
        "is_archived": channel.archived,
        "is_member": channel.bot_is_member,
    }


def _bound(args: Json, key: str, error: str) -> Decimal | None:
    value = text(args, key)
    if value in (None, "", "now", "0"):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation as cause:
        raise SlackError(error) from cause


def _between(messages: list[Json], args: Json) -> list[Json]:
    oldest = _bound(args, "oldest", "invalid_ts_oldest")
    latest = _bound(args, "latest", "invalid_ts_latest")
    inclusive = flag(args, "inclusive")

    def inside(message: Json) -> bool:
        ts = Decimal(message["ts"])
        if oldest is not None and (ts < oldest or (ts == oldest and not inclusive)):
            return False
        return not (latest is not None and (ts > latest or (ts == latest and not inclusive)))

    return [message for message in messages if inside(message)]


def _answer(messages: list[Json], args: Json, default: int) -> Json:
    shown, more, cursor = page(messages, args, default, 999)
    metadata = flag(args, "include_all_metadata")
    answer: Json = {"messages": [public(message, metadata) for message in shown], "has_more": more}
    if cursor:
        answer["response_metadata"] = {"next_cursor": cursor}
    return answer


def history(workspace: Workspace, args: Json) -> Json:
    """Roots and broadcast replies, newest first."""
    channel = bot_channel(workspace, args, writing=False)
    messages = [
        message
        for message in reversed(channel.messages.values())
        if message.get("thread_ts", message["ts"]) == message["ts"]
        or message.get("subtype") == "thread_broadcast"
    ]
    return {**_answer(_between(messages, args), args, 100), "pin_count": len(channel.pins)}


def replies(workspace: Workspace, args: Json) -> Json:
    """The root, then its replies, oldest first. A page always begins with the root, as in Slack."""
    channel = bot_channel(workspace, args, writing=False)
    root = channel.messages.get(needed(args, "ts", "thread_not_found"))
    if root is None:
        raise SlackError("thread_not_found")
    root = channel.messages.get(str(root.get("thread_ts", root["ts"])), root)
    answer = _answer(_between(workspace.replies(channel, root["ts"]), args), args, 1000)
    answer["messages"].insert(0, public(root, flag(args, "include_all_metadata")))
    return answer


def info(workspace: Workspace, args: Json) -> Json:
    return {"channel": _described(workspace.channel(needed(args, "channel", "channel_not_found")))}


def list_channels(workspace: Workspace, args: Json) -> Json:
    exclude = flag(args, "exclude_archived")
    kinds = (text(args, "types") or "public_channel").split(",")
    found = [
        _described(channel)
        for channel in workspace.channels.values()
        if not (exclude and channel.archived) and ("im" if channel.direct else "public_channel") in kinds
    ]
    shown, _, cursor = page(found, args, 100, 1000)
    return {"channels": shown, "response_metadata": {"next_cursor": cursor}}


def join(workspace: Workspace, args: Json) -> Json:
    channel = workspace.channel(needed(args, "channel", "channel_not_found"))
    if channel.archived:
        raise SlackError("is_archived")
    already = channel.bot_is_member
    channel.bot_is_member = True
    return {"channel": _described(channel), **({"warning": "already_in_channel"} if already else {})}


def members(workspace: Workspace, args: Json) -> Json:
    channel = workspace.channel(needed(args, "channel", "channel_not_found"))
    people: list[Json] = [{"id": user} for user in workspace.users]
    if channel.bot_is_member:
        people.append({"id": workspace.bot_user})
    shown, _, cursor = page(people, args, 100, 1000)
    return {"members": [person["id"] for person in shown], "response_metadata": {"next_cursor": cursor}}


def open_direct(workspace: Workspace, args: Json) -> Json:
    user = needed(args, "users", "users_list_not_supplied")
    if user not in workspace.users:
        raise SlackError("user_not_found")
    direct = "D" + user[1:]
    workspace.channels.setdefault(direct, Channel(direct, workspace.users[user], direct=True))
    return {"channel": {"id": direct}}


METHODS = {
    "conversations.history": history,
    "conversations.replies": replies,
    "conversations.info": info,
    "conversations.list": list_channels,
    "conversations.join": join,
    "conversations.members": members,
    "conversations.open": open_direct,
}
