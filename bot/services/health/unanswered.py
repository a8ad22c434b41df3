"""A component whose question was not answered: a time-out is unknown, any other failure a fact."""

from bot.domain.health import Component, ComponentStatus
from bot.domain.redacted import redacted
from bot.ports.answers import AnswerError, FailureKind


def unanswered(name: str, error: AnswerError, advice: str) -> Component:
    """The component that `error` stands for. A time-out leaves it open how the component is."""
    late = error.kind is FailureKind.TIMEOUT
    status = ComponentStatus.UNKNOWN if late else ComponentStatus.FAIL
    return Component(name, status, redacted(error.message, 160).rstrip("."), None, advice)
