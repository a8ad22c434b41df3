"""Actions and their steps: a confirmed action is a row before it runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, false, func, or_, select, update

from bot.domain.actions import ActionRequest, ActionResult, UnconfirmedOrder
from bot.domain.words import ActionKind, ActionStatus
from bot.store.database import UnitOfWork, on_either
from bot.store.tables import actions, incidents


@dataclass(frozen=True)
class ActionRecordRow:
    """An action as recorded."""

    id: int
    incident_id: int
    kind: ActionKind
    account: str
    reason: str
    requested_by: str
    requested_at: datetime
    params: Mapping[str, Any]
    request_key: str
    joined: Sequence[str]
    status: ActionStatus
    attempts: int
    look_again_at: datetime | None
    finished_at: datetime | None
    headline: str | None
    next_step: str | None
    evidence: Mapping[str, Any]
    unconfirmed: tuple[UnconfirmedOrder, ...]
    drill: bool

    def request(self, *, resumed: bool) -> ActionRequest:
        return ActionRequest(
            id=self.id,
            kind=self.kind,
            account=self.account,
            reason=self.reason,
            requested_by=self.requested_by,
            requested_at=self.requested_at,
            params=self.params,
            resumed=resumed,
            drill=self.drill,
            incident_id=self.incident_id,
            request_key=self.request_key,
        )


_FIELDS = [actions.c[name] for name in ActionRecordRow.__dataclass_fields__]
UNENDED = (ActionStatus.CONFIRMED, ActionStatus.RUNNING, ActionStatus.WATCHING)


def _row(found: Any) -> ActionRecordRow:
    values = found._asdict()
    return ActionRecordRow(
        **{
            **values,
            "kind": ActionKind(values["kind"]),
            "status": ActionStatus(values["status"]),
            "unconfirmed": tuple(UnconfirmedOrder(**order) for order in values["unconfirmed"]),
        }
    )


@dataclass(frozen=True)
class Claim:
    """A runner in this process that takes an action up the moment it is recorded.

    `start` must not block. Whoever calls it a little later calls `expect` first, so that others make room.
    """

    by: str
    lease: timedelta
    expect: Callable[[ActionRecordRow], None]
    start: Callable[[ActionRecordRow], None]


_CONFIRMED = [
    *("incident_id", "kind", "account", "reason", "requested_by", "requested_at", "params", "request_key"),
    *("joined", "status", "claimed_by", "claimed_until", "attempts", "evidence", "unconfirmed", "drill"),
]


# Statements of a halt's first transaction are made once: to make one anew costs more than to run it.
_CONFIRM = on_either(
    lambda statement: (
        statement.values({name: bindparam(name) for name in _CONFIRMED})
        .on_conflict_do_nothing(index_elements=["request_key"])
        .returning(actions.c.id)
    ),
    actions,
)
_GET = select(*_FIELDS).where(actions.c.id == bindparam("number"))
_BY_KEY = select(*_FIELDS).where(actions.c.request_key == bindparam("key"))
_OF_INCIDENT = select(*_FIELDS).where(actions.c.incident_id == bindparam("incident")).order_by(actions.c.id)
_SAME = actions.c.request_key == bindparam("key")
# An incident that was merged meanwhile went into one of its own kind; what names no incident is no drill.
_IN_DRILL = select(incidents.c.drill).where(incidents.c.id == bindparam("incident")).scalar_subquery()
_UNDER_WAY = and_(
    actions.c.kind == bindparam("kind"),
    actions.c.account == bindparam("account"),
    actions.c.finished_at.is_(None),
    actions.c.drill == func.coalesce(_IN_DRILL, false()),
)
_SAME_OR_UNDER_WAY = (
    select(*_FIELDS).where(or_(_SAME, _UNDER_WAY)).order_by(_SAME.desc(), actions.c.id.desc()).limit(1)
)


def confirm(
    unit: UnitOfWork, values: Mapping[str, Any], claim: Claim | None = None, *, begun: bool = False
) -> int | None:
    """Insert a confirmed action; None when this very confirmation (`request_key`) is recorded already.

    With a `claim` the row is the claimant's from the start: a halt need not wait for a second transaction. One that
    has `begun` elsewhere is as after a crash: whoever takes it up looks at the broker first.
    """
    taken: dict[str, Any] = {
        "status": ActionStatus.CONFIRMED,
        "attempts": 0,
        "claimed_by": None,
        "claimed_until": None,
    }
    if begun:
        taken |= {"status": ActionStatus.RUNNING, "attempts": 1}
    if claim is not None:
        until = values["requested_at"] + claim.lease
        taken = {
            "status": ActionStatus.RUNNING,
            "attempts": 1,
            "claimed_by": claim.by,
            "claimed_until": until,
        }
    nothing_yet: dict[str, Any] = {"joined": [], "evidence": {}, "unconfirmed": []}
    given = nothing_yet | taken | dict(values)
    number: int | None = unit.value(_CONFIRM[unit.dialect], given)
    if number is None:
        return None
    if claim is None:
        unit.wake("runner")
    else:
        known: dict[str, Any] = {name: given.get(name) for name in ActionRecordRow.__dataclass_fields__}
        row = ActionRecordRow(**known | {"id": number, "unconfirmed": ()})
        unit.then(lambda: claim.start(row))
    return number


def by_request_key(unit: UnitOfWork, key: str) -> ActionRecordRow | None:
    found = unit.first(_BY_KEY, {"key": key})
    return _row(found) if found else None


def same_or_under_way(
    unit: UnitOfWork, key: str, kind: ActionKind, account: str, *, incident_id: int | None
) -> ActionRecordRow | None:
    """The action of this very confirmation, else one of the kind that is under way on the account.

    What is asked for in a drill's incident is one with a drill's action only, and what is real with a real one.
    """
    given = {"key": key, "kind": kind, "account": account, "incident": incident_id}
    found = unit.first(_SAME_OR_UNDER_WAY, given)
    return _row(found) if found else None


def newest_number(unit: UnitOfWork, account: str) -> int | None:
    """The number of the newest action on the account, whatever its kind."""
    query = select(func.max(actions.c.id)).where(actions.c.account == account)
    number: int | None = unit.connection.execute(query).scalar_one()
    return number


def get(unit: UnitOfWork, number: int) -> ActionRecordRow | None:
    found = unit.first(_GET, {"number": number})
    return _row(found) if found else None


@cache
def _unended(*given: str) -> Select[Any]:
    """Made once for each choice of columns: every picture of an incident asks it."""
    query = select(*_FIELDS).where(actions.c.finished_at.is_(None)).order_by(actions.c.id)
    return query.where(*(actions.c[name] == bindparam(name) for name in given))


def unended(
    unit: UnitOfWork,
    *,
    kind: ActionKind | None = None,
    account: str | None = None,
    incident_id: int | None = None,
) -> list[ActionRecordRow]:
    """What was confirmed and has not ended, oldest first."""
    asked = {"kind": kind, "account": account, "incident_id": incident_id}
    given = {name: value for name, value in asked.items() if value is not None}
    return [_row(found) for found in unit.all(_unended(*given), given)]


def of_incident(unit: UnitOfWork, incident_id: int) -> list[ActionRecordRow]:
    return [_row(found) for found in unit.all(_OF_INCIDENT, {"incident": incident_id})]


def join(unit: UnitOfWork, number: int, who: str) -> None:
    """Note that `who` asked for the same while it ran."""
    found = unit.connection.execute(
        select(actions.c.joined).where(actions.c.id == number).with_for_update(key_share=True)
    ).scalar_one()
    if who not in found:
        unit.connection.execute(update(actions).where(actions.c.id == number).values(joined=[*found, who]))


def claim(
    unit: UnitOfWork, *, now: datetime, by: str, until: datetime, but: Sequence[int] = ()
) -> list[ActionRecordRow]:
    """Claim every action that is to be run or looked at again, `but` not these. The rows are as before the claim."""
    free = or_(actions.c.claimed_until.is_(None), actions.c.claimed_until < now)
    query = (
        select(*_FIELDS)
        .where(
            actions.c.finished_at.is_(None),
            free,
            actions.c.id.not_in(but),
            or_(
                actions.c.status.in_([ActionStatus.CONFIRMED, ActionStatus.RUNNING]),
                and_(actions.c.status == ActionStatus.WATCHING, actions.c.look_again_at <= now),
            ),
        )
        .order_by(actions.c.id)
        .with_for_update(key_share=True, skip_locked=True)
    )
    found = [_row(one) for one in unit.connection.execute(query)]
    for action in found:
        running = ActionStatus.RUNNING if action.status is ActionStatus.CONFIRMED else action.status
        unit.connection.execute(
            update(actions)
            .where(actions.c.id == action.id)
            .values(claimed_by=by, claimed_until=until, status=running, attempts=actions.c.attempts + 1)
        )
    return found


def keep_claim(unit: UnitOfWork, numbers: Sequence[int], *, by: str, until: datetime) -> None:
    """Say that the runner `by` is alive and still at it."""
    unit.connection.execute(
        update(actions)
        .where(actions.c.id.in_(numbers), actions.c.claimed_by == by)
        .values(claimed_until=until)
    )


def release_all(unit: UnitOfWork) -> None:
    held = actions.c.claimed_until.is_not(None)
    unit.connection.execute(update(actions).where(held).values(claimed_by=None, claimed_until=None))


def conclude(unit: UnitOfWork, number: int, result: ActionResult, *, now: datetime) -> None:
    """Write where the action stands: ended, or to be looked at again."""
    again = result.look_again_after
    unit.connection.execute(
        update(actions)
        .where(actions.c.id == number)
        .values(
            status=result.status,
            headline=result.headline,
            next_step=result.next_step,
            evidence=dict(result.evidence),
            unconfirmed=[asdict(order) for order in result.unconfirmed],
            finished_at=now if result.status.ended else None,
            look_again_at=now + again if again is not None and not result.status.ended else None,
            claimed_by=None,
            claimed_until=None,
        )
    )


def say_next(unit: UnitOfWork, number: int, next_step: str) -> None:
    """What people should do now, when that is more than the action itself could know."""
    unit.connection.execute(update(actions).where(actions.c.id == number).values(next_step=next_step))


def next_look(unit: UnitOfWork) -> datetime | None:
    query = select(actions.c.look_again_at).where(
        actions.c.finished_at.is_(None), actions.c.status == ActionStatus.WATCHING
    )
    return min(unit.connection.execute(query).scalars(), default=None)
