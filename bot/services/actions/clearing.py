"""Getting an account's orders cancelled, and knowing of each what the broker said last."""

from collections.abc import Mapping
from typing import Any

from bot.domain.actions import UnconfirmedOrder
from bot.domain.brokerage import CancelReply, OpenOrder, OrderListing
from bot.domain.halting import PENDING_CANCEL, sort_replies, why_still_open
from bot.domain.words import StepStatus
from bot.services.actions.run import Answer, Run
from bot.services.actions.start import CANCEL, Start

UNKNOWN = "unknown"
MOST_SILENT = 3  # cancels in a row without an answer, after which a round of single cancels stops


class Clearing:
    """The orders of one account during one run. Gone is only what a listing shows gone."""

    def __init__(
        self, run: Run, previous: Mapping[str, Any] | None = None, *, taken_up: bool = False
    ) -> None:
        """`taken_up`: begun before a crash. What is seen open now is not what was open when it began."""
        self._run = run
        self._taken_up = taken_up
        self.start_lost = taken_up or (previous or {}).get("start_lost") is True
        self.known: dict[str, OpenOrder] = {}  # every order that was seen, by id
        self.words: dict[str, str] = {}  # the broker's last word on each cancel
        self.accepted: set[str] = set()
        self.at_start: set[str] = set()  # open when it began, as far as it is known
        self.start_known = (
            False  # whether `at_start` is all of them; of a lost start, all that were still open
        )
        self.listing: OrderListing | None = None  # the last one that came
        self.listing_failed: str | None = None  # why the newest listing did not come
        self.cancel_failed: str | None = None  # why the newest cancel-all did not answer
        self._earlier_asked: int | None = None
        self._earlier_accepted = 0
        self._earlier: tuple[UnconfirmedOrder, ...] = ()
        if previous is not None:
            asked = previous.get("asked")
            self._earlier_asked = asked if isinstance(asked, int) else None
            accepted = previous.get("accepted")
            self._earlier_accepted = accepted if isinstance(accepted, int) else 0
            self._earlier = from_evidence(previous.get("unconfirmed"))
            failed = previous.get("cancel_failed")
            self.cancel_failed = failed if isinstance(failed, str) else None
            remaining = previous.get("remaining")
            self.at_start = {str(item) for item in remaining} if isinstance(remaining, list) else set()

    # What came back

    def take_snapshot(self, listing: OrderListing) -> None:
        for order in listing.orders:
            self.known.setdefault(order.id, order)
        self.at_start |= {order.id for order in listing.orders}
        self.start_known = self.start_known or listing.complete

    def take_start(self, start: Start) -> None:
        """What the record says was open when it began, before the crash."""
        for order in start.orders:
            self.known.setdefault(order.id, order)
        self.at_start |= start.ids
        if start.complete:
            self.start_known, self.start_lost = True, False

    def take_cancel_all(self, name: str, answer: Answer[tuple[CancelReply, ...]], *, first: bool) -> None:
        """Sort every item of a cancel-all into what is known, and record it as step `name`."""
        took = f"{answer.seconds:.2f} s"
        if answer.value is None:
            self.cancel_failed = answer.word
            self._run.step(name, answer.status, f"cancel all: {answer.word}, {took}")
            return
        self.cancel_failed = None
        replies = sort_replies(answer.value)
        self.accepted.update(replies.accepted)
        for order_id in replies.accepted:
            self.words[order_id] = "cancel accepted"
        for reply in replies.refused:
            if reply.order_id:
                self.words[reply.order_id] = reply.last_word
        if first:
            self.at_start |= {*replies.accepted, *(r.order_id for r in replies.refused if r.order_id)}
            self.start_known = True
        status = StepStatus.OK if not replies.refused else StepStatus.UNKNOWN
        refused = [{"id": r.order_id, "status": r.status, "message": r.message} for r in replies.refused]
        evidence: dict[str, Any] = {
            "total": replies.total,
            "accepted": len(replies.accepted),
            "refused": refused,
        }
        if first and name == CANCEL and not self._taken_up:
            evidence["ids"] = [*replies.accepted, *(r.order_id for r in replies.refused if r.order_id)]
        self._run.step(name, status, f"{replies.summary}, {took}", evidence)

    # What is asked

    def list_open(self) -> OrderListing | None:
        """Ask what is open now; None when it could not be learned."""
        answer = self._run.ask("list", lambda within: self._run.tools.broker.list_open_orders(within=within))
        return self.take_listing(answer)

    def take_listing(self, answer: Answer[OrderListing]) -> OrderListing | None:
        if answer.value is None:
            self.listing_failed = answer.word
            self._run.step("list", answer.status, f"open orders could not be listed: {answer.word}")
            return None
        listing = answer.value
        self.listing, self.listing_failed = listing, None
        for order in listing.orders:
            self.known[order.id] = order
        pending = sum(order.status == PENDING_CANCEL for order in listing.orders)
        summary = (
            f"{len(listing.orders)} open, {pending} of them pending cancel" if listing.orders else "none open"
        )
        if not listing.complete:
            summary += f"; the list may not be complete ({listing.note})"
        status = StepStatus.OK if listing.complete else StepStatus.UNKNOWN
        evidence = {"open": len(listing.orders), "complete": listing.complete}
        self._run.step("list", status, f"{summary}, {answer.seconds:.2f} s", evidence)
        return listing

    def cancel_singly(self, listing: OrderListing) -> None:
        """Ask one by one for what did not go and is not pending; the rest waits for the next round."""
        left = [order for order in listing.orders if order.status != PENDING_CANCEL]
        tried = left[: self._run.tools.limits.singly]
        if not tried:
            return
        taken, asked, silent = 0, 0, 0
        self._run.step("cancel-singly", StepStatus.STARTED, f"asking for {len(tried)} one by one")
        for order in tried:
            if self._run.over:
                break
            answer = self._cancel_one(order.id)
            asked += 1
            if answer.value is None:
                self.words[order.id] = answer.word
                silent += 1
                if self._run.told_to_wait or silent >= MOST_SILENT:
                    break  # rate limit or outage: asking on would only lengthen it; the next round comes
                continue
            silent = 0
            self.words[order.id] = answer.value.last_word
            if answer.value.accepted:
                taken += 1
                self.accepted.add(order.id)
        status = StepStatus.OK if taken == len(left) else StepStatus.UNKNOWN
        words = sorted({self.words[order.id] for order in tried[:asked]} - {"cancel accepted"})
        detail = f": {'; '.join(words[:3])}" if words else ""
        self._run.step("cancel-singly", status, f"{taken} of {len(left)} accepted one by one{detail}")

    def _cancel_one(self, order_id: str) -> Answer[CancelReply]:
        broker = self._run.tools.broker
        return self._run.ask("cancel", lambda within: broker.cancel(order_id, within=within))

    def name_the_nameless(self) -> None:
        """Find symbols of orders known from cancel replies only, among the newest orders."""
        nameless = (set(self.words) | self.at_start) - self.known.keys()
        if not nameless or self._run.over:
            return
        broker = self._run.tools.broker
        answer = self._run.ask("names", lambda within: broker.list_latest_orders(within=within))
        for order in answer.value or ():
            if order.id in nameless:
                self.known[order.id] = order

    # What is known

    @property
    def asked(self) -> int | None:
        """Orders open when it began; None when neither the snapshot nor the cancel-all told, nor the record."""
        if self._earlier_asked is not None:
            return self._earlier_asked
        return len(self.at_start) if self.start_known and not self.start_lost else None

    @property
    def accepted_count(self) -> int:
        return max(self._earlier_accepted, len(self.accepted))

    @property
    def current(self) -> OrderListing | None:
        """The newest listing, if the newest attempt gave one."""
        return self.listing if self.listing_failed is None else None

    @property
    def gone(self) -> int | None:
        """Of the orders open at the start, how many a complete listing shows gone."""
        listing, asked = self.current, self.asked
        if listing is None or not listing.complete or asked is None:
            return None
        return asked - len(self.remaining)

    @property
    def remaining(self) -> tuple[str, ...]:
        """Ids of the orders open at the start that no complete listing has shown gone yet."""
        listing = self.current
        if listing is None or not listing.complete:
            return tuple(sorted(self.at_start))
        return tuple(sorted(self.at_start & {order.id for order in listing.orders}))

    def unconfirmed(self) -> tuple[UnconfirmedOrder, ...]:
        """Every order that was to go and that no complete listing shows gone, with the broker's last word."""
        listing = self.current
        named = {order.id: self._unconfirmed(order) for order in (listing.orders if listing else ())}
        if listing is not None and listing.complete:
            return tuple(named.values())
        for earlier in self._earlier:
            named.setdefault(earlier.id, earlier)
        for order_id in sorted(self.at_start | self.words.keys() | self.known.keys()):
            if order_id not in named:
                order = self.known.get(order_id) or OpenOrder(order_id, UNKNOWN, UNKNOWN, None, UNKNOWN)
                word = self.words.get(order_id, order.status.replace("_", " "))
                named[order_id] = UnconfirmedOrder(
                    order.id,
                    order.symbol,
                    order.side,
                    order.quantity_text,
                    order.status,
                    f"{word}, not seen gone",
                )
        return tuple(named.values())

    def _unconfirmed(self, order: OpenOrder) -> UnconfirmedOrder:
        why = why_still_open(order, self.words.get(order.id))
        return UnconfirmedOrder(order.id, order.symbol, order.side, order.quantity_text, order.status, why)


def as_evidence(orders: tuple[UnconfirmedOrder, ...]) -> list[dict[str, str]]:
    return [
        {"id": o.id, "symbol": o.symbol, "side": o.side, "qty": o.qty, "status": o.status, "why": o.why}
        for o in orders
    ]


def from_evidence(raw: Any) -> tuple[UnconfirmedOrder, ...]:
    """Read `as_evidence` back from a record; anything that is not of that shape is left out."""
    if not isinstance(raw, list):
        return ()
    keys = ("id", "symbol", "side", "qty", "status", "why")
    return tuple(
        UnconfirmedOrder(*(str(item[key]) for key in keys))
        for item in raw
        if isinstance(item, dict) and all(key in item for key in keys)
    )
