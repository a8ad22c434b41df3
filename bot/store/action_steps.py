"""The steps of an action, and the reconciliation runs: what was done, as it was done."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Insert, bindparam, insert, select
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

from bot.domain.actions import Step
from bot.domain.words import StepStatus
from bot.store.database import UnitOfWork, on_either
from bot.store.tables import action_steps, reconciliation_runs


def _writing_step(statement: SqliteInsert | PostgresInsert) -> Insert:
    changed = {name: statement.excluded[name] for name in ("status", "summary", "finished_at", "evidence")}
    return statement.on_conflict_do_update(index_elements=["action_id", "name"], set_=changed)


_WRITE_STEP = on_either(_writing_step, action_steps)
_STEPS = (
    select(action_steps).where(action_steps.c.action_id == bindparam("action")).order_by(action_steps.c.id)
)


def write_step(
    unit: UnitOfWork,
    action_id: int,
    name: str,
    status: StepStatus,
    summary: str,
    evidence: Mapping[str, Any],
    *,
    at: datetime,
) -> None:
    """Write a step, or bring the step of that name up to date. Its start is kept."""
    finished = None if status is StepStatus.STARTED else at
    given = {
        "action_id": action_id,
        "name": name,
        "started_at": at,
        "status": status,
        "summary": summary,
        "finished_at": finished,
        "evidence": dict(evidence),
    }
    unit.run(_WRITE_STEP[unit.dialect], given)


def steps(unit: UnitOfWork, action_id: int) -> tuple[Step, ...]:
    return tuple(
        Step(
            found.name,
            StepStatus(found.status),
            found.summary,
            found.started_at,
            found.finished_at,
            found.evidence,
        )
        for found in unit.all(_STEPS, {"action": action_id})
    )


def save_run(
    unit: UnitOfWork, action_id: int | None, account: str, run: Mapping[str, Any], *, at: datetime
) -> None:
    """Keep a complete reconciliation run."""
    unit.connection.execute(
        insert(reconciliation_runs).values(
            action_id=action_id,
            account=account,
            finished_at=at,
            clean=bool(run.get("clean")),
            impact=run.get("impact"),
            run=dict(run),
        )
    )
