"""The audit's chain of hashes: what its hash covers, and which entry a broken chain names."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from bot.domain.audit import BEGINNING, AuditEntry, canonical, hash_of, verify
from bot.domain.words import ActionKind

TEN = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def chain(length: int = 5) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    previous = BEGINNING
    for seq in range(1, length + 1):
        entry = AuditEntry(
            seq=seq,
            at=TEN + timedelta(seconds=seq),
            kind="ActionConfirmed",
            actor="U0OPERATOR",
            incident_id=42,
            account="paper",
            text=f"Halt {seq}",
            details=canonical({"action": seq}),
            previous_hash=previous,
        )
        entry = replace(entry, hash=hash_of(entry))
        entries.append(entry)
        previous = entry.hash
    return entries


def test_an_untouched_chain_is_intact() -> None:
    entries = chain()
    verdict = verify(entries)
    assert verdict.intact
    assert (verdict.entries, verdict.last_hash) == (5, entries[-1].hash)


def test_an_empty_audit_is_intact_and_says_so() -> None:
    assert verify([]).last_hash == BEGINNING


@pytest.mark.parametrize(
    "change",
    [
        {"at": TEN},
        {"kind": "ActionProved"},
        {"actor": "U0OTHER"},
        {"incident_id": None},
        {"account": "live"},
        {"text": "Nothing happened"},
        {"details": "{}"},
    ],
)
def test_each_field_of_an_entry_is_covered(change: dict[str, object]) -> None:
    entries = chain()
    entries[2] = replace(entries[2], **change)  # type: ignore[arg-type]
    verdict = verify(entries)
    assert verdict.at_seq == 3
    assert verdict.fault is not None
    assert "entry 3" in verdict.fault
    assert "was changed" in verdict.fault


def test_a_missing_entry_is_named() -> None:
    entries = chain()
    del entries[1]
    verdict = verify(entries)
    assert verdict.at_seq == 2
    assert "entry 2 is missing" in str(verdict.fault)


def test_several_missing_entries_are_named_from_the_first() -> None:
    assert "entries 1 to 3 are missing" in str(verify(chain()[3:]).fault)


def test_two_entries_that_changed_places_are_named() -> None:
    entries = chain()
    entries[1], entries[2] = replace(entries[2], seq=2), replace(entries[1], seq=3)
    verdict = verify(entries)
    assert verdict.at_seq == 2
    assert "reordered" in str(verdict.fault)


def test_a_missing_entry_cannot_be_hidden_by_numbering_the_rest_anew() -> None:
    entries = chain()
    rest = [replace(entry, seq=entry.seq - 1) for entry in entries[2:]]
    verdict = verify([entries[0], *rest])
    assert verdict.at_seq == 2
    assert "one is missing" in str(verdict.fault)


def test_a_changed_entry_with_a_hash_to_match_breaks_the_next() -> None:
    entries = chain()
    forged = replace(entries[1], text="Nothing happened")
    entries[1] = replace(forged, hash=hash_of(forged))
    verdict = verify(entries)
    assert verdict.at_seq == 3
    assert "does not follow entry 2" in str(verdict.fault)


def test_a_cut_tail_is_found_with_the_hash_noted_before() -> None:
    entries = chain()
    assert verify(entries[:3]).intact  # nothing in what is left can tell
    verdict = verify(entries[:3], expect_last=entries[4].hash)
    assert verdict.at_seq == 4
    assert "after entry 3" in str(verdict.fault)


def test_a_chain_that_went_on_still_holds_the_hash_noted_before() -> None:
    entries = chain()
    assert verify(entries, expect_last=entries[2].hash).intact


def test_the_same_moment_hashes_alike_in_every_time_zone() -> None:
    entry = chain(1)[0]
    elsewhere = replace(entry, at=entry.at.astimezone(timezone(timedelta(hours=-5))))
    assert hash_of(entry) == hash_of(elsewhere)


def test_what_json_does_not_know_is_kept_as_text_and_never_raises() -> None:
    given = {"qty": Decimal("0.10"), "at": TEN, "kind": ActionKind.HALT, "nan": float("nan"), "x": {1: (2,)}}
    assert canonical(given) == (
        '{"at":"2026-03-02T15:00:00+00:00","kind":"halt","nan":"nan","qty":"0.10","x":{"1":[2]}}'
    )
