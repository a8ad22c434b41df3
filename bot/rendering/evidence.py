"""Reads an action's evidence for the templates. What is absent or odd was not learned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

MOST_ROWS = 30  # breaks in the table of a message: what fits beside the rest; all of them go into a file
_NONE = "\u2013"  # stands where a figure was not given


@dataclass(frozen=True)
class Break:
    """One difference between the ledger and the broker, all as text."""

    kind: str
    symbol: str
    ledger_qty: str
    broker_qty: str
    impact: object
    text: str


@dataclass(frozen=True)
class Run:
    """A reconciliation: both counts, the breaks, and what the desk's thresholds made of them."""

    ledger_positions: object
    broker_positions: object
    breaks: tuple[Break, ...]
    impact: object
    clean: bool  # the run said so: nothing above tolerance, though small breaks may be listed
    error: str | None  # why nothing was compared
    severity: str | None
    halt: bool
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()  # what could not be looked up, and what that means

    @property
    def rows(self) -> int:
        """How many breaks the table shows."""
        return min(len(self.breaks), MOST_ROWS)

    @property
    def crowded(self) -> bool:
        """Too many for a sentence each: the table then gives the kind and the figures."""
        return len(self.breaks) > 10


@dataclass(frozen=True)
class Component:
    """One line of a health check. `status` is ok, warn, fail, off or unknown."""

    name: str
    status: str
    figure: str | None
    threshold: str | None
    advice: str | None
    seconds: object


@dataclass(frozen=True)
class Evidence:
    """All that a template may ask an action's evidence for. None and empty mean: not there."""

    asked: int | None
    accepted: int | None
    gone: int | None
    suspend_only: bool
    suspended: bool | None
    suspended_at: datetime | None
    first_empty_at: datetime | None
    second_empty_at: datetime | None
    apart: timedelta | None
    lost_stops: tuple[str, ...]
    positions_changed: tuple[str, ...]
    run: Run | None
    components: tuple[Component, ...]


def read(evidence: Mapping[str, object]) -> Evidence:
    """The evidence with every key in its shape. Never raises for what is in it: the message must come out."""
    suspension, proof = _mapping(evidence.get("suspension")), _mapping(evidence.get("proof"))
    first, second = _time(proof.get("first_empty_at")), _time(proof.get("second_empty_at"))
    suspended = suspension.get("read")
    return Evidence(
        asked=_count(evidence.get("asked")),
        accepted=_count(evidence.get("accepted")),
        gone=_count(evidence.get("gone")),
        suspend_only=evidence.get("suspend_only") is True,
        suspended=suspended if isinstance(suspended, bool) else None,
        suspended_at=_time(suspension.get("at")),
        first_empty_at=first,
        second_empty_at=second,
        apart=second - first if first and second else None,
        lost_stops=_texts(evidence.get("lost_stops")),
        positions_changed=_texts(evidence.get("positions_changed")),
        run=_run(evidence.get("run")),
        components=tuple(_component(item) for item in _mappings(evidence.get("components"))),
    )


def _run(value: object) -> Run | None:
    if not isinstance(value, Mapping):
        return None
    breaks = tuple(
        Break(
            kind=_text(item.get("kind")) or "break",
            symbol=_text(item.get("symbol")) or _NONE,
            ledger_qty=_text(item.get("ledger_qty")) or _NONE,
            broker_qty=_text(item.get("broker_qty")) or _NONE,
            impact=item.get("impact"),
            text=_text(item.get("text")) or "",
        )
        for item in _mappings(value.get("breaks"))
    )
    breaks = tuple(sorted(breaks, key=_worst_first))
    return Run(
        ledger_positions=_count(value.get("ledger_positions")),
        broker_positions=_count(value.get("broker_positions")),
        breaks=breaks,
        impact=value.get("impact"),
        clean=value.get("clean") is True and not value.get("error"),
        error=_text(value.get("error")),
        severity=_text(value.get("severity")),
        halt=value.get("halt") is True,
        reasons=_texts(value.get("reasons")),
        notes=_texts(value.get("notes")),
    )


def _worst_first(item: Break) -> tuple[bool, Decimal]:
    """What nobody can put a price on comes first, then by money. Equal ones stay in their order."""
    try:
        impact = Decimal(str(item.impact))
    except InvalidOperation:
        return (False, Decimal(0))
    return (True, -impact) if impact.is_finite() else (False, Decimal(0))


def _component(item: Mapping[str, object]) -> Component:
    status = _text(item.get("status"))
    return Component(
        name=_text(item.get("name")) or "unnamed component",
        status=status if status in ("ok", "warn", "fail", "off") else "unknown",
        figure=_text(item.get("figure")),
        threshold=_text(item.get("threshold")),
        advice=_text(item.get("advice")),
        seconds=item.get("seconds"),
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> list[Mapping[str, object]]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [item for item in value if isinstance(item, Mapping)]


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(item) for item in value) if isinstance(value, Sequence) else ()


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _count(value: object) -> int | None:
    """A count, given as a number, as digits, or as the list of what was counted."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return int(value) if value.isdecimal() and len(value) < 10 else None
    return len(value) if isinstance(value, Sequence) else None


def _time(value: object) -> datetime | None:
    """An aware time from ISO text; a time without a zone is not believed."""
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        _ = at.timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return at if at.tzinfo is not None else None
