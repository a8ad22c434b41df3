"""Episodes of drift: opened once, cleared once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, select, update

from bot.domain.drift import DriftKind
from bot.store.database import UnitOfWork
from bot.store.tables import drift_episodes


@dataclass(frozen=True)
class Episode:
    id: int
    account: str
    kind: DriftKind
    incident_id: int
    text: str
    began_at: datetime
    cleared_at: datetime | None


_FIELDS = [drift_episodes.c[name] for name in Episode.__dataclass_fields__]


def _episode(values: RowMapping) -> Episode:
    return Episode(**{**values, "kind": DriftKind(values["kind"])})


def begin(
    unit: UnitOfWork, account: str, kind: DriftKind, incident_id: int, text: str, *, at: datetime
) -> int | None:
    """Open an episode; None when one of this kind is open on the account already."""
    statement = unit.insert(drift_episodes).values(
        account=account,
        kind=kind,
        open_key=f"{account}:{kind}",
        incident_id=incident_id,
        text=text,
        began_at=at,
    )
    statement = statement.on_conflict_do_nothing(index_elements=["open_key"])
    number: int | None = unit.connection.execute(
        statement.returning(drift_episodes.c.id)
    ).scalar_one_or_none()
    return number


def open_of(unit: UnitOfWork, account: str) -> Mapping[DriftKind, Episode]:
    query = select(*_FIELDS).where(
        drift_episodes.c.account == account, drift_episodes.c.open_key.is_not(None)
    )
    found = [_episode(values) for values in unit.connection.execute(query).mappings()]
    return {episode.kind: episode for episode in found}


def get(unit: UnitOfWork, number: int) -> Episode:
    query = select(*_FIELDS).where(drift_episodes.c.id == number)
    return _episode(unit.connection.execute(query).mappings().one())


def still(unit: UnitOfWork, number: int, text: str) -> None:
    """It lasts, and looks different now."""
    unit.connection.execute(update(drift_episodes).where(drift_episodes.c.id == number).values(text=text))


def clear(unit: UnitOfWork, number: int, *, at: datetime) -> None:
    unit.connection.execute(
        update(drift_episodes).where(drift_episodes.c.id == number).values(open_key=None, cleared_at=at)
    )
