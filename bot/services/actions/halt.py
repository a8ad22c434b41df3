"""Halt one account: suspend and cancel at once, sweep, list, cancel singly, prove, else watch.

Rules: `design.md` (Halt) and MiFID II RTS 6, Art. 12. "Halted" is said only after both suspension flags
were read true and two complete listings, two seconds apart or more, were empty.
"""

from collections.abc import Mapping
from typing import Any

from bot.domain.actions import ActionRequest, ActionResult
from bot.domain.words import StepStatus
from bot.services.actions.clearing import Clearing
from bot.services.actions.halt_report import HaltReport
from bot.services.actions.proving import Proving
from bot.services.actions.run import Run
from bot.services.actions.snapshot import Snapshot
from bot.services.actions.start import Kept, StartOnRecord, taken_up
from bot.services.actions.suspending import Suspending
from bot.services.actions.tools import ActionTools

LONGEST_PAUSE = 15.0  # seconds within a run, whatever a 429 asks for; later looks wait longer


def run_halt(request: ActionRequest, tools: ActionTools, kept: Kept | None = None) -> ActionResult:
    """Halt, within `limits.first_run` seconds: DONE when proved, else WATCHING with every open order named.

    `request.params["suspend_only"]` leaves the orders as they are. `request.resumed` looks at the broker
    first; what was open before the crash is `kept` in the record.
    """
    return _Halt(request, tools, None, kept).strike()


def look_again(
    request: ActionRequest, tools: ActionTools, previous: Mapping[str, Any], kept: Kept | None = None
) -> ActionResult:
    """Look again at a halt that is WATCHING, doing what is still needed; `previous`: its evidence."""
    return _Halt(request, tools, previous, kept).look()


