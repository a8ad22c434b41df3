"""What an incident shows in Slack: the keys of its messages, and asking for their newest version."""

from datetime import datetime
from uuid import uuid4

from bot.domain.incident import Incident
from bot.domain.words import Phase
from bot.services.desk import Desk
from bot.store import messages
from bot.store.database import UnitOfWork
from bot.store.messages import Urgency


def root_key(incident_id: int) -> str:
    return f"incident:{incident_id}:root"


def phase_key(incident_id: int, phase: Phase) -> str:
    return f"incident:{incident_id}:phase:{phase}"


def action_key(action_id: int) -> str:
    return f"action:{action_id}"


def approval_key(approval_id: int) -> str:
    return f"approval:{approval_id}"


def show_root(
    unit: UnitOfWork, incident: Incident, at: datetime, *, news: bool = False, new: bool = False
) -> None:
    """`news`: only more of what it says already, which may be gathered when a storm keeps Slack busy. `new`: of an
    incident that this transaction opens."""
    messages.want(
        unit,
        root_key(incident.id),
        "root",
        incident.id,
        channel=incident.channel,
        at=at,
        urgency=Urgency.NEWS if news else Urgency.INCIDENT,
        new=new,
    )


def show_phase(unit: UnitOfWork, incident: Incident, phase: Phase, at: datetime) -> None:
    messages.want(
        unit,
        phase_key(incident.id, phase),
        "phase",
        incident.id,
        channel=incident.channel,
        at=at,
        ref=phase,
        parent_key=root_key(incident.id),
        urgency=Urgency.THREAD,
    )


def show_action(unit: UnitOfWork, incident: Incident, action_id: int, at: datetime) -> None:
    messages.want(
        unit,
        action_key(action_id),
        "action",
        incident.id,
        channel=incident.channel,
        at=at,
        ref=str(action_id),
        parent_key=root_key(incident.id),
        urgency=Urgency.ACTION,
    )


def show_approval(unit: UnitOfWork, incident: Incident, approval_id: int, at: datetime) -> None:
    messages.want(
        unit,
        approval_key(approval_id),
        "approval",
        incident.id,
        channel=incident.channel,
        at=at,
        ref=str(approval_id),
        parent_key=root_key(incident.id),
        urgency=Urgency.ACTION,
    )


def reply(
    unit: UnitOfWork,
    incident: Incident,
    heading: str,
    lines: tuple[str, ...] = (),
    *,
    at: datetime,
    loud: bool = False,
    key: str | None = None,
    view: str = "reply",
) -> None:
    """A line in the thread; `loud` also sends it to the channel. The same `key` again edits that line.

    `view`: another name for lines of a kind that are looked for afterwards.
    """
    messages.want(
        unit,
        key or f"incident:{incident.id}:{view}:{uuid4().hex}",
        view,
        incident.id,
        channel=incident.channel,
        at=at,
        parent_key=root_key(incident.id),
        broadcast=loud,
        urgency=Urgency.INCIDENT if loud else Urgency.THREAD,
        content={"heading": heading, "lines": list(lines)},
    )


def channel_for(desk: Desk, *, drill: bool) -> str:
    return desk.channels.drills if drill else desk.channels.incidents


def show_part(unit: UnitOfWork, incident: Incident, key: str, view: str, number: int, at: datetime) -> None:
    """A further part of the message `key`, in that message's own thread."""
    messages.want(
        unit,
        f"{key}:{number}",
        view,
        incident.id,
        channel=incident.channel,
        at=at,
        ref=str(number),
        parent_key=key,
        urgency=Urgency.NOTICE,
    )
