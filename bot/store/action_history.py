"""What earlier actions say about an account: halts that came, the newest of a kind, what was saved before a halt."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import exists, or_, select, text

from bot.domain.words import ActionKind, ActionStatus
from bot.store import action_steps, actions
from bot.store.actions import ActionRecordRow
from bot.store.database import UnitOfWork
from bot.store.tables import actions as table

SAVE = "save"  # the step in whose evidence a resume keeps the configuration that it is about to change


def halts_after(unit: UnitOfWork, number: int, account: str) -> list[ActionRecordRow]:
    """Halts of the account confirmed after action `number`, and those that have not ended, oldest first."""
    query = (
        select(table.c.id)
        .where(
            table.c.kind == ActionKind.HALT,
            table.c.account == account,
            or_(table.c.id > number, table.c.finished_at.is_(None)),
        )
        .order_by(table.c.id)
    )
    found = [actions.get(unit, one) for one in unit.connection.execute(query).scalars().all()]
    return [one for one in found if one is not None]


_LATER = table.alias("later")
_PROVED = exists().where(
    _LATER.c.account == table.c.account,
    _LATER.c.kind == ActionKind.HALT,
    _LATER.c.id > table.c.id,
    _LATER.c.status == ActionStatus.DONE,
    _LATER.c.drill.is_(False),
)
# Made once: every trader asks it, again and again.
_UNKNOWN_HALTS = (
    select(table.c.id)
    # Written out, and not sorted here: SQLite takes the index of these few only then.
    .where(text("actions.status = 'unknown'"))
    .where(table.c.kind == ActionKind.HALT, table.c.drill.is_(False), ~_PROVED)
)


def unknown_halts(unit: UnitOfWork) -> list[ActionRecordRow]:
    """Halts (no drills) that ended without anybody knowing how, and that no later one has proved, oldest first."""
    found = [actions.get(unit, number) for number in sorted(row.id for row in unit.all(_UNKNOWN_HALTS))]
    return [one for one in found if one is not None]


def newest(
    unit: UnitOfWork, kind: ActionKind, account: str, *, incident_id: int | None = None
) -> ActionRecordRow | None:
    """The newest action of that kind on the account that has ended; of one incident, if it is given."""
    query = (
        select(table.c.id)
        .where(table.c.kind == kind, table.c.account == account, table.c.finished_at.is_not(None))
        .order_by(table.c.id.desc())
        .limit(1)
    )
    if incident_id is not None:
        query = query.where(table.c.incident_id == incident_id)
    number = unit.connection.execute(query).scalar_one_or_none()
    return actions.get(unit, number) if number is not None else None


def configuration_saved(unit: UnitOfWork, incident_id: int | None, account: str) -> Mapping[str, Any] | None:
    """The configuration from before the first change in this incident: a drill's, which accounts do not keep."""
    if incident_id is None:
        return None
    for action in actions.of_incident(unit, incident_id):
        if action.account != account:
            continue
        places = [action.evidence.get(key) for key in ("configuration_before", "configuration_suspended")]
        if action.kind is ActionKind.RESUME:
            steps = action_steps.steps(unit, action.id)
            places = [step.evidence.get("configuration") for step in steps if step.name == SAVE]
        for saved in places:
            if isinstance(saved, Mapping):
                return saved
    return None
