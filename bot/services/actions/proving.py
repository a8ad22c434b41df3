"""The proof: an empty listing, a wait, another empty listing, and for a halt both flags with it."""

from datetime import datetime, timedelta

from bot.domain.brokerage import OrderListing
from bot.domain.halting import EmptyReadings
from bot.domain.words import StepStatus
from bot.services.actions.clearing import Clearing
from bot.services.actions.run import Answer, Run
from bot.services.actions.suspending import Suspending

MARGIN = 0.05  # seconds; a wall clock that is being slewed must not make the span look too short


class Proving:
    """Collects the two readings; the first is the empty listing that the caller has just seen."""

    def __init__(self, run: Run, clearing: Clearing, suspending: Suspending | None) -> None:
        self._run = run
        self._clearing = clearing
        self._suspending = suspending
        self.readings = self._none()

    def prove(self, *, with_suspension: bool) -> bool:
        """True when it is shown. The first reading is the listing that the clearing has just taken."""
        run, gap = self._run, self._run.tools.limits.proof_gap
        first_at = run.now()
        self.readings = self._none().after(self._clearing.current, first_at, first_at)
        if not self.readings.shown and self.readings.first_at is None:
            return False
        run.step("prove", StepStatus.STARTED, f"no open order; looking once more in {gap:g} s")
        began = run.tools.time.monotonic()
        if not run.pause(gap + MARGIN) or run.tools.time.monotonic() - began < gap:
            run.step("prove", StepStatus.UNKNOWN, "no time was left for the second reading")
            self.readings = self._none()
            return False
        listing = self._second(with_suspension)
        open_now = "not learned" if listing is None else f"{len(listing.orders)} open orders"
        suspended = self._suspending is None or self._suspending.suspension.read is True
        if self.readings.shown and suspended:
            apart = self.readings.apart.total_seconds()
            flags = ", both suspension flags on" if with_suspension else ""
            run.step("prove", StepStatus.OK, f"no open order at two readings {apart:.1f} s apart{flags}")
            return True
        flags = f"; {self._suspending.words}" if self._suspending is not None and not suspended else ""
        run.step("prove", StepStatus.UNKNOWN, f"not shown: {open_now} at the second reading{flags}")
        if not suspended:
            self.readings = self._none()
        return False

    def _second(self, with_suspension: bool) -> OrderListing | None:
        run, broker = self._run, self._run.tools.broker
        asked_at: datetime = run.now()
        sent = run.send("prove", lambda s: broker.list_open_orders(within=s))
        if with_suspension and self._suspending is not None:
            self._suspending.read()
        answer: Answer[OrderListing] = sent.answer()
        listing = self._clearing.take_listing(answer)
        self.readings = self.readings.after(listing, asked_at, run.now())
        return listing

    def _none(self) -> EmptyReadings:
        return EmptyReadings(timedelta(seconds=self._run.tools.limits.proof_gap))
