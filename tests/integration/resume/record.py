"""What the record says while an action runs, in a test's hand."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.domain.actions import ActionRequest
from bot.domain.words import ActionKind
from bot.services.actions.standing import RecordAway
from tests.integration.broker.floor import Floor


class Record:
    """`halt` is what `halt_came` says; `away` makes every question fail; `on_ask` happens at each look for a halt."""

    def __init__(self, before: Mapping[str, Any] | None = None, begun: tuple[str, ...] = ()) -> None:
        self.halt: str | None = None
        self.away = False
        self.before = dict(before) if before is not None else None
        self.begun = begun
        self.kept: dict[str, Mapping[str, Any]] = {}
        self.on_ask: Callable[[int], None] = lambda count: None
        self.asked = 0

    def halt_came(self) -> str | None:
        self._check()
        self.asked += 1
        self.on_ask(self.asked)
        return self.halt

    def configuration_before(self) -> Mapping[str, Any] | None:
        self._check()
        return self.before

    def keep_configuration(self, configuration: Mapping[str, Any]) -> None:
        self._check()
        self.before = self.before or dict(configuration)

    def has_begun(self, step: str) -> bool:
        self._check()
        return step in self.begun

    def kept_in(self, step: str) -> Mapping[str, Any] | None:
        self._check()
        return self.kept.get(step)

    def _check(self) -> None:
        if self.away:
            raise RecordAway("the database does not answer")


def asked(desk: Floor, kind: ActionKind, *, resumed: bool = False, **params: str) -> ActionRequest:
    """Approved just now."""
    return ActionRequest(
        9, kind, "paper", "fixed", "U0OPERATOR", desk.time.now(), params=params, resumed=resumed
    )


def changes(desk: Floor) -> list[Any]:
    """What was sent to change the configuration, in order."""
    return [one.body for one in desk.simulator.requests if one.method == "PATCH"]
