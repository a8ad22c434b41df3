"""Reconcile one account: both sides fetched side by side and counted; a side that failed is a failed run."""

from decimal import Decimal
from typing import Any

from bot.adapters.bounded import Pending, StillRunning
from bot.domain.actions import ActionRequest, ActionResult
from bot.domain.brokerage import plain
from bot.domain.reconciliation import BadPosition, Break, BreakKind, Comparison, compare
from bot.domain.words import ActionStatus, Severity, StepStatus
from bot.ports.ledger import Ledger, LedgerError, LedgerPosition
from bot.services.actions.run import Run
from bot.services.actions.splits import explained_by_splits
from bot.services.actions.tools import ActionTools

NO_LEDGER = (
    "Set LEDGER_URL (the database with the desk's own positions) and LEDGER_QUERY (columns symbol, qty, "
    "avg_price, updated_at; with several accounts also account), then restart Haltdesk."
)


def run_reconcile(request: ActionRequest, tools: ActionTools) -> ActionResult:
    """DONE when the comparison is complete, clean or with breaks, which the headline says; else FAILED.

    Reads only, so a repetition after a crash (`request.resumed`) is simply a fresh comparison.
    """
    run = Run(tools, tools.limits.comparison)
    if tools.ledger is None:
        run.step("ledger", StepStatus.FAILED, "no ledger is configured")
        return _failed(run, "no ledger is configured", NO_LEDGER)
    run.step("positions", StepStatus.STARTED, "asking the broker and the ledger, side by side")
    ledger: Ledger = tools.ledger
    limit = min(tools.limits.ledger, run.left)
    rows = Pending(lambda: ledger.positions(within=limit), "ledger")
    held = run.send("list positions", lambda within: tools.broker.list_positions(within=within)).answer()
    problems: list[str] = []
    steps: list[str] = []
    if held.value is None:
        problems.append(f"the broker did not give its positions ({held.word})")
        run.step("positions", held.status, f"broker: {held.word}, {held.seconds:.2f} s")
        steps.append("Try again; if it stays, see `/health` for the broker.")
    else:
        run.step("positions", StepStatus.OK, f"broker: {len(held.value)} positions, {held.seconds:.2f} s")
    ours = _ledger_rows(run, rows, limit, problems)
    if ours is None:
        steps.append("Check that what LEDGER_URL names answers and that LEDGER_QUERY is right.")
    if held.value is None or ours is None:
        return _failed(run, " and ".join(problems), " ".join(steps))
    try:
        comparison = compare(ours, held.value, tools.thresholds, run.now())
    except BadPosition as error:
        run.step("compare", StepStatus.FAILED, str(error))
        return _failed(run, str(error), "Correct that position at its source, then reconcile again.")
    comparison, notes = explained_by_splits(run, comparison, ours, held.value)
    run.step("compare", StepStatus.OK, _summary(comparison))
    return ActionResult(
        status=ActionStatus.DONE,
        headline=_headline(comparison),
        evidence={"run": _evidence(run, comparison, len(ours), notes)},
        next_step=_next_step(comparison),
    )


def _ledger_rows(
    run: Run, rows: Pending[tuple[LedgerPosition, ...]], limit: float, problems: list[str]
) -> tuple[LedgerPosition, ...] | None:
    try:
        ours = rows.result(limit + 0.5)  # the ledger's own limit speaks first, in its own words
    except (LedgerError, BadPosition) as error:
        problems.append(str(error))
    except StillRunning:
        problems.append(f"ledger did not answer in {limit:g} s")
    else:
        run.step("ledger", StepStatus.OK, f"ledger: {len(ours)} rows")
        return ours
    run.step("ledger", StepStatus.FAILED, problems[-1])
    return None


def _failed(run: Run, why: str, next_step: str) -> ActionResult:
    evidence: dict[str, Any] = {
        "ledger_positions": None,
        "broker_positions": None,
        "breaks": [],
        "impact": None,
        "clean": False,
        "severity": None,
        "halt": False,
        "reasons": [],
        "error": why,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.now().isoformat(),
    }
    return ActionResult(
        status=ActionStatus.FAILED,
        headline=f"Positions could not be compared: {why}.",
        evidence={"run": evidence},
        next_step=next_step or None,
    )


def _evidence(run: Run, comparison: Comparison, rows: int, notes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "ledger_positions": comparison.counts.ledger,
        "broker_positions": comparison.counts.broker,
        "matched": comparison.counts.matched,
        "ledger_rows": rows,
        "breaks": [_break(item) for item in comparison.breaks],
        "impact": str(comparison.impact),
        "clean": comparison.clean,
        "severity": comparison.severity.value if comparison.severity is not None else None,
        "halt": comparison.halt,
        "reasons": list(comparison.reasons),
        "notes": list(notes),
        "started_at": run.started_at.isoformat(),
        "finished_at": run.now().isoformat(),
    }


def _break(item: Break) -> dict[str, str | None]:
    return {
        "kind": item.kind.value,
        "symbol": item.symbol,
        "ledger_qty": _text(item.ledger_qty),
        "broker_qty": _text(item.broker_qty),
        "impact": str(item.impact) if item.impact is not None else None,
        "text": item.text,
    }


def _text(number: Decimal | None) -> str | None:
    return plain(number) if number is not None else None


def _counts(comparison: Comparison) -> str:
    return f"{comparison.counts.ledger} in the ledger, {comparison.counts.broker} at the broker"


def _summary(comparison: Comparison) -> str:
    if comparison.clean:
        return f"no break; {_counts(comparison)}"
    return f"{len(comparison.breaks)} breaks, ${comparison.impact:,.2f}; {_counts(comparison)}"


def _headline(comparison: Comparison) -> str:
    if comparison.clean:
        return f"Clean: {_counts(comparison)}, no break above tolerance."
    count = len(comparison.breaks)
    splits = [item for item in comparison.breaks if item.kind is BreakKind.SPLIT]
    stale = sum(item.kind is BreakKind.STALE for item in comparison.breaks)
    if splits and len(splits) + stale == count:
        what = splits[0].text if len(splits) == 1 else f"{len(splits)} splits are not yet in the ledger."
        rest = f"{stale} of its rows stale, no other break" if stale else "No other break"
        return f"Not clean: {what} {rest[0].upper()}{rest[1:]} ({_counts(comparison)})."
    noun = "break" if count == 1 else "breaks"
    severity = f" {comparison.severity.value}" if comparison.severity is not None else ""
    return f"{count} {noun}, impact ${comparison.impact:,.2f}:{severity} ({_counts(comparison)})."


def _next_step(comparison: Comparison) -> str | None:
    if comparison.clean:
        return None
    if comparison.halt:
        return f"Halt trading: {'; '.join(comparison.reasons)}."
    if (
        any(item.kind is BreakKind.SPLIT for item in comparison.breaks)
        and comparison.severity is Severity.SEV3
    ):
        return "Enter the split in the ledger (quantity and average price), then reconcile again."
    return "Find out which side is right and correct it, then reconcile again."
