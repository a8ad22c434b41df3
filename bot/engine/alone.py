"""One halt or cancel without the database: done, and looked at again until it is proved or the database has it."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.adapters.bounded import Pending, StillRunning
from bot.adapters.journal import Page
from bot.domain.actions import ActionRequest, ActionResult
from bot.engine.record import PATIENCE, JournalRecord
from bot.engine.runner import Perform, Previous, broken_off
from bot.ports.about import about
from bot.ports.record import Timepiece
from bot.services.actions.journaled import result_entry
from bot.store.database import DatabaseError

log = logging.getLogger(__name__)

LONGEST = timedelta(minutes=30)  # looking again at what is not proved; then people have long been told


@dataclass(frozen=True)
class Surroundings:
    """What an action without the database works with. `say` reaches the channel; `result` is told where it stands.

    `hand_over` gives what it has written to the database, for the runner here to go on; None where there is no runner.
    """

    time: Timepiece
    say: Callable[[str], None]
    result: Callable[[ActionResult], None]
    hand_over: Callable[[Page], bool] | None


class Alone:
    """Start its `thread`; it is over when that has ended."""

    def __init__(
        self,
        request: ActionRequest,
        record: JournalRecord,
        entry: Mapping[str, Any],
        perform: Perform,
        around: Surroundings,
    ) -> None:
        self.request, self.record = request, record
        self._entry, self._perform, self._around = entry, perform, around
        self._bringing: Pending[bool] | None = None
        name = f"{request.kind}:{request.account} alone"
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def _run(self) -> None:
        try:
            with about(action=f"{self.request.kind}:alone", account=self.request.account):
                self.record.write(self._entry)
                self._run_to_its_end()
        finally:
            self.record.close()

    def _run_to_its_end(self) -> None:
        time, say, request = self._around.time, self._around.say, self.request
        what = f"{request.kind.verb} on {request.account}"
        say(f"{what} runs without Haltdesk's database; its record goes to the journal file.")
        last: ActionResult | None = None
        ends = time.now() + LONGEST
        while True:
            result = self._look(last)
            # Whoever takes its row up looks at the broker for the second time at least.
            self.record.write(result_entry(self.record.request_key, result, time.now(), attempt=1))
            self._around.result(result)
            if last is None or result.headline != last.headline:
                say(f"{result.headline} {result.next_step or ''}".strip())
            last, again = result, result.look_again_after
            if result.status.ended or again is None or time.now() > ends or self._handed_over():
                return
            if time.wait(again.total_seconds()):
                return
            if self._bringing is not None and self._handed_over():
                return  # the database took it after all

    def _look(self, last: ActionResult | None) -> ActionResult:
        previous: Previous = dict(last.evidence) if last is not None else None
        try:
            return self._perform(self.request, self.record, previous)
        except Exception as failure:  # the action's own defect: told as what it is, and tried again
            log.exception("%s on %s broke off", self.request.kind.verb, self.request.account)
            return broken_off(self.request.kind, self.request.account, last, failure)

    def _handed_over(self) -> bool:
        """Once the database answers it is a row like any other: everybody sees it, and the runner goes on looking."""
        page, hand_over = self.record.page, self._around.hand_over
        if page is None or hand_over is None:
            return False
        if self._bringing is None:
            self._bringing = Pending(lambda: hand_over(page), "hand over")
        try:
            handed_over = self._bringing.result(PATIENCE)
        except StillRunning:
            return False  # it may come back while this goes on; it is not asked twice
        except (DatabaseError, OSError) as failure:
            log.warning("not handed over, the record stays in the journal: %s", type(failure).__name__)
            handed_over = False
        self._bringing = None
        return handed_over
