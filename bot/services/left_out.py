"""Alerts that Alertmanager left out of its webhooks (`max_alerts`): nobody knows them, so nobody saw them clear."""

from datetime import datetime

from bot.domain.alerts import AlertGroup
from bot.domain.incident import Incident
from bot.domain.words import Phase
from bot.services.thread import phase_key, show_root
from bot.store import incidents, merges, messages
from bot.store.database import UnitOfWork


def note(unit: UnitOfWork, group: AlertGroup, incident: Incident, now: datetime) -> bool:
    """Keep with the incident how many the newest webhook of each of its groups left out, and show it.

    Whether that were some, and are none any more.
    """
    told = group.truncated
    if told is None or told == incident.left_out == 0:
        return False  # as nearly always: and then nothing is asked
    taken_over = merges.left_out(unit, incident.id)
    if group.group_key in taken_over:
        merges.leave_out(unit, group.group_key, told)
        total = incident.left_out - taken_over[group.group_key] + told
    else:
        total = sum(taken_over.values()) + told
    if total != incident.left_out:
        incidents.change(unit, incident.id, left_out=total)
        show_root(unit, incident, now)
        messages.refresh_if_there(unit, phase_key(incident.id, Phase.RESOLUTION), now)
    return total == 0 < incident.left_out


def unknown(incident: Incident) -> str:
    """What speaks against calling it clear; a sentence but for its end."""
    count = f"{incident.left_out} alert{'s' if incident.left_out != 1 else ''}"
    return f"Alertmanager left {count} out of its last webhook (max_alerts): whether they fire is not known"
