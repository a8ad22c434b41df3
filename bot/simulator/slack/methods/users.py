"""users.* and usergroups.*: who works at the desk. User groups exist only on paid plans."""

from bot.simulator.slack.methods.arguments import needed, page
from bot.simulator.slack.records import Json, SlackError
from bot.simulator.slack.workspace import Workspace


def info(workspace: Workspace, args: Json) -> Json:
    user = needed(args, "user", "user_not_found")
    if user != workspace.bot_user and user not in workspace.users:
        raise SlackError("user_not_found")
    return {"user": workspace.user_profile(user)}


def list_users(workspace: Workspace, args: Json) -> Json:
    people = [workspace.user_profile(user) for user in (*workspace.users, workspace.bot_user)]
    shown, _, cursor = page(people, args, 200, 1000)
    return {"members": shown, "response_metadata": {"next_cursor": cursor}}


def lookup_by_email(workspace: Workspace, args: Json) -> Json:
    email = needed(args, "email", "users_not_found")
    for user in workspace.users:
        profile = workspace.user_profile(user)
        if profile["profile"]["email"] == email:
            return {"user": profile}
    raise SlackError("users_not_found")


def _groups(workspace: Workspace) -> dict[str, tuple[str, list[str]]]:
    if workspace.usergroups is None:
        raise SlackError("plan_upgrade_required")
    return workspace.usergroups


def list_groups(workspace: Workspace, args: Json) -> Json:
    return {
        "usergroups": [
            {"id": key, "team_id": workspace.team_id, "is_usergroup": True, "handle": handle, "users": users}
            for key, (handle, users) in _groups(workspace).items()
        ]
    }


def list_group_users(workspace: Workspace, args: Json) -> Json:
    group = _groups(workspace).get(needed(args, "usergroup", "no_such_subteam"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group[1])}


METHODS = {
    "users.info": info,
    "users.list": list_users,
    "users.lookupByEmail": lookup_by_email,
    "usergroups.list": list_groups,
    "usergroups.users.list": list_group_users,
}
