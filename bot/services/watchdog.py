"""The Watchdog: an alert that fires all the time, so that its silence tells that no alert comes through."""

from datetime import datetime

from bot.domain.alerts import AlertGroup, ReceivedAlert
from bot.domain.fingerprint import fingerprint
from bot.domain.words import AlertStatus, Severity
from bot.services import incidents as service
from bot.services import intake
from bot.services.desk import Desk
from bot.store import alerts, merges, sightings
from bot.store.checkpoints import Checkpoint
from bot.store.database import UnitOfWork

GROUP = "haltdesk:watchdog"
LABELS = {"alertname": "AlertingPathSilent", "source": "haltdesk"}
FINGERPRINT = fingerprint(LABELS)


def judge(
    unit: UnitOfWork, desk: Desk, checkpoint: Checkpoint, listening_since: datetime, now: datetime
) -> bool:
    """Open the incident of a silent Watchdog, once, or clear it. True when something was told.

    Silence is counted from `listening_since` on: what Haltdesk was not there to hear is nobody's silence.
    """
    policy = desk.policy.alerting
    standing = _standing(unit, now)
    heard = checkpoint.watchdog_at
    if not policy.watchdog or not checkpoint.watchdog_armed or heard is None:
        return _tell(unit, desk, standing, AlertStatus.RESOLVED, now) if standing is not None else False
    silent = now - max(heard, listening_since) > policy.watchdog_silent_after
    if silent and standing is None:
        return _tell(unit, desk, heard, AlertStatus.FIRING, now)
    if standing is not None and heard > standing:
        return _tell(unit, desk, standing, AlertStatus.RESOLVED, now)
    return False


def _standing(unit: UnitOfWork, now: datetime) -> datetime | None:
    """The start of the silence that was told and is not over."""
    found = sightings.of_fingerprints(unit, {FINGERPRINT}, now).get(FINGERPRINT, [])
    return next((one.alert.starts_at for one in found if one.alert.status is AlertStatus.FIRING), None)


def _tell(unit: UnitOfWork, desk: Desk, since: datetime, status: AlertStatus, now: datetime) -> bool:
    """Like an alert of its own, so that it is shown, acknowledged and cleared as one."""
    name = desk.policy.alerting.watchdog or "The Watchdog"
    summary = (
        f"The alerting path is silent: {name} has not come since {since:%Y-%m-%d %H:%M} UTC. Other alerts may not "
        "come either. Look at Prometheus, at Alertmanager, and at the road from one to the other and to Haltdesk."
    )
    alert = ReceivedAlert(
        fingerprint=FINGERPRINT,
        starts_at=since,
        ends_at=now if status is AlertStatus.RESOLVED else None,
        status=status,
        labels=LABELS,
        annotations={"summary": summary},
        generator_url=None,
    )
    known = alerts.by_identity(unit, [(FINGERPRINT, since)])
    opens = merges.open_of_group(unit, GROUP) is None and status is AlertStatus.FIRING and not known
    if opens and merges.last_resolved_of_group(unit, GROUP, now - desk.reopen_window) is None:
        service.open_incident(
            unit,
            desk,
            title="The alerting path is silent",
            severity=Severity.SEV2,
            reason=f"{name} stopped coming",
            group_key=GROUP,
            at=now,
        )
    intake.receive_in(unit, desk, AlertGroup(GROUP, (alert,), {"alertname": LABELS["alertname"]}))
    return True
