"""One run of an action: its time limit, its steps in the record, and calls side by side within that limit."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from bot.adapters.bounded import Pending, StillRunning
from bot.domain.words import StepStatus
from bot.ports.broker import (
    BrokerAnswerUnreadable,
    BrokerError,
    BrokerRefused,
    BrokerTimeout,
    BrokerUnavailable,
)
from bot.services.actions.tools import ActionTools

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What a call gave: a value, or the error it ended with. `seconds` is how long it took to be known."""

    value: T | None
    error: BrokerError | None
    seconds: float

    @property
    def status(self) -> StepStatus:
        """FAILED only when the broker is known not to have acted; otherwise nobody may claim either."""
        if self.error is None:
            return StepStatus.OK
        if isinstance(self.error, BrokerRefused) or not self.error.may_have_acted:
            return StepStatus.FAILED
        return StepStatus.UNKNOWN

    @property
    def word(self) -> str:
        return self.error.last_word if self.error is not None else "ok"


def not_understood(what: str, defect: Exception) -> BrokerAnswerUnreadable:
    """A defect of Haltdesk's own in one call: logged, shown as unknown, and no reason to stop halting."""
    log.error("%s broke off on a defect", what, exc_info=defect)
    return BrokerAnswerUnreadable(
        what, f"an error in Haltdesk ({type(defect).__name__}), see its log", may_have_acted=True
    )


FIRST = 0.05  # seconds that a thread may take to set out


class Sent(Generic[T]):
    """A broker call under way in a thread of its own."""

    def __init__(self, what: str, call: Callable[[float], T], run: "Run") -> None:
        self._what, self._run = what, run
        self._limit = run.call_limit
        self._began = run.tools.time.monotonic()
        self._pending = Pending(lambda: call(self._limit), f"{what} {run.tools.broker.account}")

    @property
    def ended(self) -> bool:
        return self._pending.ended

    def set_out(self) -> None:
        """Let this call go out before the next one is sent; it is not waited for."""
        self._pending.set_out(FIRST)

    def answer(self) -> Answer[T]:
        """Wait for it (it is bounded by its own limit, and by this run's)."""
        value: T | None = None
        error: BrokerError | None = None
        try:
            value = self._pending.result(self._limit)
        except BrokerError as failure:
            error = failure
        except StillRunning:
            error = BrokerTimeout(self._what, f"no answer in {self._limit:.2g} s", may_have_acted=True)
        except Exception as defect:
            error = not_understood(self._what, defect)
        return self._run.heard(Answer(value, error, self._run.tools.time.monotonic() - self._began))


class Run:
    """The frame of one run. Only this run's own thread writes to the record."""

    def __init__(self, tools: ActionTools, seconds: float) -> None:
        self.tools = tools
        self.started_at = tools.time.now()
        self.stopping = False
        self.told_to_wait: float | None = None  # the longest wait that a 429 of this round asked for
        self.last_told: float | None = None  # what the newest answer asked for, if it was a 429
        self._ends = tools.time.monotonic() + seconds

    @property
    def left(self) -> float:
        return max(0.0, self._ends - self.tools.time.monotonic())

    @property
    def over(self) -> bool:
        return self.stopping or self.left <= 0

    @property
    def call_limit(self) -> float:
        return min(self.tools.limits.call, self.left)

    def now(self) -> datetime:
        return self.tools.time.now()

    def send(self, what: str, call: Callable[[float], T]) -> Sent[T]:
        return Sent(what, call, self)

    def ask(self, what: str, call: Callable[[float], T]) -> Answer[T]:
        """Call and wait; never raises a `BrokerError`."""
        began = self.tools.time.monotonic()
        try:
            value = call(self.call_limit)
        except BrokerError as error:
            return self.heard(Answer(None, error, self.tools.time.monotonic() - began))
        except Exception as defect:
            return Answer(None, not_understood(what, defect), self.tools.time.monotonic() - began)
        return self.heard(Answer(value, None, self.tools.time.monotonic() - began))

    def heard(self, answer: Answer[T]) -> Answer[T]:
        """Remember how long the broker asked to be left alone."""
        if answer.error is None:
            self.last_told = None
        elif isinstance(answer.error, BrokerUnavailable) and answer.error.retry_after is not None:
            self.told_to_wait = max(self.told_to_wait or 0.0, answer.error.retry_after)
            self.last_told = answer.error.retry_after
        return answer

    def pause(self, seconds: float) -> bool:
        """Wait, never past the end of the run; false when the run is over or the process is to stop."""
        if self.tools.time.wait(min(seconds, self.left)):
            self.stopping = True
        return not self.over

    def step(
        self, name: str, status: StepStatus, summary: str, evidence: Mapping[str, Any] | None = None
    ) -> None:
        self.tools.record.step(name, status, " ".join(summary.split()), evidence)
