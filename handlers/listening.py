"""Which listener a press, a submitted modal or a command is for, by its Slack id: looked up, not searched for.

Bolt asks one listener after the other whether a request is its own, and each question costs what a database statement
does. So it is given one listener a kind of request, and that one knows the others.
"""

import re
from collections.abc import Callable, Collection
from inspect import signature
from typing import Any

from slack_bolt import App
from slack_bolt.kwargs_injection import Args

Listener = Callable[..., None]


class Listening:
    """Where a room registers its listeners: plain functions that take from Bolt what they name."""

    def __init__(self) -> None:
        self._actions: dict[str, _Named] = {}
        self._views: dict[str, _Named] = {}
        self._commands: dict[str, _Named] = {}
        self._events: list[tuple[str, Listener]] = []

    def action(self, action_id: str, listener: Listener) -> None:
        """For a button of this id, and for one that has a suffix after a colon (it stands several times there)."""
        _keep(self._actions, action_id, listener)

    def view(self, callback_id: str, listener: Listener) -> None:
        _keep(self._views, callback_id, listener)

    def command(self, name: str, listener: Listener) -> None:
        """`name` with its slash."""
        _keep(self._commands, name, listener)

    def event(self, kind: str, listener: Listener) -> None:
        self._events.append((kind, listener))

    def listen(self, app: App) -> None:
        """What is not known here stays Bolt's to answer, as unhandled."""
        app.view(_one_of(self._views))(self._submitted)
        app.action(_one_of(self._actions, suffix="(:|$)"))(self._pressed)
        app.command(_one_of(self._commands))(self._commanded)
        for kind, listener in self._events:
            app.event(kind)(listener)

    def _submitted(self, args: Args) -> None:
        assert args.view is not None
        self._views[args.view["callback_id"]](args)

    def _pressed(self, args: Args) -> None:
        assert args.action is not None
        self._actions[args.action["action_id"].partition(":")[0]](args)

    def _commanded(self, args: Args) -> None:
        assert args.command is not None
        self._commands[args.command["command"]](args)


class _Named:
    def __init__(self, listener: Listener) -> None:
        self._listener, self._names = listener, tuple(signature(listener).parameters)

    def __call__(self, args: Args) -> None:
        given: dict[str, Any] = {name: getattr(args, name) for name in self._names}
        self._listener(**given)


def _keep(listeners: dict[str, _Named], name: str, listener: Listener) -> None:
    if name in listeners:
        raise ValueError(f"{name} has a listener already")
    listeners[name] = _Named(listener)


def _one_of(names: Collection[str], suffix: str = "$") -> re.Pattern[str]:
    return re.compile(rf"^({'|'.join(map(re.escape, names))}){suffix}")
