"""auth.test, bots.info, api.test, blocks.validate: who the bot is, and whether blocks are good."""

from bot.simulator.slack.blocks import check_message_blocks
from bot.simulator.slack.methods.arguments import needed, structure
from bot.simulator.slack.records import Json, SlackError
from bot.simulator.slack.workspace import Workspace


def auth_test(workspace: Workspace, args: Json) -> Json:
    return {
        "url": workspace.url,
        "team": "Simulated desk",
        "user": workspace.bot_name,
        "team_id": workspace.team_id,
        "user_id": workspace.bot_user,
        "bot_id": workspace.bot_id,
        "is_enterprise_install": False,
    }


def bots_info(workspace: Workspace, args: Json) -> Json:
    if needed(args, "bot", "bot_not_found") != workspace.bot_id:
        raise SlackError("bot_not_found")
    return {
        "bot": {
            "id": workspace.bot_id,
            "deleted": False,
            "name": workspace.bot_name,
            "app_id": workspace.app_id,
            "user_id": workspace.bot_user,
        }
    }


def api_test(workspace: Workspace, args: Json) -> Json:
    if args.get("error"):
        raise SlackError(str(args["error"]))
    return {"args": {key: value for key, value in args.items() if key != "token"}}


def blocks_validate(workspace: Workspace, args: Json) -> Json:
    blocks = structure(args, "blocks", "invalid_blocks_format")
    if isinstance(blocks, dict):
        blocks = blocks.get("blocks")
    check_message_blocks(blocks)
    return {}


METHODS = {
    "auth.test": auth_test,
    "bots.info": bots_info,
    "api.test": api_test,
    "blocks.validate": blocks_validate,
}
