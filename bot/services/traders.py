"""Remembers which trader asked for its trading state, and tells the health check how long ago that was."""

import logging
import threading
from datetime import datetime, timedelta

from bot.domain.health import Component, ComponentStatus
from bot.services.desk import Desk
from bot.store import traders
from bot.store.database import DatabaseError
from bot.store.traders import Trader

log = logging.getLogger(__name__)

WRITTEN_EVERY = timedelta(seconds=5)  # a trader asks every second; a row a second would be for nothing
SILENT_AFTER = timedelta(seconds=30)
FORGOTTEN_AFTER = timedelta(days=1)
NAMES_AT_MOST = 1000
NAME = "trader"


class Traders:
    """Traders by the name that they give (`X-Trader`). One for each process that serves `/v1/trading-state`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._written: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def asked(self, name: str, account: str | None) -> None:
        """Remember it. Never raises and seldom writes: the trader's answer matters more than its mark."""
        now = self._desk.now()
        name = "".join(letter for letter in name if letter.isprintable())[:80] or "unnamed"
        with self._lock:
            written = self._written.get(name)
            if written is not None and timedelta() <= now - written < WRITTEN_EVERY:
                return
            if written is None and len(self._written) >= NAMES_AT_MOST:
                self._written.clear()
            self._written[name] = now
        try:
            with self._desk.database.begin() as unit:
                traders.asked(unit, Trader(name, account, now))
                if written is None:
                    traders.forget(unit, now - FORGOTTEN_AFTER)
        except DatabaseError as failure:
            log.warning("trader %s asked; that could not be written (%s)", name, type(failure).__name__)

    def check(self, account: str, seconds: float) -> Component:
        """When this account's traders last asked. OFF while none has asked within a day."""
        now = self._desk.now()
        with self._desk.database.read() as unit:
            found = [one for one in traders.listed(unit) if one.account in (account, None)]
        found = [one for one in found if now - one.asked_at < FORGOTTEN_AFTER]
        threshold = f"warns from {SILENT_AFTER.total_seconds():.0f} s"
        if not found:
            return Component(
                NAME,
                ComponentStatus.OFF,
                "no trader has asked for its trading state within a day",
                threshold,
                "Let traders ask GET /v1/trading-state before they send orders (docs/trading-gate.md).",
            )
        silent = [one for one in found if now - one.asked_at > SILENT_AFTER]
        longest_ago_first = sorted(found, key=lambda one: one.asked_at)
        words = [
            f"{one.name} asked {max(0, round((now - one.asked_at).total_seconds()))} s ago"
            for one in longest_ago_first
        ]
        more = f", and {len(words) - 3} more" if len(words) > 3 else ""
        return Component(
            NAME,
            ComponentStatus.WARN if silent else ComponentStatus.OK,
            ", ".join(words[:3]) + more,
            threshold,
            "It is stopped, or cannot reach Haltdesk; with the gate it then sends no orders."
            if silent
            else None,
        )
