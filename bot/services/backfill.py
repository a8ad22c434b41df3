"""Holds the record against Alertmanager and Prometheus: at the start, every minute, and when somebody waits for it.

The network is asked outside any transaction, by one process at a time; what was learned is compared and stored in one.
Killed at any point, it is done again from the checkpoint: an alert that is in the record already is not lost there.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from bot.domain.alert_reading import from_json, to_json
from bot.domain.words import Phase
from bot.services import alert_history, checklist, relapse, watchdog
from bot.services.alert_sources import PROMETHEUS, AlertSources, Found
from bot.services.clearance import note
from bot.services.desk import Desk
from bot.services.found_alerts import clear_gone, take_in_firing
from bot.services.past_alerts import take_in_past
from bot.services.thread import show_phase
from bot.store import checkpoints, incidents, sightings
from bot.store.checkpoints import Checkpoint
from bot.store.database import UnitOfWork

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)  # said anew between the questions, of which each takes 5 s, and before storing
FRESH = timedelta(seconds=45)  # what was read longer ago is not compared: a webhook may have overtaken it
OVERLAP = timedelta(
    minutes=1
)  # read again each time: an evaluation is in the history a little after its time
AT_ONCE = 200  # firings of the past in one transaction
MUTED_KEPT = 5_000


class Backfill:
    """`run_once` compares when it is due. Any process may call it as often as it likes."""

    def __init__(self, desk: Desk, sources: AlertSources) -> None:
        self._desk, self._sources = desk, sources
        self._listening_since = desk.now()
        self._name = uuid4().hex

    def run_once(self) -> bool:
        """False when it is not due, or another process does it. Raises DatabaseError; it is then due again later."""
        desk = self._desk
        now = desk.now()
        with desk.database.read() as unit:
            seen = checkpoints.current(unit)
        if seen is not None and seen.due_at > now:
            return False
        with desk.database.begin() as unit:
            checkpoints.ensure(unit, now)
            checkpoint = checkpoints.claim(unit, self._name, now, LEASE)
        if checkpoint is None:
            return False
        policy = desk.policy.alerting
        if not self._sources.any:
            with desk.database.begin() as unit:
                held = checkpoints.hold(unit, self._name)
                if held is not None:
                    watchdog.judge(unit, desk, held, self._listening_since, desk.now())
                    checkpoints.release(unit, held, now + policy.compare_every)
            return True
        checked = checkpoint.checked_until or now
        overlap = OVERLAP + policy.take_in_after
        since = alert_history.starts(checked, now, policy.look_back, overlap)
        found = self._sources.ask(since, checkpoint.added_labels, self._going_on)
        with desk.database.read() as unit:
            before = self._notes(unit)
        with desk.database.begin() as unit:
            done = self._compare(unit, found, now)
        if done:
            self._go_on(before)
        return done

    def _going_on(self) -> None:
        """Keep the claim: a process that died keeps the others from it for one lease, not for a whole comparison."""
        with self._desk.database.begin(durable=False) as unit:
            checkpoints.keep_claim(unit, self._name, self._desk.now() + LEASE)

    def _compare(self, unit: UnitOfWork, found: Found, began: datetime) -> bool:
        """Store all that was learned; false when the claim was lost meanwhile."""
        desk, policy = self._desk, self._desk.policy.alerting
        sightings.alone(unit)
        held = checkpoints.hold(unit, self._name)
        if held is None:
            return False
        now = desk.now()
        relapse.hold_accounts(unit, desk)  # before any incident, as everybody does
        away = _Away(held, began, policy.compare_every)
        muted = _muted(held, found, now, policy.look_back)
        shown = _shown(found)
        if now - found.reading.at <= FRESH:
            unheard = found.reading.alertmanager is None or found.reading.alertmanager.why is not None
            hidden = muted.keys() if unheard else ()
            if take_in_firing(unit, desk, found.live, found.groups, hidden, now):
                log.info("alerts that fire were found and taken in")
        checked, more = self._past(unit, found, held, muted, shown, away, now)
        if now - found.reading.at <= FRESH:
            clear_gone(unit, desk, found.reading, shown, now)
        if found.watchdog_seen:
            checkpoints.watchdog_heard(unit, found.reading.at, policy.watchdog_silent_after)
        checkpoints.change(
            unit,
            reading=to_json(found.reading),
            added_labels=dict(found.added_labels) if found.added_labels is not None else None,
            muted={name: [at.isoformat() for at in times] for name, times in muted.items()},
            checked_until=checked,
        )
        fresh = checkpoints.current(unit)
        assert fresh is not None  # it is held
        watchdog.judge(unit, desk, fresh, self._listening_since, now)
        checkpoints.release(unit, held, now if more else now + policy.compare_every)
        return True

    def _past(
        self,
        unit: UnitOfWork,
        found: Found,
        held: Checkpoint,
        muted: Mapping[str, Sequence[datetime]],
        shown: Collection[str],
        away: "_Away",
        now: datetime,
    ) -> tuple[datetime | None, bool]:
        """Take in what fired and ended. Returns up to when the record is complete, and whether more is known."""
        history = found.history
        if history is None or history.through is None:
            return held.checked_until, False
        desk = self._desk
        # What ended just now is left to its webhook, and read again.
        settled = min(history.through, now - desk.policy.alerting.take_in_after)
        ended = [one for one in history.ended(found.added_labels or {}) if one.ends_at <= settled]
        first, more = ended[:AT_ONCE], len(ended) > AT_ONCE
        take_in_past(
            unit,
            desk,
            first,
            muted=muted,
            active_before=found.active_before,
            shown=shown,
            away=away,
            now=now,
        )
        through = first[-1].ends_at if more else settled
        return max(through, held.checked_until or through), more

    def _notes(self, unit: UnitOfWork) -> dict[int, str]:
        """What the checklist says of each incident that awaits its resolution."""
        waiting = incidents.awaiting(unit, Phase.RESOLUTION)
        return {incident.id: note(unit, self._desk, incident) for incident in waiting}

    def _go_on(self, before: Mapping[int, str]) -> None:
        """Resolve what only awaited this; show what has changed. A crash before it is made up for in a minute."""
        for number in sorted(before):
            with self._desk.database.begin() as unit:
                incident = incidents.lock(unit, number)
                if incident is None or not incident.open:
                    continue
                incident = checklist.cleared(unit, self._desk, incident)
                if incident.open and note(unit, self._desk, incident) != before[number]:
                    show_phase(unit, incident, Phase.RESOLUTION, self._desk.now())


class _Away:
    """Whether a firing falls into the time in which no comparison was done."""

    def __init__(self, held: Checkpoint, began: datetime, every: timedelta) -> None:
        self._from = from_json(held.reading).at if held.reading is not None else None
        self._until, self._longest = began, 3 * every + LEASE

    def __call__(self, starts_at: datetime, ends_at: datetime) -> bool:
        if self._from is None or self._until - self._from <= self._longest:
            return False
        return starts_at < self._until and self._from < ends_at


def _shown(found: Found) -> set[str]:
    """The fingerprints of all that fires or is pending, ignored ones too."""
    prometheus = found.reading.prometheus
    pending = {alert.fingerprint for alert in prometheus.pending} if prometheus is not None else set()
    return found.reading.firing() | pending | set(found.live)


def _muted(
    held: Checkpoint, found: Found, now: datetime, look_back: timedelta
) -> dict[str, tuple[datetime, datetime]]:
    """Fingerprints seen muted: first and last time; forgotten after the look-back."""
    kept: dict[str, tuple[datetime, datetime]] = {}
    for name, (first, last) in (held.muted or {}).items():
        if now - datetime.fromisoformat(last) <= look_back:
            kept[name] = (datetime.fromisoformat(first), datetime.fromisoformat(last))
    for name, alert in found.live.items():
        if alert.muted is not None and alert.source != PROMETHEUS:
            first, last = kept.get(name, (now, now))
            # A new firing of the same alert is muted anew.
            kept[name] = (first if first >= alert.starts_at else now, now)
    newest = sorted(kept.items(), key=lambda item: item[1][1], reverse=True)
    return dict(newest[:MUTED_KEPT])
