"""Flatten one account: cancel its orders, close each position by what is held, prove that none is left.

Closing while the account is suspended is believed to be refused by the broker (`facts.md`), so a suspension is
lifted when, and only when, the broker refuses for that reason; it is put back at the end of every run.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.domain.actions import ActionRequest, ActionResult, BrokerReading
from bot.domain.brokerage import OrderListing, Position, plain
from bot.domain.halting import counted, next_look
from bot.domain.stages import SUSPEND
from bot.domain.symbols import canonical
from bot.domain.words import ActionStatus, StepStatus
from bot.ports.broker import BrokerError, BrokerRefused
from bot.services.actions.clearing import Clearing
from bot.services.actions.evidence import looks_so_far
from bot.services.actions.run import Run
from bot.services.actions.snapshot import quantities, quantities_evidence
from bot.services.actions.standing import RecordAway, Standing
from bot.services.actions.suspending import Suspending
from bot.services.actions.tools import ActionTools

LOOKED_AT_FOR = timedelta(minutes=30)
GOOD_FOR = timedelta(minutes=10)  # an approval is not a mandate to trade an hour later
REFUSED_BY_SUSPENSION = "new orders are rejected by user request"
LIFT = "lift"
HELD = "held at the start"


def run_flatten(request: ActionRequest, tools: ActionTools, standing: Standing) -> ActionResult:
    """DONE when the broker's list of positions reads empty; else WATCHING, with what is left named.

    A position is closed by what a fresh reading shows, and never while an order on it is still open, so none is
    turned round. A halt that comes meanwhile wins.
    """
    return _Flatten(request, tools, standing, None).go(tools.limits.rounds)


def look_again(
    request: ActionRequest, tools: ActionTools, standing: Standing, previous: Mapping[str, Any]
) -> ActionResult:
    """Look again at a flatten that is WATCHING; `previous` is its evidence."""
    return _Flatten(request, tools, standing, previous).go(1)


class _Flatten:
    def __init__(
        self,
        request: ActionRequest,
        tools: ActionTools,
        standing: Standing,
        previous: Mapping[str, Any] | None,
    ) -> None:
        self.request, self.tools, self.standing = request, tools, standing
        self.first = previous is None and not request.resumed
        self.previous: Mapping[str, Any] = previous or {}
        self.run = Run(tools, tools.limits.first_run if previous is None else tools.limits.look)
        self.clearing = Clearing(self.run)
        self.suspending = Suspending(self.run)
        self.left: tuple[Position, ...] | None = None  # None: not learned
        self.before = self.previous.get("positions_before")
        self.words: dict[str, str] = {}  # the last word on each symbol
        self.lifted = self.previous.get("lifted") is True
        self.ours = {str(one) for one in self.previous.get("closing_orders") or ()}
        self.why = ""
        self.halted: str | None = None

    def go(self, rounds: int) -> ActionResult:
        try:
            # A step that was written before a crash says that the suspension was on when this began.
            self.lifted = self.lifted or (not self.previous and self.standing.has_begun(LIFT))
            if self.request.resumed and self.before is None:
                self.before = (self.standing.kept_in(HELD) or {}).get("held")
            for place in range(rounds):
                if place and not self.run.pause(self.tools.limits.pause):
                    break
                if self._round():
                    break
        except RecordAway as away:
            self.why = f"{away}; nothing more is sent"
        restored = self._restore() if self.lifted else None
        empty = self._positions("prove") and self.left == ()
        return self._result(empty, restored)

    def _round(self) -> bool:
        """True when there is nothing (more) to be done in this run."""
        self.halted = self.standing.halt_came()
        if self.halted is not None:
            self.run.step("halt-came", StepStatus.OK, f"{self.halted}: nothing more is closed")
            return True
        if self.first:
            self.first = False
            self._cancel()
        if not self._positions("positions") or self.left is None:
            return False
        if not self.left:
            return True
        if self.run.now() - self.request.requested_at > GOOD_FOR:
            self.why = f"approved over {GOOD_FOR.seconds // 60} minutes ago, so nothing more is sent"
            return True
        listing = self._clear_others()
        if listing is None or not listing.complete:
            self.why = self.clearing.listing_failed or "the open orders could not all be listed"
            return False
        working = {canonical(order.symbol) for order in listing.orders}
        for position in self.left:
            if self.run.over or self.halted is not None:
                break
            if canonical(position.symbol) in working:
                self.words[position.symbol] = "an order on it is open"
                continue
            self._close(position)
        return False

    def _cancel(self) -> None:
        broker = self.tools.broker
        self.run.step("cancel", StepStatus.STARTED, "cancelling every open order first")
        answer = self.run.ask("cancel", lambda s: broker.cancel_all(within=s))
        self.clearing.take_cancel_all("cancel", answer, first=True)
        listing = self.clearing.list_open()
        if listing is not None and not listing.empty:
            self.clearing.cancel_singly(listing)

    def _clear_others(self) -> OrderListing | None:
        """Cancel what is open and not a closing order of this flatten; what is open afterwards, None: not learned."""
        listing = self.clearing.list_open()
        if listing is None:
            return None
        others = tuple(order for order in listing.orders if order.id not in self.ours)
        if not others:
            return listing
        self.clearing.cancel_singly(OrderListing(others, listing.complete))
        return self.clearing.list_open()

    def _positions(self, name: str) -> bool:
        """Read what is held; false (and `left` None) when it could not be learned."""
        answer = self.run.ask(name, lambda s: self.tools.broker.list_positions(within=s))
        if answer.value is None:
            self.left, self.why = None, f"the positions could not be read: {answer.word}"
            self.run.step(name, answer.status, self.why)
            return False
        self.left = tuple(one for one in answer.value if one.qty != 0)
        held = quantities_evidence(quantities(self.left))
        if self.before is None:
            self.before = held
            # Kept before anything is closed: whoever takes this up after a crash finds less, or nothing.
            self.run.step(HELD, StepStatus.OK, f"{counted(len(self.left), 'position')} held", {"held": held})
        self.run.step(name, StepStatus.OK, f"{counted(len(self.left), 'position')} held", {"held": held})
        return True

    def _close(self, position: Position) -> None:
        """Ask for one position to be closed, by what was just read; lift the suspension if that is in the way."""
        self.halted = self.standing.halt_came()
        if self.halted is not None:
            return
        error = self._ask_to_close(position)
        if isinstance(error, BrokerRefused) and REFUSED_BY_SUSPENSION in error.message.lower():
            if not self._lift():
                return
            self._ask_to_close(position)

    def _ask_to_close(self, position: Position) -> BrokerError | None:
        qty, broker, symbol = abs(position.qty), self.tools.broker, position.symbol
        name = f"close {symbol}"[:64]
        self.run.step(name, StepStatus.STARTED, f"closing {plain(qty)} {symbol}")
        answer = self.run.ask(name, lambda s: broker.close_position(symbol, qty, within=s))
        if answer.value is not None:
            self.ours.add(answer.value.id)
        word = "order sent" if answer.error is None else answer.word
        self.words[symbol] = word
        self.run.step(name, answer.status, f"closing {plain(qty)} {symbol}: {word}, {answer.seconds:.2f} s")
        return answer.error

    def _lift(self) -> bool:
        """The broker refuses because of the suspension: off it goes, and on again before this run ends."""
        self.halted = self.standing.halt_came()
        if self.halted is not None:
            return False
        self.lifted = True
        # Written before it is sent: whoever takes this up after a crash puts the suspension back.
        self.run.step(LIFT, StepStatus.STARTED, "the suspension refuses closing orders: lifting it for them")
        broker = self.tools.broker
        answer = self.run.ask(LIFT, lambda s: broker.change_configuration({SUSPEND: False}, within=s))
        suspension = self.suspending.read()
        off = suspension.suspend_trade is False and suspension.trade_suspended_by_user is False
        status = StepStatus.OK if off else StepStatus.UNKNOWN
        self.run.step(LIFT, status, f"lifted for closing: {answer.word}; {self.suspending.words}")
        if not off:
            self.why = f"the suspension could not be lifted: {answer.word}; {self.suspending.words}"
        return off

    def _restore(self) -> bool:
        """Put the suspension back, cancel what slipped in, and read it. Not bounded by this run's own time."""
        run = self.run = Run(self.tools, self.tools.limits.look)
        self.suspending, self.clearing = Suspending(run), Clearing(run)
        for place in range(self.tools.limits.rounds):
            if place and not run.pause(self.tools.limits.pause):
                break
            self.suspending.take(self.suspending.send().answer())
            read = self.suspending.read().read
            status = {True: StepStatus.OK, False: StepStatus.FAILED, None: StepStatus.UNKNOWN}[read]
            run.step("restore", status, f"suspension put back: {self.suspending.words}")
            if read is True:
                self._clear_others()
                return True
        return False

    def _result(self, empty: bool, restored: bool | None) -> ActionResult:
        waited = self.run.now() - self.request.requested_at
        done = empty and restored is not False
        status = ActionStatus.DONE if done else ActionStatus.WATCHING
        if not done and self.halted is not None and restored is not False:
            status = ActionStatus.FAILED
        elif not done and waited > LOOKED_AT_FOR:
            status = ActionStatus.UNKNOWN
        limits, looks = self.tools.limits, looks_so_far(self.previous)
        again = next_look(looks, limits.first_look, limits.longest_look, self.run.last_told)
        suspended = self.suspending.suspension.read
        return ActionResult(
            status=status,
            headline=self._headline(done, restored),
            evidence={
                "positions_before": self.before,
                "positions_after": quantities_evidence(quantities(self.left))
                if self.left is not None
                else None,
                "left": [f"{one.symbol} {plain(one.qty)}" for one in self.left or ()],
                "words": self.words,
                "lifted": self.lifted and restored is not True,
                "closing_orders": sorted(self.ours),
                "suspension_was_lifted": self.lifted,
                "suspension_restored": restored,
                "looks": looks + 1,
            },
            reading=BrokerReading(
                self.run.now(), suspended, None, account_number=self.suspending.account_number
            ),
            next_step=self._next_step(status, restored),
            look_again_after=again if status is ActionStatus.WATCHING else None,
        )

    def _headline(self, done: bool, restored: bool | None) -> str:
        held = len(self.before) if isinstance(self.before, Mapping) else None
        how = " The suspension was lifted for it and reads on again." if restored else ""
        if done:
            what = (
                f"the {counted(held, 'position')} held at the start {'is' if held == 1 else 'are'} closed"
                if held
                else "nothing was held"
            )
            return f"Flat: {what}, no position is left.{how}"
        if restored is False:
            how = f" The suspension was lifted for it and is NOT read back on ({self.suspending.words})."
        halted = f" It gave way: {self.halted}." if self.halted else ""
        if self.left is None:
            return f"Not proved: what is still held is not known ({self.why}).{halted}{how}"
        if not self.left:
            return f"No position is left.{halted}{how}"
        shown = [
            f"{one.symbol} {plain(one.qty)}"
            + (f" ({self.words[one.symbol]})" if one.symbol in self.words else "")
            for one in self.left[:8]
        ]
        more = f" and {len(self.left) - 8} more" if len(self.left) > 8 else ""
        why = f" {self.why[:1].upper()}{self.why[1:]}." if self.why else ""
        return f"Not flat: {counted(len(self.left), 'position')} left, {', '.join(shown)}{more}.{why}{halted}{how}"

    def _next_step(self, status: ActionStatus, restored: bool | None) -> str | None:
        if restored is False:
            return "Halt the account now: its suspension was lifted to close positions and is not back."
        if status is ActionStatus.DONE:
            return None
        if status is ActionStatus.WATCHING:
            return "Haltdesk keeps looking. Outside market hours closing orders wait for the next open."
        return "Look at the positions in the broker's dashboard; ask again to flatten what is left."
