"""Column types that hold the house rules: times are aware and UTC, JSON is JSONB where there is such a thing."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pydantic_core import PydanticSerializationError, to_json
from sqlalchemy import JSON, DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime. A naive one is refused: it would be somebody's local time by accident."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        value = _in_utc(value)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        """On SQLite the text that SQLAlchemy writes, made at a third of the cost: a webhook writes twenty of them."""
        return as_sqlite_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def in_utc(value: datetime | None) -> datetime | None:
    """Raises ValueError for one without a time zone."""
    return _in_utc(value) if value is not None else None


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"a naive datetime cannot be stored: {value.isoformat()}; give it a time zone (UTC)")
    return value if value.tzinfo is UTC else value.astimezone(UTC)


@lru_cache(maxsize=1024)  # the same few moments stand in most rows of a batch
def as_sqlite_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    return _in_utc(value).isoformat(" ", "microseconds")[:26]


def as_json_text(value: Any) -> str:
    """JSON as pydantic writes it, five times as fast as Python: a webhook of a hundred alerts is mostly labels."""
    try:
        return to_json(value).decode()
    except PydanticSerializationError:  # half a surrogate, which only Python's own can write
        return json.dumps(value)


def json_column(*, none_as_null: bool = False) -> TypeEngine[Any]:
    """`none_as_null`: None is written as SQL's NULL, not as JSON's null."""
    return JSON(none_as_null).with_variant(JSONB(none_as_null), "postgresql")
