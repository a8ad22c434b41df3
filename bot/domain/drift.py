"""Drift: what the broker shows, against the trading state that Haltdesk has on record. A decision, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.domain import stages
from bot.domain.brokerage import OrderListing
from bot.domain.halting import Suspension, counted
from bot.domain.words import Severity, TradingState

NAMED_AT_MOST = 3


class DriftKind(StrEnum):
    LIFTED = "lifted"  # on record halted, and the suspension is off
    ORDERS = "orders"  # on record halted, and orders are live
    SUSPENDED = "suspended"  # not halted on record, and the suspension is on
    CONFIGURATION = "configuration"  # another configuration than the stage demands

    @property
    def severity(self) -> Severity:
        """How bad an incident is that this opens. Somebody undid a halt: SEV-1. Source: issue 3, Drift watch."""
        return Severity.SEV1 if self in (DriftKind.LIFTED, DriftKind.ORDERS) else Severity.SEV2

    @property
    def heading(self) -> str:
        # Who did it is not known, so nothing is said about it.
        return {
            DriftKind.LIFTED: "The suspension is off on a halted account",
            DriftKind.ORDERS: "Orders are live on a halted account",
            DriftKind.SUSPENDED: "The account is suspended, and not on record as halted",
            DriftKind.CONFIGURATION: "The account's configuration is not what its stage demands",
        }[self]

    @property
    def next_step(self) -> str:
        """What to do about it, beside the one button."""
        return {
            DriftKind.LIFTED: "Find out who lifted it. Halt again puts the suspension back and proves it.",
            DriftKind.ORDERS: "Halt again cancels them and proves that they are gone.",
            DriftKind.SUSPENDED: "Traders are told to stop. Nothing was changed: find out who suspended it and why. "
            "A halt takes it over, and can then be resumed in stages.",
            DriftKind.CONFIGURATION: "Find out who changed it. A halt stops trading until it is settled; "
            "the next stage of a resume sets the configuration anew.",
        }[self]


@dataclass(frozen=True)
class Seen:
    """One look at the broker. None is "not learned", and decides nothing."""

    suspension: Suspension
    orders: OrderListing | None
    configuration: Mapping[str, Any] | None


@dataclass(frozen=True)
class Comparison:
    """`found` says what is not as recorded, in words; `undecided` could not be told, and changes nothing."""

    found: Mapping[DriftKind, str]
    undecided: frozenset[DriftKind]


def compare(
    state: TradingState, before: Mapping[str, Any] | None, seen: Seen, *, own_suspension: bool
) -> Comparison:
    """Hold a look against the record. `before` is the saved configuration from before the halt.

    `own_suspension`: a halt of Haltdesk's own (suspend only, or one that was never proved) may have set the suspension.
    What does not apply in this state is neither found nor undecided: it is over.
    """
    found: dict[DriftKind, str] = {}
    undecided: set[DriftKind] = set()

    def decide(kind: DriftKind, drifted: bool | None, words: str) -> None:
        if drifted is None:
            undecided.add(kind)
        elif drifted:
            found[kind] = words

    flags = (seen.suspension.suspend_trade, seen.suspension.trade_suspended_by_user)
    if state is TradingState.HALTED:
        read = seen.suspension.read
        decide(
            DriftKind.LIFTED,
            None if read is None else not read,
            f"On record halted; the broker shows {_flags(seen.suspension)}.",
        )
        live = _live(seen.orders)
        decide(DriftKind.ORDERS, live, _orders(seen.orders))
        return Comparison(found, frozenset(undecided))
    suspended = True if True in flags else None if None in flags else False
    if not (suspended and own_suspension):
        decide(
            DriftKind.SUSPENDED,
            suspended,
            f"On record {state}; the broker shows {_flags(seen.suspension)}.",
        )
    if state in (TradingState.RESTRICTED, TradingState.CAUTIOUS):
        if seen.configuration is None:
            undecided.add(DriftKind.CONFIGURATION)
        else:
            changed = stages.difference(stages.wanted(state, seen.configuration, before), seen.configuration)
            shown = {name: seen.configuration.get(name) for name in changed}
            words = f"{state} means {stages.in_words(changed)}; the broker shows {stages.in_words(shown)}."
            decide(DriftKind.CONFIGURATION, bool(changed), words)
    return Comparison(found, frozenset(undecided))


def _live(orders: OrderListing | None) -> bool | None:
    if orders is None:
        return None
    return True if orders.orders else False if orders.complete else None


def _flags(suspension: Suspension) -> str:
    names = {True: "on", False: "off", None: "not learned"}
    return (
        f"suspend_trade {names[suspension.suspend_trade]}, "
        f"trade_suspended_by_user {names[suspension.trade_suspended_by_user]}"
    )


def _orders(orders: OrderListing | None) -> str:
    if orders is None:
        return ""
    named = ", ".join(order.text for order in orders.orders[:NAMED_AT_MOST])
    more = f" and {len(orders.orders) - NAMED_AT_MOST} more" if len(orders.orders) > NAMED_AT_MOST else ""
    return f"{counted(len(orders.orders), 'open order')}: {named}{more}."
