"""The notebook of a running action: each step is durable before the call returns, or is in the journal file."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from bot.domain.words import StepStatus


class ActionRecord(Protocol):
    """Writing never raises and never takes longer than half a second: if the database is silent, the journal has it."""

    def step(
        self, name: str, status: StepStatus, summary: str, evidence: Mapping[str, Any] | None = None
    ) -> None:
        """Write a step. The same name again updates that step (started -> ok). Evidence is JSON."""


class Timepiece(Protocol):
    """Time as an argument: tests pass a clock that they move by hand."""

    def now(self) -> datetime:
        """The time now, aware, UTC."""

    def monotonic(self) -> float:
        """Seconds for measuring spans."""

    def wait(self, seconds: float) -> bool:
        """Wait; true when the process was asked to stop meanwhile."""


Clock = Callable[[], datetime]
