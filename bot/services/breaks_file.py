"""The file with every break of a reconciliation, in the incident's thread: a message row like any other.

So it is retried, and not doubled: its name carries the row's nonce, by which the deliverer looks for it in the thread
when an answer was lost or a process died after the upload. Only then is it uploaded again. Breaks of an ended
reconciliation do not change, so a file that stands there is never replaced.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from bot.domain.incident import Incident, incident_key
from bot.rendering.breaks_csv import breaks_csv
from bot.rendering.evidence import MOST_ROWS, read
from bot.rendering.render import Attachment, Make, Rendered
from bot.rendering.text import clean
from bot.services.desk import Desk
from bot.services.thread import root_key
from bot.store import actions, incidents, messages
from bot.store.actions import ActionRecordRow
from bot.store.database import UnitOfWork
from bot.store.messages import Message, Urgency


def want_breaks_file(
    unit: UnitOfWork, incident: Incident, action_id: int, run: Mapping[str, Any], at: datetime
) -> None:
    """Ask for the file when the table in the action's message cannot hold every break."""
    if len(run.get("breaks") or ()) > MOST_ROWS:
        messages.want(
            unit,
            f"action:{action_id}:breaks",
            "breaks_file",
            incident.id,
            channel=incident.channel,
            at=at,
            ref=str(action_id),
            parent_key=root_key(incident.id),
            urgency=Urgency.NOTICE,
        )


def read_breaks_file(unit: UnitOfWork, desk: Desk, message: Message) -> Make:
    number = int(str(message.ref))
    action = actions.get(unit, number)
    if action is None:
        raise LookupError(f"action {number} has a file in Slack, but is not in the database")
    incident = incidents.get(unit, message.incident_id)
    return partial(_breaks_file, message, action, drill=incident is not None and incident.drill)


def _breaks_file(message: Message, action: ActionRecordRow, *, drill: bool) -> Rendered:
    found = read(action.evidence).run
    breaks = found.breaks if found is not None else ()
    mark = "DRILL · " if drill else ""
    key = incident_key(message.incident_id)
    title = f"{mark}{key}: all {len(breaks):,} breaks of {clean(action.account)} (action {action.id}).csv"
    text = f"{mark}All {len(breaks):,} breaks of the reconciliation of {clean(action.account)}, worst first"
    name = f"{key}-breaks-{message.nonce}.csv"
    return Rendered(text, [], Attachment(name, title, breaks_csv(breaks)))
