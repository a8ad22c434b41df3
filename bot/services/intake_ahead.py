"""What a batch of webhooks will ask of the record, each kind read at once instead of once for each webhook.

Everything here is an answer that `UnitOfWork.foresee` keeps: whoever finds none asks by himself, and gets the same.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from bot.domain.alerts import AlertGroup, ReceivedAlert
from bot.domain.severity import Decision
from bot.domain.words import AlertStatus, Severity
from bot.services import adoption, channel_joining, lasting, relapse, relating
from bot.services.desk import Desk
from bot.store import incidents, merges
from bot.store import known as on_record
from bot.store.database import UnitOfWork


def read_ahead(unit: UnitOfWork, desk: Desk, groups: Sequence[AlertGroup]) -> dict[Hashable, Any]:
    """Held in the order in which everybody holds: messages, comparisons, alerts, accounts, incidents."""
    told = [alert for group in groups for alert in group.alerts]
    identities = list({(alert.fingerprint, alert.starts_at): None for alert in told})
    answers = channel_joining.read_ahead(unit, desk)
    answers |= adoption.read_ahead(unit, desk, groups)
    keys = list({group.group_key: None for group in groups})
    since = desk.now() - desk.reopen_window
    known = on_record.known(unit, (mark for mark, _ in identities), keys, since)
    answers |= lasting.read_ahead(unit, identities, any_known=on_record.ALERTS in known)
    decided = {id(alert): desk.policy.decide(alert.labels, alert.annotations) for alert in told}
    # By the alerts' own objects, which live as long as the batch; and for good: what is decided does not change.
    unit.foresee({("decided", number): decision for number, decision in decided.items()}, for_good=True)
    if Severity.SEV1 in {decision.severity for decision in decided.values()}:
        answers |= relapse.read_ahead(unit, desk)
        if on_record.GROUPS not in known:
            # Whoever was waited for there, in another process, may have opened an incident of one of the groups.
            known |= on_record.known(unit, (), keys, since)
    names = desk.policy.relating.account_labels
    if not all(alert.labels.keys().isdisjoint(names) for alert in told):
        answers |= relating.read_ahead(unit)
    if on_record.GROUPS in known:
        answers |= incidents.read_ahead(unit, keys, since)
        # After the incidents: whoever waited there for a merge to commit must see what it has written.
        answers |= merges.read_ahead(unit, keys)
    else:
        # A storm of what is new, which is when it counts.
        answers |= {(what, key): None for what in ("open", "resolved", "owner") for key in keys}
    homeless = {key for key in keys if not (answers["open", key] or answers["resolved", key])}
    opening = {
        group.group_key
        for group in groups
        if group.group_key in homeless
        and answers["owner", group.group_key] is None
        and any(_fires_anew(alert, decided[id(alert)], answers) for alert in group.alerts)
    }
    numbers = incidents.numbers_ahead(unit, len(opening))
    # PostgreSQL gives a number once: one that is not used is a gap. On SQLite another insert may take it first.
    unit.foresee(numbers, for_good=unit.dialect == "postgresql")
    return answers if unit.dialect == "postgresql" else answers | numbers


def _fires_anew(alert: ReceivedAlert, decision: Decision, answers: Mapping[Hashable, Any]) -> bool:
    known = answers["alert", (alert.fingerprint, alert.starts_at)]
    new = known is None or known.status is AlertStatus.RESOLVED
    return alert.status is AlertStatus.FIRING and new and not decision.ignore
