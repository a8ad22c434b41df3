"""Cancel one account's orders without suspending it; as careful as a halt, honest about newcomers."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.domain.actions import ActionRequest, ActionResult, BrokerReading
from bot.domain.halting import EmptyReadings, counted
from bot.domain.words import ActionStatus, StepStatus
from bot.services.actions.clearing import Clearing, as_evidence
from bot.services.actions.evidence import (
    LOOK_FOR_STOPS,
    START_LOST,
    look_after,
    looks_so_far,
    lost_stops,
    positions_evidence,
    stamp,
)
from bot.services.actions.proving import MARGIN, Proving
from bot.services.actions.run import Run
from bot.services.actions.snapshot import Snapshot
from bot.services.actions.start import Kept, StartOnRecord, taken_up
from bot.services.actions.tools import ActionTools

LONGEST_PAUSE = 15.0


def run_cancel(request: ActionRequest, tools: ActionTools, kept: Kept | None = None) -> ActionResult:
    """Cancel every open order, within `limits.first_run` seconds.

    DONE when the orders that were open are shown gone by two complete listings, two seconds apart or more;
    the headline tells whether newer ones have come since. Else WATCHING, with every order named. What was open
    before a crash is `kept` in the record.
    """
    return _Cancel(request, tools, None, kept).strike()


def look_again(
    request: ActionRequest, tools: ActionTools, previous: Mapping[str, Any], kept: Kept | None = None
) -> ActionResult:
    """One more look at a cancel that is WATCHING; `previous` is the evidence so far."""
    return _Cancel(request, tools, previous, kept).look()


class _Cancel:
    def __init__(
        self,
        request: ActionRequest,
        tools: ActionTools,
        previous: Mapping[str, Any] | None,
        kept: Kept | None,
    ) -> None:
        again = taken_up(request, previous)
        self.start = StartOnRecord(kept) if again else None
        self.request, self.tools = request, tools
        self.previous: Mapping[str, Any] = previous or {}
        self.run = Run(tools, tools.limits.first_run if previous is None else tools.limits.look)
        self.clearing = Clearing(self.run, previous, taken_up=again)
        self.proving = Proving(self.run, self.clearing, None)
        self.snapshot = Snapshot(self.run, again)
        self.readings = EmptyReadings(timedelta(seconds=tools.limits.proof_gap))
        self.newcomers_only = False

    def strike(self) -> ActionResult:
        self.snapshot.start()
        if self.request.resumed:
            self.run.step("look", StepStatus.STARTED, "looking at the broker before anything is sent again")
            seen = self.clearing.list_open()
            if seen is not None:
                self.clearing.take_snapshot(seen)
            found = (
                f"{len(seen.orders)} open orders" if seen is not None else f"{self.clearing.listing_failed}"
            )
            self.run.step("look", StepStatus.OK if seen is not None else StepStatus.UNKNOWN, found)
        if not (self.request.resumed and self.clearing.current is not None and self.clearing.current.empty):
            self.run.step("cancel", StepStatus.STARTED, "cancelling every open order")
            self._cancel_all(first=True)
        self._take_snapshot()
        self._rounds(self.tools.limits.rounds)
        return self._end()

    def look(self) -> ActionResult:
        self._rounds(1)
        return self._end()

    def _cancel_all(self, *, first: bool) -> None:
        sent = self.run.send("cancel", lambda s: self.tools.broker.cancel_all(within=s))
        self.clearing.take_cancel_all("cancel", sent.answer(), first=first)

    def _rounds(self, rounds: int) -> None:
        for place in range(rounds):
            if place > 0 and not self.run.pause(self._between()):
                return
            if self.clearing.cancel_failed is not None:
                self._cancel_all(first=not self.clearing.start_known)
            listing = self.clearing.list_open()
            self._take_snapshot()
            if listing is not None and not listing.empty:
                self.clearing.cancel_singly(listing)
                listing = self.clearing.list_open()
            if listing is not None and listing.empty and self.proving.prove(with_suspension=False):
                self.readings = self.proving.readings
                return
        self._only_newcomers()

    def _only_newcomers(self) -> None:
        """The strategy keeps sending: are at least the orders that were open gone, at two readings?"""
        if not self._start_gone():
            return
        first_at = self.run.now()
        gap = self.tools.limits.proof_gap
        self.run.step(
            "prove", StepStatus.STARTED, f"the orders that were open are gone; looking again in {gap:g} s"
        )
        if not self.run.pause(gap + MARGIN):
            return
        self.clearing.list_open()
        second_at = self.run.now()
        if self._start_gone() and (second_at - first_at).total_seconds() >= gap:
            self.newcomers_only = True
            self.readings = EmptyReadings(timedelta(seconds=gap), first_at, second_at)
            self.run.step("prove", StepStatus.OK, "the orders that were open are gone; newer ones are open")
        else:
            self.run.step("prove", StepStatus.UNKNOWN, "not shown at the second reading")

    def _start_gone(self) -> bool:
        listing, clearing = self.clearing.current, self.clearing
        known = clearing.start_known or clearing.asked is not None
        return known and listing is not None and listing.complete and not clearing.remaining

    def _between(self) -> float:
        told, self.run.told_to_wait = self.run.told_to_wait, None
        return max(self.tools.limits.pause, min(told or 0.0, LONGEST_PAUSE))

    def _take_snapshot(self) -> None:
        """A late snapshot may hold newcomers: it counts only where the cancel-all told nothing."""
        had_start = self.clearing.start_known
        self.snapshot.collect()
        if self.snapshot.orders is None:
            return
        if not had_start:
            self.clearing.take_snapshot(self.snapshot.orders)
        for order in self.snapshot.orders.orders:
            self.clearing.known.setdefault(order.id, order)

    def _end(self) -> ActionResult:
        self.snapshot.collect(final=True)
        clearing = self.clearing
        if self.start is not None:
            start = self.start.take()
            clearing.take_start(start)
            self.snapshot.take_start(start)
        clearing.name_the_nameless()
        done = self.readings.shown
        came_after = self._came_after() if done else []
        unconfirmed = () if done else clearing.unconfirmed()
        stops = lost_stops(clearing, self.snapshot, self.previous)
        listing = clearing.current
        evidence = {
            "asked": clearing.asked,
            "accepted": clearing.accepted_count,
            "gone": clearing.gone,
            "cancel_failed": clearing.cancel_failed,
            "remaining": list(clearing.remaining),
            "unconfirmed": as_evidence(unconfirmed),
            "came_after": came_after,
            "proof": {
                "first_empty_at": None if self.newcomers_only else stamp(self.readings.first_at),
                "second_empty_at": None if self.newcomers_only else stamp(self.readings.second_at),
                "first_gone_at": stamp(self.readings.first_at),
                "second_gone_at": stamp(self.readings.second_at),
            },
            "lost_stops": stops,
            "start_lost": clearing.start_lost,
            **positions_evidence(self.run, self.snapshot, self.previous),
            "account_number": self._account_number(),
            "looks": looks_so_far(self.previous) + 1,
        }
        count = len(listing.orders) if listing is not None and listing.complete else None
        return ActionResult(
            status=ActionStatus.DONE if done else ActionStatus.WATCHING,
            headline=self._headline(done, came_after),
            evidence=evidence,
            unconfirmed=unconfirmed,
            reading=BrokerReading(self.run.now(), None, count, self._account_number()),
            next_step=self._next_step(done, came_after, stops),
            look_again_after=None if done else look_after(self.run, self.previous),
        )

    def _headline(self, done: bool, came_after: list[str]) -> str:
        clearing = self.clearing
        asked = counted(clearing.asked, "order") if clearing.asked is not None else "orders"
        if done and self.newcomers_only and not came_after:
            return f"The {asked} open at the start are gone; newer ones came meanwhile and went too."
        if done and came_after:
            newer = counted(len(came_after), "newer order")
            return f"The {asked} open at the start are gone, but the trader sent on: {newer} open."
        if done:
            apart = self.readings.apart.total_seconds()
            what = (
                f"all {asked} gone, " if clearing.asked else f"{START_LOST}, " if clearing.start_lost else ""
            )
            return f"Cancelled: {what}nothing open at two readings {apart:.1f} s apart."
        if clearing.listing_failed is not None or clearing.listing is None:
            why = clearing.listing_failed or "not asked"
            return f"Not proved: what is open could not be learned ({why})."
        left = len(clearing.unconfirmed())
        failed = f" Cancel all: {clearing.cancel_failed}." if clearing.cancel_failed else ""
        if not clearing.listing.complete:
            least = counted(left, "order")
            return f"Not proved: at least {least} open, the list could not be read to its end.{failed}"
        if left == 0:
            return f"Not proved yet: no order open at the last reading, still to be confirmed.{failed}"
        gone = f"{clearing.gone} of {asked} gone, " if clearing.gone is not None else ""
        return f"Not proved yet: {gone}{left} unconfirmed.{failed}"

    def _next_step(self, done: bool, came_after: list[str], stops: list[str]) -> str | None:
        if done and came_after:
            return (
                "The trader keeps sending orders. Halt the account to stop new orders and cancel these too."
            )
        if done:
            return (
                f"{counted(len(stops), 'protective stop')} went with the orders: decide how to cover them."
                if stops
                else LOOK_FOR_STOPS
                if self.clearing.start_lost
                else None
            )
        return "Haltdesk keeps looking and cancelling. To keep new orders out too, halt the account."

    def _came_after(self) -> list[str]:
        listing = self.clearing.current
        if not self.newcomers_only or listing is None:
            return []
        return [order.text for order in listing.orders if order.id not in self.clearing.at_start]

    def _account_number(self) -> str | None:
        account = self.snapshot.account
        earlier = self.previous.get("account_number")
        if account is not None and account.number is not None:
            return account.number
        return earlier if isinstance(earlier, str) else None
