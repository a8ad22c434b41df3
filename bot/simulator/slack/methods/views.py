"""views.*: opening, pushing and updating modals and home tabs. Source: Slack's method reference."""

import copy

from bot.simulator.slack.methods.arguments import needed, structure, text
from bot.simulator.slack.records import Json, SlackError
from bot.simulator.slack.views import check_view, stored_view
from bot.simulator.slack.workspace import VIEW_STACK, OpenView, Workspace


def _view(args: Json, kinds: tuple[str, ...] = ("modal",)) -> Json:
    view = structure(args, "view", "invalid_arguments")
    check_view(view, kinds)
    assert isinstance(view, dict)
    return view


def _unique_external_id(workspace: Workspace, view: Json, own: str | None = None) -> None:
    taken = workspace.find_view(None, view.get("external_id") or None)
    if taken is not None and taken.view["id"] != own:
        raise SlackError("duplicate_external_id")


def open_view(workspace: Workspace, args: Json) -> Json:
    view = _view(args)
    name = needed(args, "trigger_id")
    _unique_external_id(workspace, view)
    user = workspace.use_trigger(name).user
    view_id = workspace.next_id("V")
    opened = OpenView(stored_view(workspace, view, view_id, view_id, None), user)
    workspace.stacks[user] = [opened]
    return {"view": copy.deepcopy(opened.view)}


def push_view(workspace: Workspace, args: Json) -> Json:
    view = _view(args)
    name = needed(args, "trigger_id")
    _unique_external_id(workspace, view)
    known = workspace.triggers.get(name)
    stack = workspace.stacks.get(known.user, []) if known else []
    if known and not any(shown.view["id"] == known.view_id for shown in stack):
        raise SlackError("not_found")  # the trigger came from no view that is still open
    if len(stack) >= VIEW_STACK:
        raise SlackError("push_limit_reached")
    user = workspace.use_trigger(name).user
    return {"view": copy.deepcopy(push_on(workspace, user, view).view)}


def push_on(workspace: Workspace, user: str, view: Json) -> OpenView:
    """Put a view on top of a person's stack. Raises push_limit_reached beyond 3."""
    stack = workspace.stacks.setdefault(user, [])
    if len(stack) >= VIEW_STACK:
        raise SlackError("push_limit_reached")
    view_id = workspace.next_id("V")
    root = stack[0].view["id"] if stack else view_id
    previous = stack[-1].view["id"] if stack else None
    pushed = OpenView(stored_view(workspace, view, view_id, root, previous), user)
    stack.append(pushed)
    return pushed


def update_view(workspace: Workspace, args: Json) -> Json:
    view = _view(args)
    view_id, external_id = text(args, "view_id"), text(args, "external_id")
    if not view_id and not external_id:
        raise SlackError("invalid_arguments", ["[ERROR] missing required field: view_id or external_id"])
    shown = workspace.find_view(view_id, external_id)
    if shown is None:
        raise SlackError("not_found")
    wanted = text(args, "hash")
    if wanted and wanted != shown.view["hash"]:
        raise SlackError("hash_conflict")
    _unique_external_id(workspace, view, shown.view["id"])
    replace(workspace, shown, view)
    return {"view": copy.deepcopy(shown.view)}


def replace(workspace: Workspace, shown: OpenView, view: Json) -> None:
    """Show another content in an open view; its id and place stay, its hash changes."""
    old = shown.view
    shown.view = stored_view(workspace, view, old["id"], old["root_view_id"], old["previous_view_id"])
    shown.errors = {}
    shown.trouble = None
    shown.revision += 1


def publish_view(workspace: Workspace, args: Json) -> Json:
    view = _view(args, ("home",))
    user = needed(args, "user_id", "user_not_found")
    if user not in workspace.users:
        raise SlackError("user_not_found")
    old = workspace.homes.get(user)
    wanted = text(args, "hash")
    if wanted and old is not None and wanted != old["hash"]:
        raise SlackError("hash_conflict")
    view_id = old["id"] if old else workspace.next_id("V")
    workspace.homes[user] = stored_view(workspace, view, view_id, view_id, None)
    return {"view": copy.deepcopy(workspace.homes[user])}


METHODS = {
    "views.open": open_view,
    "views.push": push_view,
    "views.update": update_view,
    "views.publish": publish_view,
}
