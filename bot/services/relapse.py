"""SEV-1 fires again while trading is only partly resumed: the account is halted again. Source: design.md."""

from collections.abc import Hashable, Sequence
from typing import Any
from uuid import uuid4

from bot.domain.incident import Incident
from bot.domain.words import ActionKind, TradingState
from bot.services.actions.requests import HALTDESK, confirm_in
from bot.services.desk import Desk
from bot.services.thread import reply
from bot.store import accounts, actions
from bot.store.database import UNSEEN, UnitOfWork

PARTLY = (TradingState.RESTRICTED, TradingState.CAUTIOUS)
_STEADY = (
    "no account is partly resumed"  # known for as long as the accounts are held and nothing else was done
)


def hold_accounts(unit: UnitOfWork, desk: Desk) -> None:
    """Hold the accounts before the incident: whoever confirms a halt does it in this order too."""
    if unit.foreseen(_STEADY) is not UNSEEN:
        return  # held already
    for name in sorted(account.name for account in desk.accounts):
        accounts.lock(unit, name)


def read_ahead(unit: UnitOfWork, desk: Desk) -> dict[Hashable, Any]:
    """Hold the accounts for a batch of webhooks, and look once whether any could have to be halted again."""
    hold_accounts(unit, desk)
    partly = any(record.state in PARTLY for record in accounts.all_of_them(unit))
    resuming = any(not action.drill for action in actions.unended(unit, kind=ActionKind.RESUME))
    return {_STEADY: not (partly or resuming)}


def halt_again(unit: UnitOfWork, desk: Desk, incident: Incident, alert_names: Sequence[str]) -> list[str]:
    """Confirm a halt of every account that is restricted, cautious or just being resumed. Returns their names."""
    if incident.drill or not alert_names or unit.foreseen(_STEADY) is True:
        return []
    known = {record.name: record for record in accounts.all_of_them(unit)}
    resuming = {
        action.account: action for action in actions.unended(unit, kind=ActionKind.RESUME) if not action.drill
    }
    names = ", ".join(sorted(set(alert_names))[:5])
    halted = []
    for account in desk.accounts:
        record = known.get(account.name)
        if record is None or (record.state not in PARTLY and account.name not in resuming):
            continue
        stage = record.state.value if record.state in PARTLY else "being resumed"
        confirm_in(
            unit,
            desk,
            ActionKind.HALT,
            [account.name],
            reason=f"SEV-1 fired while trading was {stage}: {names}"[:500],
            by=HALTDESK,
            request_key=f"relapse:{uuid4().hex}",
            incident_id=incident.id,
        )
        halted.append(account.name)
    if halted:
        heading = f"SEV-1 fired while trading was resuming: {', '.join(halted)} is being halted again"
        reply(unit, incident, heading, (names,), at=desk.now(), loud=True)
    return halted
