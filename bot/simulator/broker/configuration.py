"""The account configuration that a desk can change: fields, defaults, and what may be written."""

from collections.abc import Mapping
from typing import Any

from bot.simulator.broker.wire import invalid

DEFAULTS: Mapping[str, Any] = {
    "dtbp_check": "entry",
    "trade_confirm_email": "all",
    "suspend_trade": False,
    "no_shorting": False,
    "fractional_trading": True,
    "max_margin_multiplier": "4",
    "max_options_trading_level": 3,
    "pdt_check": "entry",
    "ptp_no_exception_entry": False,
    "disable_overnight_trading": False,
}
_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "dtbp_check": ("both", "entry", "exit"),
    "pdt_check": ("both", "entry", "exit"),
    "trade_confirm_email": ("all", "none"),
    "max_margin_multiplier": ("1", "2", "4"),
    "max_options_trading_level": (None, 0, 1, 2, 3),
}


def checked(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes as they will be stored. Raises `Refusal` (422) and then changes nothing."""
    result: dict[str, Any] = {}
    for name, raw in changes.items():
        if name not in DEFAULTS:
            raise invalid(f"unknown configuration field {name!r}")
        value = str(raw) if name == "max_margin_multiplier" else raw
        choices = _CHOICES.get(name, (True, False))
        if isinstance(value, bool) != (name not in _CHOICES) or value not in choices:
            raise invalid(f"invalid {name}: {raw!r}")
        result[name] = value
    return result
