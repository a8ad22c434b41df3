"""Asks the broker for splits when quantities differ, and tells the breaks that they explain as what they are."""

from collections.abc import Sequence

from bot.domain.brokerage import Position
from bot.domain.reconciliation import Comparison, LedgerPosition
from bot.domain.sessions import EXCHANGE
from bot.domain.splits import explain, to_look_up
from bot.domain.words import StepStatus
from bot.services.actions.run import Run

# So many symbols are asked for. More that differ at once are no splits, and stand as breaks.
MOST_SYMBOLS = 200


def explained_by_splits(
    run: Run, comparison: Comparison, ours: Sequence[LedgerPosition], theirs: Sequence[Position]
) -> tuple[Comparison, tuple[str, ...]]:
    """The comparison, and what must be said beside it. When splits cannot be had, every break stands as it is."""
    symbols, first = to_look_up(comparison, ours, theirs)
    if not symbols or first is None:
        return comparison, ()
    now = run.now()
    today = now.astimezone(EXCHANGE).date()
    asked = symbols[:MOST_SYMBOLS]
    answer = run.ask(
        "read splits",
        lambda within: run.tools.broker.read_splits(asked, first, max(first, today), within=within),
    )
    if answer.value is None:
        run.step("splits", StepStatus.FAILED, f"splits could not be looked up: {answer.word}")
        note = (
            f"Splits could not be looked up ({answer.word}): a quantity that differs may be a split that is not "
            "in the ledger. Look at the broker's corporate actions by hand."
        )
        return comparison, (note,)
    found = len(answer.value)
    some = f" (of {len(symbols)} that differ)" if len(symbols) > len(asked) else ""
    run.step(
        "splits",
        StepStatus.OK,
        f"{found} {'split' if found == 1 else 'splits'} since {first.isoformat()} for "
        f"{len(asked)} {'symbol' if len(asked) == 1 else 'symbols'}{some}",
    )
    notes: tuple[str, ...] = ()
    if some:
        notes = (
            f"Splits were looked up for {len(asked)} of {len(symbols)} symbols whose quantities differ.",
        )
    return explain(comparison, ours, theirs, answer.value, run.tools.thresholds, now), notes
