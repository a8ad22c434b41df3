"""Keeps with the account what the broker said of it: by an action, a modal, or the drift watch."""

from collections.abc import Mapping
from typing import Any

from bot.domain.actions import ActionResult, BrokerReading
from bot.domain.words import ActionKind, TradingState
from bot.store import accounts, action_history, actions
from bot.store.accounts import AccountRecord
from bot.store.actions import ActionRecordRow
from bot.store.database import UnitOfWork


def keep(unit: UnitOfWork, name: str, reading: BrokerReading, *, overtaken: bool = False) -> None:
    """What the broker said goes to the account; what it did not say keeps its last value.

    Verified is what was read whole: the suspension and the open orders. Half of that can undo the proof of a halted
    account, and never make it: two halves of different times are no proof, and have no time.

    `overtaken`: a halt has cancelled since what is known was read, and has proved nothing. The proof from before counts
    no longer, so what that halt did not learn is not known.
    """
    known = accounts.get(unit, name)
    halves = {"suspended": reading.suspended, "open_orders": reading.open_orders}
    seen: dict[str, Any] = {what: value for what, value in halves.items() if value is not None}
    if len(seen) == len(halves):
        seen["verified_at"] = reading.at
    elif known is not None and known.state is TradingState.HALTED:
        if overtaken:
            seen = dict(halves)
        elif not _shows_halted(known) and _shows_halted(known, seen):
            seen = {}
    if reading.account_number is not None:
        seen["account_number"] = reading.account_number
    if seen:
        accounts.read_at_broker(unit, name, **seen)


def _shows_halted(known: AccountRecord, seen: Mapping[str, Any] | None = None) -> bool:
    shown = {"suspended": known.suspended, "open_orders": known.open_orders, **(seen or {})}
    return shown["suspended"] is True and shown["open_orders"] == 0


def learn(unit: UnitOfWork, action: ActionRecordRow, result: ActionResult) -> None:
    """What an action read, and the configuration that a resume restores. A drill leaves the desk's record alone."""
    if action.drill:
        return
    halt = action.kind is ActionKind.HALT and not action.params.get("suspend_only")
    unproved = halt and not result.proved
    reading = result.reading
    if reading is None and unproved:  # it broke off
        reading = BrokerReading(action.requested_at)
    if reading is None:
        return
    keep(unit, action.account, reading, overtaken=unproved)
    before = _configuration_before(unit, action, result.evidence)
    if before is not None:
        accounts.read_at_broker(unit, action.account, configuration_before=before)


def _configuration_before(
    unit: UnitOfWork, action: ActionRecordRow, evidence: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """What is to be saved as the configuration from before the halt; None when what is saved stays."""
    known = accounts.get(unit, action.account)
    if known is None:
        return None
    unsuspended = evidence.get("configuration_before")
    if known.configuration_before is None:
        # Read after the suspension, it is still the best there is of what stood before; the flag is not restored.
        return unsuspended or evidence.get("configuration_suspended")
    # Saved by a halt that nobody resumed from (suspend only, or never proved): the desk may have changed it since.
    return unsuspended if unsuspended and _as_the_desk_left_it(unit, known) else None


def _as_the_desk_left_it(unit: UnitOfWork, known: AccountRecord) -> bool:
    """Whether nothing of Haltdesk's own stands in the account's configuration: what a resume tightens is no wish."""
    if known.state is not TradingState.NORMAL:
        return False
    resumed = action_history.newest(unit, ActionKind.RESUME, known.name)
    if resumed is not None and resumed.requested_at >= known.since:
        return False
    return not any(one.kind is ActionKind.RESUME for one in actions.unended(unit, account=known.name))
