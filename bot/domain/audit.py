"""The audit's chain of hashes: what an entry's hash covers, and what a broken chain says about it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

BEGINNING = "0" * 64  # the hash "before" the first entry


@dataclass(frozen=True)
class AuditEntry:
    """One entry. `seq` counts from 1 without a gap; `hash` covers everything else, the hash before it included."""

    seq: int
    at: datetime
    kind: str
    actor: str | None
    incident_id: int | None
    account: str | None
    text: str
    details: str  # canonical JSON
    previous_hash: str
    hash: str = ""


def plain_json(value: Any) -> Any:
    """`value` in JSON's own types: times as ISO in UTC, decimals and all else unknown as text. Never raises."""
    if isinstance(value, Enum):
        return plain_json(value.value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else str(value)
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_json(one) for one in value]
    return str(value)


def canonical(value: Any) -> str:
    """JSON that is the same for the same value: sorted keys, no spaces, ASCII."""
    return json.dumps(
        plain_json(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )


def hash_of(entry: AuditEntry) -> str:
    """SHA-256 over the canonical JSON of the entry and of the hash before it, in hexadecimal."""
    covered = {
        "seq": entry.seq,
        "at": entry.at,
        "kind": entry.kind,
        "actor": entry.actor,
        "incident": entry.incident_id,
        "account": entry.account,
        "text": entry.text,
        "details": entry.details,
        "previous_hash": entry.previous_hash,
    }
    return hashlib.sha256(canonical(covered).encode()).hexdigest()


@dataclass(frozen=True)
class Verdict:
    """`fault` names the first entry that is not as it was written; None when the chain is intact."""

    entries: int
    last_hash: str
    fault: str | None = None
    at_seq: int | None = field(default=None)

    @property
    def intact(self) -> bool:
        return self.fault is None


def verify(
    entries: Iterable[AuditEntry],
    *,
    expect_last: str | None = None,
    after: tuple[int, str] = (0, BEGINNING),
) -> Verdict:
    """Walk the chain in order of `seq`. `expect_last` is a hash noted earlier, which must still be in the chain.

    Without it a chain cut off at its end looks intact: nothing in what is left can tell. `after`: number and hash of
    an entry that was verified before, behind which `entries` begin.
    """
    (count, last), met = after, expect_last in (None, BEGINNING)
    for entry in entries:
        fault = _fault(entry, count + 1, last)
        if fault is not None:
            return Verdict(count, last, fault, count + 1)
        count, last = entry.seq, entry.hash
        met = met or last == expect_last
    if not met:
        fault = (
            f"the hash {expect_last} is not in the chain: after entry {count} entries are missing, "
            "or the chain was written anew"
        )
        return Verdict(count, last, fault, count + 1)
    return Verdict(count, last)


def _fault(entry: AuditEntry, wanted: int, last: str) -> str | None:
    name = f"entry {entry.seq} ({entry.kind}, {plain_json(entry.at)})"
    if entry.seq > wanted:
        gap = f"entry {wanted} is" if entry.seq == wanted + 1 else f"entries {wanted} to {entry.seq - 1} are"
        return f"{gap} missing before {name}"
    if entry.seq < wanted:
        return f"{name} stands where entry {wanted} should: reordered"
    follows, whole = entry.previous_hash == last, entry.hash == hash_of(entry)
    if follows and whole:
        return None
    if follows:
        return f"{name} was changed: its content does not give its hash"
    before = f"entry {wanted - 1}" if wanted > 1 else "the beginning"
    if whole:
        return f"{name} does not follow {before}: one of the two was replaced"
    return f"{name} is not the entry that followed {before}: reordered, or one is missing between them"
