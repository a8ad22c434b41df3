"""Drills: they never act on a live account, and have a trading state of their own.

Source: `design.md`, and the firms' duty to test their kill switch (PRA SS5/18) without touching the market.
"""

from collections.abc import Sequence

from bot.domain.words import ActionKind, ActionStatus, TradingState
from bot.services.desk import Desk
from bot.store import actions
from bot.store.database import UnitOfWork


class DrillRefused(Exception):
    """A drill was to act on a live account. The message says which, and what to do; nothing was done."""


def refuse_live(desk: Desk, account_names: Sequence[str]) -> None:
    """Raise `DrillRefused` when one of the accounts is live."""
    live = [name for name in account_names if not desk.account(name).paper]
    if live:
        raise DrillRefused(
            f"DRILL: {', '.join(live)} is a live account, and a drill never acts on real money. Nothing was done. "
            "Choose a paper account, or declare a real incident."
        )


def state_in_drill(unit: UnitOfWork, incident_id: int, account: str) -> TradingState:
    """The state that this drill's own proved halts and resumes have led to; the desk's own is left alone."""
    state = TradingState.NORMAL
    for action in actions.of_incident(unit, incident_id):
        if action.account != account or action.status is not ActionStatus.DONE:
            continue
        if action.kind is ActionKind.HALT and not action.params.get("suspend_only"):
            state = TradingState.HALTED
        elif action.kind is ActionKind.RESUME:
            state = TradingState(action.params["to"])
    return state
