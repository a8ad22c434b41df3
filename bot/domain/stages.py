"""What each trading state means in the broker's account configuration. Source: `design.md`, `facts.md`."""

from collections.abc import Mapping
from typing import Any

from bot.domain.words import TradingState

SUSPEND = "suspend_trade"
# What the broker can tighten; "reduce only" itself has no documented setting and is the trader's gate.
TIGHT: Mapping[str, Any] = {
    "no_shorting": True,
    "max_margin_multiplier": "1",
    "max_options_trading_level": 0,
    "disable_overnight_trading": True,
}


def wanted(
    stage: TradingState, now: Mapping[str, Any], before: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """The fields that the account must show in `stage`, the suspension left out.

    Only fields that the account has. `now` is its configuration, `before` the one from before the halt; without
    it there is nothing to restore and nothing but the suspension is touched.
    """
    if stage is TradingState.RESTRICTED:
        return {name: value for name, value in TIGHT.items() if name in now}
    if before is None:
        return {}
    return {name: value for name, value in before.items() if name in now and name != SUSPEND}


def difference(want: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Just what has to be sent: the fields whose value is another one."""
    return {name: value for name, value in want.items() if name not in now or not same(value, now[name])}


def same(left: Any, right: Any) -> bool:
    """`True` is not `1`; a multiplier of "1" and of 1 are the same."""
    if isinstance(left, bool) or isinstance(right, bool) or left is None or right is None:
        return left is right
    return str(left) == str(right)


def missing(stage: TradingState, now: Mapping[str, Any], before: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Fields of the configuration from before the halt that the account does not show any more."""
    if stage is TradingState.RESTRICTED or before is None:
        return ()
    return tuple(sorted(name for name in before if name not in now and name != SUSPEND))


def in_words(changes: Mapping[str, Any]) -> str:
    """`no_shorting true, max_margin_multiplier 1`."""
    shown = {True: "true", False: "false", None: "not set"}
    return ", ".join(
        f"{name} {shown[value] if value is None or isinstance(value, bool) else value}"
        for name, value in changes.items()
    )
