"""Walks the audit's chain all the time, a slice a minute, so that a changed entry is told of without being asked."""

import logging
from itertools import islice

from bot.domain.audit import BEGINNING, verify
from bot.services.desk import Desk
from bot.store import audit
from bot.store.database import UnitOfWork

log = logging.getLogger(__name__)

SLICE = 1000  # entries a run; at one run a minute, a hundred thousand in less than two hours


class AuditWatch:
    """One process's walk. `fault` names what was found first, and stays: only people can mend an audit."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._at = (0, BEGINNING)
        self._furthest = (0, BEGINNING)
        self.fault: str | None = None
        self.walked: int | None = None

    def run_once(self) -> bool:
        """Verify the next slice; at the end, begin anew. True while the chain is intact as far as it was walked."""
        with self._desk.database.read() as unit:
            fault = self._cut_off(unit)
            if fault is None:
                fault = self._next(unit)
        if fault is not None and self.fault is None:
            self.fault = fault
            log.critical(
                "the audit is not as it was written: %s. Keep a copy of the database and run `haltdesk audit verify`.",
                fault,
            )
        return self.fault is None

    def _next(self, unit: UnitOfWork) -> str | None:
        before = self._at
        number, digest = before
        part = islice(audit.entries(unit, after=number if number else None), SLICE)
        verdict = verify(part, after=(number, digest))
        if not verdict.intact:
            return verdict.fault
        self._at = (verdict.entries, verdict.last_hash)
        self._furthest = max(self._furthest, self._at)
        self.walked = self._furthest[0]
        if self._at[0] - before[0] < SLICE:
            self._at = (0, BEGINNING)
        return None

    def _cut_off(self, unit: UnitOfWork) -> str | None:
        """The furthest entry that was ever verified must still be there: a chain cut short looks whole by itself."""
        number, digest = self._furthest
        if number == 0:
            return None
        found = next(audit.entries(unit, after=number - 1), None)
        if found is None or found.seq != number:
            return f"entry {number} was there and is not any more: the chain was cut off"
        return None if found.hash == digest else f"entry {number} has another hash than it had: replaced"
