"""What the core asks of the desk's own commands: a list of arguments, run once, within a time limit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol


@dataclass(frozen=True)
class DeskCommand:
    """A command of the desk's, run as a further step of `on` ("halt" or "resume"). Never through a shell.

    `account` None: for every account. `pass_env` names what it may see of the environment besides PATH and HOME:
    Haltdesk's own secrets are not handed on.
    """

    name: str
    on: str
    argv: tuple[str, ...]
    timeout: timedelta
    account: str | None = None
    folder: str | None = None
    pass_env: tuple[str, ...] = ()


@dataclass(frozen=True)
class CommandOutcome:
    """`exit_code` is None when it could not be started, or was ended at its time limit; `error` then says which."""

    exit_code: int | None
    seconds: float
    output: str  # what it said, both streams in order, cut and with what looks like a secret covered
    error: str | None = None

    @property
    def well(self) -> bool:
        return self.exit_code == 0

    def as_evidence(self, command: DeskCommand) -> dict[str, Any]:
        return {
            "name": command.name,
            "argv": list(command.argv),
            "exit_code": self.exit_code,
            "seconds": round(self.seconds, 2),
            "output": self.output,
            "error": self.error,
        }


class RunsCommands(Protocol):
    def run(self, command: DeskCommand, told: Mapping[str, str]) -> CommandOutcome:
        """Run it and wait. `told` is added to its environment (HALTDESK_ACTION and so on). Never raises for it."""
