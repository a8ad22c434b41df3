"""What a halt says at the end of a run: status, headline, next step, evidence; only what was read."""

from collections.abc import Mapping
from typing import Any

from bot.domain.actions import ActionResult, BrokerReading, UnconfirmedOrder
from bot.domain.halting import EmptyReadings, counted, proved
from bot.domain.words import ActionStatus
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
from bot.services.actions.run import Run
from bot.services.actions.snapshot import Snapshot
from bot.services.actions.suspending import Suspending


class HaltReport:
    """Puts one run's result together; keeps from earlier evidence what only the first run saw."""

    def __init__(
        self,
        run: Run,
        clearing: Clearing,
        suspending: Suspending,
        snapshot: Snapshot,
        suspend_only: bool,
        previous: Mapping[str, Any] | None,
    ) -> None:
        self._run = run
        self._clearing = clearing
        self._suspending = suspending
        self._snapshot = snapshot
        self._suspend_only = suspend_only
        self._previous: Mapping[str, Any] = previous or {}

    def result(self, readings: EmptyReadings) -> ActionResult:
        suspension = self._suspending.suspension
        shown = suspension.read is True if self._suspend_only else proved(suspension, readings)
        evidence = {
            **self._orders_evidence(),
            "suspend_only": self._suspend_only,
            "suspension": {
                "read": suspension.read,
                "at": stamp(suspension.at),
                "words": self._suspending.words,
            },
            "proof": {
                "first_empty_at": stamp(readings.first_at),
                "second_empty_at": stamp(readings.second_at),
                "suspend_trade": suspension.suspend_trade,
                "trade_suspended_by_user": suspension.trade_suspended_by_user,
            },
            **positions_evidence(self._run, self._snapshot, self._previous),
            **self._configuration_evidence(),
            "account_number": self._account_number(),
            "looks": looks_so_far(self._previous) + 1,
        }
        return ActionResult(
            status=ActionStatus.DONE if shown else ActionStatus.WATCHING,
            headline=self._proved_headline(readings) if shown else self._open_headline(),
            evidence=evidence,
            unconfirmed=() if shown else self._unconfirmed(),
            reading=self._reading(),
            next_step=self._next_after_proof(evidence) if shown else self._next_step(),
            look_again_after=None if shown else look_after(self._run, self._previous),
        )

    def _unconfirmed(self) -> tuple[UnconfirmedOrder, ...]:
        return () if self._suspend_only else self._clearing.unconfirmed()

    def _reading(self) -> BrokerReading:
        listing = self._clearing.current
        count = len(listing.orders) if listing is not None and listing.complete else None
        return BrokerReading(
            at=self._run.now(),
            suspended=self._suspending.suspension.read,
            open_orders=count,
            account_number=self._account_number(),
        )

    def _proved_headline(self, readings: EmptyReadings) -> str:
        if self._suspend_only:
            left = self._clearing.current
            orders = (
                counted(len(left.orders), "open order")
                if left is not None
                else "the open orders (not counted)"
            )
            return f"Suspended: new orders are refused; {orders} left as they are, as asked."
        asked = self._clearing.asked
        gone = (
            (f"{START_LOST}, " if self._clearing.start_lost else "")
            if asked is None
            else f"all {counted(asked, 'order')} gone, "
            if asked
            else "no order was open, "
        )
        apart = readings.apart.total_seconds()
        return f"Halted: suspended, {gone}nothing open at two readings {apart:.1f} s apart."

    def _open_headline(self) -> str:
        """Never the word that only the proof allows."""
        read = self._suspending.suspension.read
        if read is True:
            return f"Not proved yet: suspended, {self._orders_words()}."
        why = self._suspending.failed or self._suspending.not_read
        reason = f" ({why})" if why else ""
        orders = "" if self._suspend_only else f" {self._orders_words().capitalize()}."
        if read is False:
            return f"Not suspended{reason}: new orders can still come in.{orders}"
        return f"It is not known whether the account is suspended{reason}.{orders}"

    def _orders_words(self) -> str:
        clearing = self._clearing
        left = len(clearing.unconfirmed())
        if clearing.listing_failed is not None:
            known = f"{counted(left, 'order')} unconfirmed" if left else "open orders not learned"
            return f"{known} (listing: {clearing.listing_failed})"
        if clearing.listing is None:
            return "open orders not learned"
        if not clearing.listing.complete:
            return f"at least {counted(left, 'order')} unconfirmed, the list could not be read to its end"
        if left == 0:
            return "no order open at the last reading, which is not yet confirmed by a second"
        if clearing.asked is None or clearing.gone is None:
            return f"{counted(left, 'order')} unconfirmed"
        return f"{clearing.gone} of {counted(clearing.asked, 'order')} gone, {left} unconfirmed"

    def _next_step(self) -> str:
        if self._suspending.suspension.read is not True:
            goes_on = "Suspending" if self._suspend_only else "Suspending and cancelling"
            return (
                f"Stop the trader and revoke the API key of {self._run.tools.broker.account} now: "
                f"{self._run.tools.broker.how_to_revoke}; cancel what is open there by hand first. "
                f"{goes_on} goes on here meanwhile."
            )
        if self._clearing.listing_failed is not None:
            return (
                "The account is suspended. Look at its open orders at the broker's dashboard; "
                "asking goes on here."
            )
        return (
            "The account is suspended, so no new order comes in. Haltdesk keeps looking; an order that stays "
            "open can be asked about at the broker's support by its id (off-hours, a cancel may wait for the "
            "next open)."
        )

    def _next_after_proof(self, evidence: Mapping[str, Any]) -> str | None:
        lost = LOOK_FOR_STOPS if self._clearing.start_lost and not self._suspend_only else None
        if evidence["lost_stops"]:
            count = len(evidence["lost_stops"])
            went = f"{counted(count, 'protective stop')} went with the orders: decide how to cover them."
            return f"{went} {lost}" if lost else went
        return lost

    def _orders_evidence(self) -> dict[str, Any]:
        clearing = self._clearing
        return {
            "asked": 0 if self._suspend_only else clearing.asked,
            "accepted": clearing.accepted_count,
            "gone": 0 if self._suspend_only else clearing.gone,
            "cancel_failed": clearing.cancel_failed,
            "remaining": [] if self._suspend_only else list(clearing.remaining),
            "unconfirmed": as_evidence(self._unconfirmed()),
            "start_lost": clearing.start_lost and not self._suspend_only,
            "lost_stops": [] if self._suspend_only else lost_stops(clearing, self._snapshot, self._previous),
        }

    def _configuration_evidence(self) -> dict[str, Any]:
        """`configuration_before` only when read before the suspension held: a resume restores it.

        A configuration that already shows the suspension is kept apart as `configuration_suspended`: either
        the account was suspended before, or the reading came a moment late; but for the suspension it is
        the same.
        """
        for key in ("configuration_before", "configuration_suspended"):
            if key in self._previous:
                return {key: self._previous[key]}
        seen = self._snapshot.configuration
        if seen is None:
            return {}
        before = seen.get("suspend_trade") is False
        return {"configuration_before" if before else "configuration_suspended": dict(seen)}

    def _account_number(self) -> str | None:
        if self._suspending.account_number is not None:
            return self._suspending.account_number
        if self._snapshot.account is not None and self._snapshot.account.number is not None:
            return self._snapshot.account.number
        earlier = self._previous.get("account_number")
        return earlier if isinstance(earlier, str) else None
