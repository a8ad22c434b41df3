"""What the record says while an action that lifts a suspension runs: has a halt come, what was saved before it."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from bot.adapters.bounded import StillRunning, bounded
from bot.adapters.journal import Journal
from bot.domain.actions import ActionRequest
from bot.domain.incident import incident_key
from bot.domain.words import ActionKind, TradingState
from bot.services.desk import Desk
from bot.store import accounts, action_history, action_steps
from bot.store.database import DatabaseError, UnitOfWork

T = TypeVar("T")

WITHIN = 2.0  # seconds for one look at the record; nothing is sent to the broker meanwhile


class RecordAway(Exception):
    """The record cannot be read, so nobody knows whether a halt has come. The message says why."""


class Standing(Protocol):
    """Every call is bounded in time and raises `RecordAway` when the record cannot be read."""

    def halt_came(self) -> str | None:
        """A halt that is newer than this action, or a state that forbids it, in words; None: it may go on."""

    def configuration_before(self) -> Mapping[str, Any] | None:
        """The broker's configuration from before the halt; None when none was saved."""

    def keep_configuration(self, configuration: Mapping[str, Any]) -> None:
        """Save what stands now, before anything is changed. What was saved earlier stays."""

    def has_begun(self, step: str) -> bool:
        """Whether this action has written that step, perhaps before a crash."""

    def kept_in(self, step: str) -> Mapping[str, Any] | None:
        """The evidence of that step of this action, perhaps from before a crash; None when it was not written."""


def newer_halt(unit: UnitOfWork, request_id: int, account: str) -> str | None:
    """A halt of the account that was confirmed after action `request_id`, or that has not ended, in words."""
    for halt in action_history.halts_after(unit, request_id, account):
        asked = f", {halt.reason}" if halt.reason else ""
        return f"a halt was confirmed in {incident_key(halt.incident_id)} (action {halt.id}{asked})"
    return None


class StoredStanding:
    """From the database and, for halts that the database has not taken yet, the journal file."""

    def __init__(self, desk: Desk, journal: Journal, request: ActionRequest) -> None:
        self._desk, self._journal, self._request = desk, journal, request

    def halt_came(self) -> str | None:
        return self._journaled() or self._ask(self._recorded)

    def _recorded(self) -> str | None:
        with self._desk.database.read() as unit:
            record = accounts.get(unit, self._request.account)
            if self._request.drill and record is not None and record.state is not TradingState.NORMAL:
                return f"outside the drill, the account is {record.state}"
            return newer_halt(unit, self._request.id, self._request.account)

    def _journaled(self) -> str | None:
        try:
            entries = self._journal.entries()
        except OSError as failure:
            raise RecordAway(f"the journal file cannot be read ({failure.strerror})") from failure
        for entry in entries:
            if entry.get("action") == ActionKind.HALT and entry.get("account") == self._request.account:
                return "a halt that is not in the database yet stands in the journal file"
        return None

    def configuration_before(self) -> Mapping[str, Any] | None:
        return self._ask(self._saved)

    def _saved(self) -> Mapping[str, Any] | None:
        with self._desk.database.read() as unit:
            if self._request.drill:
                return action_history.configuration_saved(
                    unit, self._request.incident_id, self._request.account
                )
            record = accounts.get(unit, self._request.account)
            return record.configuration_before if record is not None else None

    def keep_configuration(self, configuration: Mapping[str, Any]) -> None:
        if not self._request.drill:  # a drill's stands in the record of its own actions
            self._ask(lambda: self._keep(configuration))

    def _keep(self, configuration: Mapping[str, Any]) -> None:
        with self._desk.database.begin() as unit:
            accounts.lock(unit, self._request.account)
            record = accounts.get(unit, self._request.account)
            if record is not None and record.configuration_before is None:
                accounts.read_at_broker(unit, self._request.account, configuration_before=dict(configuration))

    def has_begun(self, step: str) -> bool:
        return self._ask(lambda: self._begun(step))

    def kept_in(self, step: str) -> Mapping[str, Any] | None:
        return self._ask(lambda: self._kept(step))

    def _begun(self, step: str) -> bool:
        return self._kept(step) is not None

    def _kept(self, step: str) -> Mapping[str, Any] | None:
        """What the database has of it, and over that what was written later, into the journal."""
        found: dict[str, Any] | None = None
        with self._desk.database.read() as unit:
            for one in action_steps.steps(unit, self._request.id):
                if one.name == step:
                    found = dict(one.evidence or {})
        try:
            entries = self._journal.entries()
        except OSError as failure:
            if found is not None:
                return found
            raise RecordAway(f"the journal file cannot be read ({failure.strerror})") from failure
        for entry in entries:
            if (
                entry.get("kind") == "step"
                and entry.get("name") == step
                and entry.get("request_key") == self._request.request_key
            ):
                found = {**(found or {}), **(entry.get("evidence") or {})}
        return found

    def _ask(self, look: Callable[[], T]) -> T:
        try:
            return bounded(look, WITHIN, "record")
        except (DatabaseError, StillRunning) as failure:
            raise RecordAway(f"the database does not answer ({type(failure).__name__})") from failure
