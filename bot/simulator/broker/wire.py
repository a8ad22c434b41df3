"""How the stand-in broker writes things down: numbers and times as text, answers, and refusals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

LONGEST_NUMBER = 30  # digits on either side of the point; more is no quantity of anything


@dataclass(frozen=True)
class Reply:
    """An answer. `body` is JSON to be; None sends no body (a 204)."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """The broker says no: Alpaca's error body is `{"code": 40310000, "message": "...", ...}`."""

    def __init__(self, status: int, code: int, message: str, **details: str) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"code": code, "message": message, **details}

    @property
    def reply(self) -> Reply:
        return Reply(self.status, self.body)


def invalid(message: str) -> Refusal:
    """422: the request itself makes no sense."""
    return Refusal(422, 40010001, message)


def forbidden(message: str, **details: str) -> Refusal:
    """403 with the code that Alpaca uses for everything that the account may not do."""
    return Refusal(403, 40310000, message, **details)


def text(value: Decimal) -> str:
    """A decimal without exponent and trailing zeros: `4.50` -> `4.5`, `1E+2` -> `100`."""
    plain = f"{value.normalize():f}"
    return "0" if plain == "-0" else plain


def text_or_none(value: Decimal | None) -> str | None:
    return None if value is None else text(value)


def stamp(value: datetime) -> str:
    """RFC 3339, UTC, microseconds."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def stamp_or_none(value: datetime | None) -> str | None:
    return None if value is None else stamp(value)


def number(name: str, raw: Any) -> Decimal | None:
    """A decimal from JSON (text or number); None when absent. Raises `Refusal` (422) for anything else."""
    if raw is None or raw == "":
        return None
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise invalid(f"{name} must be a number")
    try:
        value = Decimal(str(raw))
    except InvalidOperation:
        raise invalid(f"{name} must be a number") from None
    if not value.is_finite() or abs(value.adjusted()) > LONGEST_NUMBER:
        raise invalid(f"{name} must be a number")
    return value


def moment(name: str, raw: str | None) -> datetime | None:
    """An aware time from a query (RFC 3339, or a date at midnight UTC). Raises `Refusal` (422)."""
    if not raw:
        return None
    try:
        value = datetime.fromisoformat(raw.replace(" ", "+"))  # a `+` that was not escaped arrives as a space
    except ValueError:
        try:
            value = datetime.fromisoformat(raw)
        except ValueError:
            raise invalid(f"{name} must be a time such as 2026-01-05T14:30:00Z") from None
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
