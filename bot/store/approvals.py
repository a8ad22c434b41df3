"""Requests that take a second person: a row when it is asked, and nothing happens before it is approved."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, or_, select, update

from bot.domain.words import ActionKind
from bot.store.database import UnitOfWork
from bot.store.tables import approvals


class ApprovalStatus(StrEnum):
    """Where a request stands. Only APPROVED has led to an action."""

    CHECKING = "checking"  # asked; its gates are being checked
    WAITING = "waiting"  # for another person
    APPROVING = "approving"  # another person approved; the gates are being checked again
    APPROVED = "approved"
    REJECTED = "rejected"
    REFUSED = "refused"  # by a gate
    EXPIRED = "expired"

    @property
    def ended(self) -> bool:
        return self not in (ApprovalStatus.CHECKING, ApprovalStatus.WAITING, ApprovalStatus.APPROVING)


@dataclass(frozen=True)
class Approval:
    """A request as recorded. `decided_by` is the approver, while APPROVING too. `gates`: as shown last."""

    id: int
    incident_id: int
    kind: ActionKind
    account: str
    params: Mapping[str, Any]
    reason: str
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    request_key: str
    status: ApprovalStatus
    account_version: int
    alerts: tuple[int, ...]
    override: Mapping[str, Any] | None
    gates: tuple[Mapping[str, Any], ...]
    checked_at: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    decision: str | None
    action_id: int | None
    drill: bool

    @property
    def asked_as(self) -> str | None:
        """The Slack user that somebody at the command line said to be; None when nobody said so."""
        claimed = self.params.get("asked_as")
        return claimed if isinstance(claimed, str) else None

    @property
    def overridden(self) -> frozenset[int]:
        return frozenset((self.override or {}).get("alerts") or ())


_FIELDS = [approvals.c[name] for name in Approval.__dataclass_fields__]
OPEN = (ApprovalStatus.CHECKING, ApprovalStatus.WAITING, ApprovalStatus.APPROVING)


def _approval(values: RowMapping) -> Approval:
    return Approval(
        **{
            **values,
            "kind": ActionKind(values["kind"]),
            "status": ApprovalStatus(values["status"]),
            "alerts": tuple(values["alerts"]),
            "gates": tuple(values["gates"]),
        }
    )


def insert(unit: UnitOfWork, values: Mapping[str, Any]) -> int | None:
    """Record a request; None when this very one (`request_key`) is recorded already."""
    statement = (
        unit.insert(approvals)
        .values(status=ApprovalStatus.CHECKING, gates=[], **values)
        .on_conflict_do_nothing(index_elements=["request_key"])
        .returning(approvals.c.id)
    )
    number: int | None = unit.connection.execute(statement).scalar_one_or_none()
    return number


def get(unit: UnitOfWork, number: int) -> Approval | None:
    found = unit.connection.execute(select(*_FIELDS).where(approvals.c.id == number)).mappings().first()
    return _approval(found) if found else None


def lock(unit: UnitOfWork, number: int) -> Approval | None:
    """The request, held until the transaction ends: two people who decide come one after the other."""
    query = select(*_FIELDS).where(approvals.c.id == number).with_for_update(key_share=True)
    found = unit.connection.execute(query).mappings().first()
    return _approval(found) if found else None


def open_of(unit: UnitOfWork, kind: ActionKind, account: str) -> list[Approval]:
    """Requests of that kind on the account that are not decided, oldest first."""
    query = (
        select(*_FIELDS)
        .where(approvals.c.kind == kind, approvals.c.account == account, approvals.c.status.in_(OPEN))
        .order_by(approvals.c.id)
    )
    return [_approval(found) for found in unit.connection.execute(query).mappings()]


def change(unit: UnitOfWork, number: int, **values: Any) -> None:
    unit.connection.execute(update(approvals).where(approvals.c.id == number).values(**values))


def claim(unit: UnitOfWork, *, now: datetime, until: datetime) -> list[Approval]:
    """Claim every request whose gates are to be checked and that nobody alive is checking."""
    query = (
        select(*_FIELDS)
        .where(
            approvals.c.status.in_([ApprovalStatus.CHECKING, ApprovalStatus.APPROVING]),
            or_(approvals.c.claimed_until.is_(None), approvals.c.claimed_until < now),
        )
        .order_by(approvals.c.id)
        .limit(50)
        .with_for_update(key_share=True, skip_locked=True)
    )
    found = [_approval(values) for values in unit.connection.execute(query).mappings()]
    for one in found:
        change(unit, one.id, claimed_until=until)
    return found


def expired(unit: UnitOfWork, now: datetime) -> list[Approval]:
    """Requests that have waited too long."""
    query = (
        select(*_FIELDS)
        .where(approvals.c.status == ApprovalStatus.WAITING, approvals.c.expires_at <= now)
        .order_by(approvals.c.id)
        .with_for_update(key_share=True, skip_locked=True)
    )
    return [_approval(found) for found in unit.connection.execute(query).mappings()]


def release_all(unit: UnitOfWork) -> None:
    """At the start of the only process: whoever was checking is dead."""
    held = approvals.c.claimed_until.is_not(None)
    unit.connection.execute(update(approvals).where(held).values(claimed_until=None))
