"""Records what must be answered for later, in the transaction that does it; reads the record back, and checks it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from bot.domain import audit as chain
from bot.domain.actions import ActionResult
from bot.domain.audit import AuditEntry, Verdict, canonical, plain_json
from bot.domain.incident import incident_key
from bot.store import accounts, audit, incidents, seen
from bot.store.accounts import AccountRecord
from bot.store.actions import ActionRecordRow
from bot.store.database import Database, UnitOfWork

HALTDESK = "haltdesk"  # the actor when nobody pressed anything
MOST_REFUSALS = 100  # entries of a kind a minute


def record(
    unit: UnitOfWork,
    kind: str,
    text: str,
    *,
    at: datetime,
    incident_id: int | None = None,
    actor: str | None = None,
    account: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Append an entry to the audit, in the transaction of `unit`: both are committed, or neither.

    `kind` is a past-tense event (`ActionProved`, `ResumeApproved`). `actor` is a Slack user id or a name at the command
    line; None is Haltdesk itself. `before` and `after` are what the broker said, as far as it was learned (see
    `account_as_known`). Values may hold Decimals, times and enumerations; they are kept as text.
    """
    told: dict[str, Any] = dict(details or {})
    if before is not None:
        told["before"] = before
    if after is not None:
        told["after"] = after
    # PostgreSQL refuses NUL in text; half a surrogate has no bytes. Neither may stop the transaction that is told of.
    safe = text.replace("\x00", "").encode("utf-8", "replace").decode()
    entry = AuditEntry(
        seq=0,
        at=at,
        kind=kind,
        actor=actor or HALTDESK,
        incident_id=incident_id,
        account=account,
        text=safe,
        details=canonical(told),
        previous_hash="",
    )
    audit.append(unit, entry)


def account_as_known(unit: UnitOfWork, name: str) -> dict[str, Any] | None:
    """The account's recorded state and what the broker said of it last, for `before` and `after`."""
    return _shown(accounts.get(unit, name))


def _shown(known: AccountRecord | None) -> dict[str, Any] | None:
    if known is None:
        return None
    return {
        "state": known.state,
        "suspended": known.suspended,
        "open_orders": known.open_orders,
        "verified_at": known.verified_at,
    }


def confirmed(unit: UnitOfWork, action_id: int, action: Mapping[str, Any], text: str) -> None:
    """A person (or Haltdesk by itself) confirmed the action that was just recorded with these values."""
    named = {name: action[name] for name in ("kind", "reason", "params", "drill")}
    record(
        unit,
        "ActionConfirmed",
        text,
        at=action["requested_at"],
        incident_id=action["incident_id"],
        actor=action["requested_by"],
        account=action["account"],
        before=account_as_known(unit, action["account"]),
        details={"action": action_id} | named,
    )


def joined(unit: UnitOfWork, action: ActionRecordRow, text: str, *, by: str, at: datetime) -> None:
    record(
        unit,
        "ActionJoined",
        text,
        at=at,
        incident_id=action.incident_id,
        actor=by,
        account=action.account,
        details=_named(action),
    )


def refused(
    database: Database,
    what: str,
    why: str,
    *,
    by: str,
    at: datetime,
    kind: str = "ActionRefused",
    incident_id: int | None = None,
) -> bool:
    """Somebody asked for what they may not do. In a transaction of its own: nothing else happened.

    One entry a minute for the same person and thing, and MOST_REFUSALS a minute of a kind, so that nobody can flood the
    audit, nor hold up a halt's transaction by pressing. False when there is enough of this on record already.
    """
    # By kind, so that what strangers send leaves room for what one's own people press.
    minute = f"refused:{kind}:{int(at.timestamp() // 60)}:"
    key = f"{minute}{hashlib.sha256(f'{by}:{what}:{incident_id}'.encode()).hexdigest()[:32]}"
    with database.read() as unit:
        if seen.known(unit, key) or seen.count(unit, minute) >= MOST_REFUSALS:
            return False
    with database.begin() as unit:
        if not seen.first_time(unit, key, at):
            return False
        known = incident_id is not None and incidents.get(unit, incident_id) is not None
        record(
            unit,
            kind,
            f"{what} refused: {why}",
            at=at,
            incident_id=incident_id if known else None,
            actor=by,
        )
    return True


def _named(action: ActionRecordRow) -> dict[str, Any]:
    return {"action": action.id, "kind": action.kind}


def concluded(
    unit: UnitOfWork, action: ActionRecordRow, result: ActionResult, kind: str, *, at: datetime
) -> None:
    """How an action ended or where it stands. Call it before the account is brought up to what the broker said."""
    reading = result.reading
    record(
        unit,
        kind,
        result.headline,
        at=at,
        incident_id=action.incident_id,
        account=action.account,
        before=account_as_known(unit, action.account),
        after=asdict(reading) if reading is not None else None,
        details={
            **_named(action),
            "requested_by": action.requested_by,
            "status": result.status,
            "proved": result.proved,
            "unconfirmed": [asdict(order) for order in result.unconfirmed],
            "drill": action.drill,
        },
    )


def state_changed(
    unit: UnitOfWork, action: ActionRecordRow, was: AccountRecord | None, text: str, *, at: datetime
) -> None:
    """The account has another trading state. `was` is its record from before; call it after the change."""
    record(
        unit,
        "TradingStateChanged",
        text,
        at=at,
        incident_id=action.incident_id,
        actor=action.requested_by,
        account=action.account,
        before=_shown(was),
        after=account_as_known(unit, action.account),
        details=_named(action) | {"reason": action.reason},
    )


def verify(database: Database, *, expect_last: str | None = None) -> Verdict:
    """Check the whole chain. `expect_last`: a hash noted earlier, which must still be in it."""
    with database.read() as unit:
        return chain.verify(audit.entries(unit), expect_last=expect_last)


def export(unit: UnitOfWork) -> Iterator[dict[str, Any]]:
    """Every entry as JSON-ready values, oldest first; times are ISO 8601 in UTC."""
    for entry in audit.entries(unit):
        yield {
            "seq": entry.seq,
            "at": plain_json(entry.at),
            "incident": incident_key(entry.incident_id) if entry.incident_id is not None else None,
            "actor": entry.actor,
            "account": entry.account,
            "kind": entry.kind,
            "text": entry.text,
            "details": json.loads(entry.details),
            "previous_hash": entry.previous_hash,
            "hash": entry.hash,
        }