class _Halt:
    def __init__(
        self,
        request: ActionRequest,
        tools: ActionTools,
        previous: Mapping[str, Any] | None,
        kept: Kept | None,
    ) -> None:
        again = taken_up(request, previous)
        self.start = StartOnRecord(kept) if again else None
        self.suspend_only = request.params.get("suspend_only") is True
        self.tools = tools
        self.request = request
        self.run = Run(tools, tools.limits.first_run if previous is None else tools.limits.look)
        self.clearing = Clearing(self.run, previous, taken_up=again)
        self.suspending = Suspending(self.run)
        self.proving = Proving(self.run, self.clearing, self.suspending)
        self.snapshot = Snapshot(self.run, again)
        self.report = HaltReport(
            self.run, self.clearing, self.suspending, self.snapshot, self.suspend_only, previous
        )

        self._mended = False

    def strike(self) -> ActionResult:
        """The first run. What is read first is sent first, and never waited for."""
        if self.tools.picture is not None and not self.request.resumed:
            self.snapshot.take(self.tools.picture)
        else:
            self.snapshot.start()
        needed = self._look_first() if self.request.resumed else True
        if needed:
            self._suspend_and_cancel()
        self._rounds(swept=not needed, rounds=self.tools.limits.rounds)
        return self._end()

    def look(self) -> ActionResult:
        self._rounds(swept=True, rounds=1)
        return self._end()

    def _look_first(self) -> bool:
        """After a crash: what does the broker show? False when nothing needs to be sent any more."""
        self.run.step("look", StepStatus.STARTED, "looking at the broker before anything is sent again")
        listing = self.run.send("look", lambda s: self.tools.broker.list_open_orders(within=s))
        suspension = self.suspending.read()
        answer = listing.answer()
        if answer.value is not None:
            self.clearing.take_snapshot(answer.value)
        seen = self.clearing.take_listing(answer)
        orders = (
            f"{len(seen.orders)} open orders" if seen is not None else f"orders not learned: {answer.word}"
        )
        known = suspension.read is not None and seen is not None
        self.run.step(
            "look", StepStatus.OK if known else StepStatus.UNKNOWN, f"{self.suspending.words}; {orders}"
        )
        done = suspension.read is True and (self.suspend_only or (seen is not None and seen.empty))
        return not done

    def _suspend_and_cancel(self) -> None:
        what = "suspending new orders" if self.suspend_only else "suspending and cancelling all, both at once"
        # Both calls go out before a step is written: the intent is durable since it was confirmed.
        sent = self.suspending.send()
        if not self.suspend_only:
            cancel = self.run.send("cancel", lambda s: self.tools.broker.cancel_all(within=s))
        self.run.step("suspend", StepStatus.STARTED, what)
        if not self.suspend_only:
            self.run.step("cancel", StepStatus.STARTED, "cancelling every open order")
        self._take_snapshot()  # what is known of the start goes on record before the broker's answer is waited for
        if not self.suspend_only:
            self.clearing.take_cancel_all("cancel", cancel.answer(), first=True)
        self.suspending.take(sent.answer())
        self._take_snapshot()

    def _rounds(self, *, swept: bool, rounds: int) -> None:
        """Read, do what is needed, read again: at most `rounds` times (and one), while time is left."""
        more = rounds
        while more > 0:
            if (more < rounds or self._mended) and not self.run.pause(self._between()):
                return
            more -= 1
            if self.suspending.suspension.read is not True and not self._suspended():
                self._again_without_suspension()
                if more == 0 and self.suspending.failed is None and not self._mended:
                    self._mended, more = True, 1  # it took this time: one more round, once, to prove it
                continue
            if self.suspend_only:
                self.clearing.list_open()
                return
            if not swept or self.clearing.cancel_failed is not None:
                self._sweep()
                swept = True
            listing = self.clearing.list_open()
            self._take_snapshot()
            if listing is not None and not listing.empty:
                self.clearing.cancel_singly(listing)
                listing = self.clearing.list_open()
            if listing is not None and listing.empty and self.proving.prove(with_suspension=True):
                return

    def _suspended(self) -> bool:
        """Read both flags. A reading that failed is repeated in the next round, not taken for a no."""
        self.run.step("read-back", StepStatus.STARTED, "asking whether the suspension is on")
        suspension = self.suspending.read()
        status = {True: StepStatus.OK, False: StepStatus.FAILED, None: StepStatus.UNKNOWN}[suspension.read]
        self.run.step("read-back", status, self.suspending.words)
        return suspension.read is True

    def _again_without_suspension(self) -> None:
        """Not known to be suspended: suspend again, and cancel again what may have come in meanwhile."""
        sent = self.suspending.send()
        if not self.suspend_only:
            cancel = self.run.send("cancel", lambda s: self.tools.broker.cancel_all(within=s))
            self.clearing.take_cancel_all("sweep", cancel.answer(), first=False)
        self.suspending.take(sent.answer())
        listing = self.clearing.list_open()
        if listing is not None and not self.suspend_only:
            self.clearing.cancel_singly(listing)
        self._take_snapshot()

    def _sweep(self) -> None:
        """Cancel once more: what slipped in before the suspension held."""
        self.run.step("sweep", StepStatus.STARTED, "cancelling what came in before the suspension")
        broker = self.tools.broker
        self.clearing.take_cancel_all(
            "sweep", self.run.ask("sweep", lambda s: broker.cancel_all(within=s)), first=False
        )

    def _between(self) -> float:
        told, self.run.told_to_wait = self.run.told_to_wait, None
        return max(self.tools.limits.pause, min(told or 0.0, LONGEST_PAUSE))

    def _take_snapshot(self) -> None:
        self.snapshot.collect()
        if self.snapshot.orders is not None:
            self.clearing.take_snapshot(self.snapshot.orders)

    def _end(self) -> ActionResult:
        self.snapshot.collect(final=True)
        if self.snapshot.orders is not None:
            self.clearing.take_snapshot(self.snapshot.orders)
        if self.start is not None:
            start = self.start.take()
            self.clearing.take_start(start)
            self.snapshot.take_start(start)
        self.clearing.name_the_nameless()
        return self.report.result(self.proving.readings)
