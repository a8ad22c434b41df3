"""Messages that are so no more: what was not posted is not posted any more, what may stand in Slack says otherwise."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Update, bindparam, case, func, or_, update

from bot.store.columns import json_column
from bot.store.database import UnitOfWork
from bot.store.messages import CALLED_OFF, Message, Urgency
from bot.store.tables import messages

_WAITS = messages.c.shown < messages.c.wanted
_SHOWN = {"posting_since": None, "attempts": 0, "last_error": None, "gave_up": False}


def _marked() -> Update:
    return (
        update(messages)
        .where(
            messages.c.incident_id == bindparam("incident"),
            messages.c.view == bindparam("of_view"),
            func.coalesce(messages.c.ref, "") != CALLED_OFF,
        )
        .values(ref=CALLED_OFF, content=bindparam("words", type_=json_column()))
    )


# A claim notes the post that it is for, in one change: what has no such note is nobody's. What was delivered once was
# deleted in Slack since, and is the deliverer's to leave out.
_NEVER_POSTED = (
    _marked()
    .where(
        _WAITS,
        messages.c.ts.is_(None),
        messages.c.posting_since.is_(None),
        messages.c.delivered_at.is_(None),
    )
    .values(shown=messages.c.wanted, wanted_since=None, **_SHOWN)
)


@cache
def _others(standing: bool) -> Update:
    """What may be in Slack at this moment, or be on its way; with `standing` whatever stands there, too."""
    on_its_way = messages.c.ts.is_(None) & _WAITS
    return (
        _marked()
        .where(or_(on_its_way, messages.c.ts.is_not(None)) if standing else on_its_way)
        .values(
            wanted=messages.c.wanted + 1,
            wanted_since=func.coalesce(
                messages.c.wanted_since, bindparam("at", type_=messages.c.wanted_since.type)
            ),
            urgency=int(Urgency.INCIDENT),
        )
    )


def call_off(
    unit: UnitOfWork,
    incident_id: int,
    view: str,
    words: Mapping[str, Any],
    *,
    at: datetime,
    standing: bool,
) -> int:
    """Call off the messages of that view of an incident, which is held; returns how many certainly are not posted.

    One that is about to be posted, or whose answer was lost, is left out by the deliverer when it is not in Slack,
    else edited to `words`. With `standing` so is what was posted before.
    """
    given = {"incident": incident_id, "of_view": view, "words": dict(words)}
    withdrawn = unit.run(_NEVER_POSTED, given)
    if unit.run(_others(standing), given | {"at": at}):
        unit.wake("deliverer")
    return withdrawn


_LEFT_OUT = (
    update(messages)
    .where(
        messages.c.id == bindparam("number"),
        messages.c.claimed_by == bindparam("by"),
        messages.c.ts.is_(None),
    )
    .values(
        shown=bindparam("version"),
        wanted_since=case((messages.c.wanted > bindparam("version"), messages.c.wanted_since), else_=None),
        claimed_by=None,
        claimed_until=None,
        **_SHOWN,
    )
)


def leave_out(unit: UnitOfWork, claimed: Message, *, version: int) -> bool:
    """One that was called off by `version` and is not in Slack is done with. False when it is another's by now."""
    given = {"number": claimed.id, "by": claimed.claimed_by, "version": version}
    return unit.run(_LEFT_OUT, given) > 0
