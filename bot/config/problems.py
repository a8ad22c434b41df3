"""What is wrong with a configuration, gathered in full before anybody is told."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing to mend. `write` is what to put in its place. Never holds a secret value."""

    name: str
    what: str
    write: str = ""

    def __str__(self) -> str:
        advice = f"; write e.g. {self.write}" if self.write else ""
        return f"{self.name}: {self.what}{advice}"


class ConfigurationError(Exception):
    """Haltdesk does not start, because its configuration is missing something or says something wrong."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        heading = f"{count} {'setting needs' if count == 1 else 'settings need'} your attention:"
        super().__init__("\n".join([heading, *(f"  {problem}" for problem in self.problems)]))
