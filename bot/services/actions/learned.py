"""Keeps with the account what the broker said of it during an action."""

from typing import Any

from bot.domain.actions import ActionResult
from bot.store import accounts
from bot.store.actions import ActionRecordRow
from bot.store.database import UnitOfWork


def learn(unit: UnitOfWork, action: ActionRecordRow, result: ActionResult) -> None:
    """What the broker said goes to the account; what it did not say keeps its last value."""
    if action.drill or result.reading is None:
        return
    reading = result.reading
    seen: dict[str, Any] = {"verified_at": reading.at}
    for name in ("suspended", "open_orders", "account_number"):
        value = getattr(reading, name)
        if value is not None:
            seen[name] = value
    # Read after the suspension, it is still the best there is of what stood before; the flag itself is not restored.
    before = result.evidence.get("configuration_before") or result.evidence.get("configuration_suspended")
    known = accounts.get(unit, action.account)
    if before and known is not None and known.configuration_before is None:
        seen["configuration_before"] = before
    accounts.read_at_broker(unit, action.account, **seen)
