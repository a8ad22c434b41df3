"""The Web API's methods, one file a family. A method takes workspace and arguments, returns its answer."""

from collections.abc import Callable

from bot.simulator.slack.methods import auth, chat, conversations, files, pins, users, views
from bot.simulator.slack.records import Json
from bot.simulator.slack.workspace import Workspace

Method = Callable[[Workspace, Json], Json]

METHODS: dict[str, Method] = {
    **auth.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **pins.METHODS,
    **users.METHODS,
    **views.METHODS,
}
