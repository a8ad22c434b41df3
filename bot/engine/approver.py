"""Checks the gates of requests that take a second person: asks the broker, outside any transaction, then decides."""

import logging
from collections.abc import Callable
from datetime import timedelta

from bot.domain.resuming import Activity
from bot.ports.broker import Broker
from bot.services.approval_checks import needs_broker, settle
from bot.services.approvals import expire
from bot.services.desk import Desk
from bot.services.resume_facts import latest_activity
from bot.store import approvals
from bot.store.approvals import Approval

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=25)  # longer than the calls that a check makes

# (channel, user, text, thread_ts): said to one person only
Whisper = Callable[[str, str, str, str | None], None]


class Approver:
    """`run_once` may run in several threads and processes at once: each takes what no other has."""

    def __init__(self, desk: Desk, broker_of: Callable[[str], Broker], whisper: Whisper) -> None:
        self._desk, self._broker_of, self._whisper = desk, broker_of, whisper

    def run_once(self) -> int:
        """Check every request that waits for it, and close those that have waited too long. Returns how many."""
        now = self._desk.now()
        with self._desk.database.begin() as unit:
            claimed = approvals.claim(unit, now=now, until=now + LEASE)
        for found in claimed:
            self._check(found)
        return len(claimed) + expire(self._desk)

    def _check(self, found: Approval) -> None:
        activity: Activity | None = None
        if needs_broker(found) and found.account in {account.name for account in self._desk.accounts}:
            activity = latest_activity(self._broker_of(found.account), self._desk.now)
        settled = settle(self._desk, found.id, activity)
        if settled.user is not None and settled.channel:
            self._whisper(settled.channel, settled.user, settled.text, settled.thread_ts)
