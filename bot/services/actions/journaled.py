"""Brings the journal into the database: once, in order, without touching what was written after it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from bot.adapters.journal import Journal
from bot.domain.actions import ActionResult, BrokerReading, UnconfirmedOrder
from bot.domain.words import ActionKind, ActionStatus, StepStatus
from bot.services import auditing
from bot.services.actions.requests import conclude_in, confirm_in, join, progressed
from bot.services.desk import Desk
from bot.store import action_steps, actions, incidents, seen, timeline
from bot.store.actions import ActionRecordRow
from bot.store.database import DatabaseError, UnitOfWork, refused

log = logging.getLogger(__name__)

Entry = Mapping[str, Any]
Reject = Callable[[Entry, str], object]


def action_entry(
    kind: ActionKind,
    account: str,
    *,
    reason: str,
    by: str,
    request_key: str,
    at: datetime,
    incident_id: int | None,
    params: Mapping[str, Any],
    drill: bool = False,
) -> dict[str, Any]:
    """A confirmed action that the database could not take."""
    return {
        "kind": "action",
        "action": kind.value,
        "account": account,
        "reason": reason,
        "by": by,
        "request_key": request_key,
        "at": at.isoformat(),
        "incident_id": incident_id,
        "params": dict(params),
        "drill": drill,
    }


def join_entry(request_key: str, *, key: str, by: str, at: datetime) -> dict[str, Any]:
    """Somebody asked, as `key`, for what the action of `request_key` was doing already."""
    return {"kind": "join", "request_key": request_key, "asked": key, "by": by, "at": at.isoformat()}


def result_entry(request_key: str, result: ActionResult, at: datetime, *, attempt: int) -> dict[str, Any]:
    """Where an action stood when the database could not take it; `attempt` is the run of it that came to this."""
    reading = asdict(result.reading) | {"at": result.reading.at.isoformat()} if result.reading else None
    again = result.look_again_after
    return {
        "kind": "result",
        "request_key": request_key,
        "at": at.isoformat(),
        "attempt": attempt,
        "status": result.status.value,
        "headline": result.headline,
        "next_step": result.next_step,
        "evidence": dict(result.evidence),
        "unconfirmed": [asdict(order) for order in result.unconfirmed],
        "reading": reading,
        "look_again_after": again.total_seconds() if again is not None else None,
    }


def unrecorded_halts(journal: Journal) -> dict[str, str]:
    """By account, the reason of a halt that the database does not hold yet. Raises OSError.

    It may have ended: then the account is halted, which only the journal says so far.
    """
    return {
        str(entry.get("account")): str(entry.get("reason") or "")
        for entry in journal.entries()
        if entry.get("kind") == "action" and entry.get("action") == ActionKind.HALT and not entry.get("drill")
    }


class NotOnRecord(Exception):
    """What a step or a result belongs to is not in the database, and not in the journal."""


def on_record(unit: UnitOfWork, request_key: str) -> bool:
    """Whether the database has the action of this confirmation: a row of its own, or one that it became one with."""
    entry = {"request_key": request_key}
    return _found(unit, entry) is not None or seen.known(unit, _joined_another(entry))


def bring_in(desk: Desk, entries: Sequence[Entry], reject: Reject) -> int:
    """Import `entries`, those of each action in one transaction, passing over what was imported before.

    What cannot be imported is given to `reject` with the reason, and stands in no other entry's way. Raises
    DatabaseError when the database is away: then what came before is imported. Returns how many were new.
    """
    stories: dict[str, list[Entry]] = {}
    for entry in entries:
        stories.setdefault(str(entry.get("request_key")), []).append(entry)
    return sum(_bring_in(desk, story, reject) for story in stories.values())


def _bring_in(desk: Desk, entries: Sequence[Entry], reject: Reject) -> int:
    new = 0
    try:
        with desk.database.begin() as unit:
            for entry in entries:
                if seen.first_time(unit, f"journal:{entry['id']}", desk.now()):
                    new += 1
                    _IMPORTS[entry["kind"]](unit, desk, entry)
    except Exception as failure:  # whatever it is, it must not keep out what was done after it
        if isinstance(failure, DatabaseError) and not refused(failure):
            raise
        if len(entries) > 1:
            return sum(_bring_in(desk, [entry], reject) for entry in entries)
        _give_up(desk, entries[0], failure, reject)
        return 0
    return new


def _give_up(desk: Desk, entry: Entry, failure: Exception, reject: Reject) -> None:
    why = f"{type(failure).__name__}: {failure}"[:500]
    log.error("an entry of the journal cannot be brought in (%s): %s", why, dict(entry), exc_info=failure)
    reject(entry, why)
    try:
        with desk.database.begin() as unit:
            # Not given up a second time, should the database go away before the file is emptied.
            first = seen.first_time(unit, f"journal:{entry['id']}", desk.now())
            if first and entry.get("kind") != "step":
                text = f"An entry of the journal ({_words(entry)}) cannot be brought in: {why}"
                auditing.record(unit, "JournalRejected", text, at=desk.now())
    except DatabaseError as unwritten:
        if not refused(unwritten):
            raise
        log.error("and the audit does not take it (%s)", unwritten)


def _words(entry: Entry) -> str:
    names = ("kind", "action", "account", "by", "status", "headline", "at", "request_key")
    return ", ".join(f"{name} {entry[name]}" for name in names if entry.get(name))[:500]


def _action(unit: UnitOfWork, desk: Desk, entry: Entry) -> None:
    kind, account = ActionKind(entry["action"]), str(entry["account"])
    key = str(entry["request_key"])
    incident = incidents.get(unit, entry["incident_id"]) if entry["incident_id"] is not None else None
    if entry.get("drill") and (incident is None or not incident.drill):
        raise NotOnRecord(
            "it was done in a drill that is not on record, and belongs to no incident beside it"
        )
    confirmed = confirm_in(
        unit,
        desk,
        kind,
        [account],
        reason=entry["reason"],
        by=entry["by"],
        request_key=key.removesuffix(f":{account}"),
        incident_id=incident.id if incident is not None else None,
        params=entry["params"],
        begun_at=datetime.fromisoformat(entry["at"]),
    )
    if any(one.joined for one in confirmed) and _found(unit, entry) is None:
        seen.first_time(unit, _joined_another(entry), desk.now())
    for one in confirmed:
        text = f"{kind} of {account} was confirmed while the database was away; brought in from the journal"
        timeline.write(
            unit,
            one.incident.id,
            "JournalImported",
            text,
            at=datetime.fromisoformat(entry["at"]),
            actor=entry["by"],
        )
        auditing.record(
            unit,
            "JournalImported",
            text,
            at=desk.now(),
            incident_id=one.incident.id,
            actor=entry["by"],
            account=account,
            details={"action": one.action_id, "confirmed_at": entry["at"], "reason": entry["reason"]},
        )


def _found(unit: UnitOfWork, entry: Entry) -> ActionRecordRow | None:
    return actions.by_request_key(unit, entry["request_key"])


def _joined_another(entry: Entry) -> str:
    return f"joined:{entry['request_key']}"


def _told_of(unit: UnitOfWork, entry: Entry) -> ActionRecordRow | None:
    """The action that the entry tells of; None when that became one with another, which has a record of its own."""
    action = _found(unit, entry)
    if action is None and not seen.known(unit, _joined_another(entry)):
        raise NotOnRecord(f"there is no action {entry['request_key']!r} on record")
    return action


def _joined(unit: UnitOfWork, desk: Desk, entry: Entry) -> None:
    action = _told_of(unit, entry)
    if action is not None:
        join(unit, action, entry["by"], entry["asked"], datetime.fromisoformat(entry["at"]))


def _step(unit: UnitOfWork, desk: Desk, entry: Entry) -> None:
    action = _told_of(unit, entry)
    if action is None:
        return
    at = datetime.fromisoformat(entry["at"])
    for step in action_steps.steps(unit, action.id):
        if step.name == entry["name"] and (step.finished_at or step.started_at) >= at:
            return  # written to the database after this
    action_steps.write_step(
        unit,
        action.id,
        entry["name"],
        StepStatus(entry["status"]),
        entry["summary"],
        entry["evidence"],
        at=at,
    )
    progressed(unit, action.id, desk.now())


def _result(unit: UnitOfWork, desk: Desk, entry: Entry) -> None:
    action = _told_of(unit, entry)
    if action is None or action.finished_at is not None:
        return
    reading = entry["reading"]
    again = entry["look_again_after"]
    conclude_in(
        unit,
        desk,
        # An older Haltdesk named none: then it is taken for the last one.
        replace(action, attempts=int(entry.get("attempt", action.attempts))),
        ActionResult(
            status=ActionStatus(entry["status"]),
            headline=entry["headline"],
            next_step=entry["next_step"],
            evidence=entry["evidence"],
            unconfirmed=tuple(UnconfirmedOrder(**order) for order in entry["unconfirmed"]),
            reading=BrokerReading(**{**reading, "at": datetime.fromisoformat(reading["at"])})
            if reading
            else None,
            look_again_after=timedelta(seconds=again) if again is not None else None,
        ),
    )


_IMPORTS = {"action": _action, "join": _joined, "step": _step, "result": _result}
