"""What one check of a component must be able to do."""

from typing import Protocol

from bot.domain.health import Component


class HealthCheck(Protocol):
    """One component that can be asked how it is.

    Several are run side by side, each in its own thread: a check shares no state with another.
    """

    @property
    def name(self) -> str:
        """The component's name as people say it, e.g. `broker PAPER`."""

    def run(self, limit_seconds: float) -> Component:
        """Ask the component, within `limit_seconds`.

        What is known to be wrong is a FAIL or WARN component; what could not be learned is UNKNOWN. Raising
        is for what the check did not foresee. `seconds` of the component is filled in by whoever runs the
        check.
        """
