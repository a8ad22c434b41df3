"""The tables. A row that is to be told to Slack, run or remembered for later is written with the change itself."""

from bot.store.tables.acting import (
    accounts,
    action_steps,
    actions,
    approvals,
    drift_episodes,
    planned_reconciliations,
    reconciliation_runs,
    traders,
)
from bot.store.tables.alerting import alert_sightings, alerts, channel_groups, checkpoints
from bot.store.tables.auditing import audit
from bot.store.tables.base import metadata
from bot.store.tables.incidents import (
    checklist_marks,
    documents,
    incident_merges,
    incident_relations,
    incident_subjects,
    incidents,
    merged_groups,
    phase_visits,
    timeline,
)
from bot.store.tables.telling import deadlines, delivery_lags, messages, seen

__all__ = [
    "accounts",
    "action_steps",
    "actions",
    "alert_sightings",
    "alerts",
    "approvals",
    "audit",
    "channel_groups",
    "checklist_marks",
    "checkpoints",
    "deadlines",
    "delivery_lags",
    "documents",
    "drift_episodes",
    "incident_merges",
    "incident_relations",
    "incident_subjects",
    "incidents",
    "merged_groups",
    "messages",
    "metadata",
    "phase_visits",
    "planned_reconciliations",
    "reconciliation_runs",
    "seen",
    "timeline",
    "traders",
]
