"""Evidence common to halt and cancel: stops that went, changed positions, when to look again."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.domain.halting import next_look, position_changes, protective_stops
from bot.domain.words import StepStatus
from bot.services.actions.clearing import Clearing
from bot.services.actions.run import Run
from bot.services.actions.snapshot import (
    Snapshot,
    quantities,
    quantities_evidence,
    quantities_from_evidence,
)

# Said when it broke off and the record does not hold what was open before.
START_LOST = "which orders were open before it was interrupted is not known"
LOOK_FOR_STOPS = (
    "Whether protective stops went before it was interrupted is not known: see that positions are covered."
)


def lost_stops(clearing: Clearing, snapshot: Snapshot, previous: Mapping[str, Any]) -> list[str]:
    """The protective stops among the orders open at the start, in words: the cancel takes them away too."""
    if isinstance(previous.get("lost_stops"), list):
        return [str(line) for line in previous["lost_stops"]]
    began = [clearing.known[order_id] for order_id in sorted(clearing.at_start) if order_id in clearing.known]
    return sorted(order.text for order in protective_stops(began, snapshot.positions))


def positions_evidence(run: Run, snapshot: Snapshot, previous: Mapping[str, Any]) -> dict[str, Any]:
    """Positions before, after and changed (fills that raced the cancel); null: not learned."""
    before = quantities_from_evidence(previous.get("positions_before"))
    if before is None and snapshot.positions_before is not None:
        before = quantities(snapshot.positions_before)
    answer = run.ask("positions", lambda within: run.tools.broker.list_positions(within=within))
    after = quantities(answer.value) if answer.value is not None else None
    if after is None:
        run.step("positions", answer.status, f"positions could not be read: {answer.word}")
        after = quantities_from_evidence(previous.get("positions_after"))
    changed: list[str] | None = None
    if before is not None and after is not None:
        changed = list(position_changes(before, after))
    if answer.value is not None:
        difference = (
            "the ones before were not learned"
            if changed is None
            else f"changed: {', '.join(changed)}"
            if changed
            else "none changed"
        )
        run.step("positions", StepStatus.OK, f"{len(answer.value)} positions, {difference}")
    return {
        "positions_before": None if before is None else quantities_evidence(before),
        "positions_after": None if after is None else quantities_evidence(after),
        "positions_changed": changed,
    }


def looks_so_far(previous: Mapping[str, Any]) -> int:
    looks = previous.get("looks")
    return looks if isinstance(looks, int) else 0


def look_after(run: Run, previous: Mapping[str, Any]) -> timedelta:
    limits = run.tools.limits
    return next_look(looks_so_far(previous), limits.first_look, limits.longest_look, run.last_told)


def stamp(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
