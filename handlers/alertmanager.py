"""`POST /alertmanager`: Alertmanager's webhook, version 4. 200 means that it is in the database."""

import hmac
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from wsgiref.types import WSGIEnvironment

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from bot.domain.alerts import AlertChange, AlertGroup, ReceivedAlert
from bot.domain.indexed_text import indexable
from bot.domain.words import AlertStatus
from bot.services import intake
from bot.services.desk import Desk
from bot.services.intake import Received
from bot.store.database import DatabaseError
from bot.store.grouping import Grouped
from handlers.one_line import OneLine

log = logging.getLogger(__name__)

MAX_BODY = 16 * 1024 * 1024
MAX_ALERTS = 20_000
MAX_TEXT = 16_384
MOST_LEFT_OUT = 1_000_000  # that are counted; more fit no column
NEVER = 1  # Alertmanager's "no end yet" is the first moment of this year

NO_WEBHOOK = "this is no Alertmanager webhook of version 4"

STATUSES = {status.value: status for status in AlertStatus}


class NoMoment(ValueError):
    """A time of a webhook that cannot be told in UTC. Its text says which."""


def _whole_text(value: Any) -> Any:
    """Labels are text; a bridge that sends numbers means their text. NUL means nothing, and PostgreSQL refuses it."""
    if isinstance(value, int | float | bool):
        value = str(value)
    if isinstance(value, str):
        value = value.replace("\x00", "").encode("utf-8", "replace").decode()
    return value


def _text(value: Any) -> Any:
    value = _whole_text(value)
    return value[:MAX_TEXT] if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_text)]
# Never cut like other text: two long keys may differ at their ends alone.
GroupKey = Annotated[str, BeforeValidator(_whole_text), Field(min_length=1), AfterValidator(indexable)]
PlainGroupKey = Annotated[str, Field(min_length=1), AfterValidator(indexable)]


def _count(value: Any) -> Any:
    """What is no count counts as none: no alert is refused for what only says how many others there are."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


Count = Annotated[int, BeforeValidator(_count)]
Pairs = Annotated[dict[Text, Text], BeforeValidator(lambda value: value if value is not None else {})]


class AlertModel(BaseModel):
    """Newer Alertmanagers add keys: they are passed over."""

    model_config = ConfigDict(extra="ignore")

    status: Literal["firing", "resolved"]
    labels: Pairs
    annotations: Pairs = Field(default_factory=dict)
    startsAt: AwareDatetime
    endsAt: AwareDatetime | None = None
    generatorURL: Text | None = None
    fingerprint: Annotated[Text, Field(min_length=1, max_length=128)]


class WebhookModel(BaseModel):
    model_config = ConfigDict(extra="ignore")

    version: Literal["4"]
    groupKey: GroupKey
    groupLabels: Pairs = Field(default_factory=dict)
    alerts: Annotated[Sequence[AlertModel], Field(max_length=MAX_ALERTS)]
    truncatedAlerts: Count = 0


PlainText = Annotated[str, Field(max_length=MAX_TEXT)]


class PlainAlertModel(AlertModel):
    labels: dict[PlainText, PlainText]
    annotations: dict[PlainText, PlainText] = Field(default_factory=dict)
    generatorURL: PlainText | None = None
    fingerprint: Annotated[str, Field(min_length=1, max_length=128)]


class PlainWebhookModel(WebhookModel):
    """What Alertmanager itself sends: there is nothing to bring into order, and pydantic reads it without Python."""

    groupKey: PlainGroupKey
    groupLabels: dict[PlainText, PlainText] = Field(default_factory=dict)
    alerts: Annotated[Sequence[PlainAlertModel], Field(max_length=MAX_ALERTS)]
    truncatedAlerts: int = 0


def read_webhook(body: bytes) -> WebhookModel:
    """Raises `ValidationError` when it is no webhook of version 4."""
    if b"\\u0000" not in body:
        try:
            return PlainWebhookModel.model_validate_json(body)
        except ValidationError:
            pass  # text that has to be brought into order first, or no webhook: told apart below
    return WebhookModel.model_validate_json(body)


class AlertmanagerWebhook:
    """Answers: 200 stored, 400 no webhook (with what is wrong), 401 no token, 413 too large, 503 not saved.

    `counted` is told what a stored webhook's alerts changed.
    """

    def __init__(
        self,
        desk: Desk,
        token: str,
        counted: Callable[[Mapping[AlertChange, int]], None] = lambda stored: None,
    ) -> None:
        self._desk, self._token, self._counted = desk, token.encode(), counted
        self._receive = Grouped(self._together, self._alone)

    def __call__(self, environ: WSGIEnvironment) -> OneLine:
        scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        # What a header holds is Latin-1 to WSGI, whatever was sent.
        given = token.strip().encode("latin-1", "replace")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given, self._token):
            return OneLine(
                401, "give ALERTMANAGER_TOKEN as bearer token (Alertmanager: http_config.authorization)"
            )
        body = _body(environ)
        if body is None:
            return OneLine(413, f"the body is over {MAX_BODY} bytes; set max_alerts in the receiver")
        try:
            group = as_group(read_webhook(body))
        except ValidationError as error:
            return OneLine(400, _what_is_wrong(error))
        except NoMoment as error:
            return OneLine(400, f"{NO_WEBHOOK}: {error}")
        try:
            received = self._receive(group)
        except DatabaseError as failure:
            log.error("a webhook was not saved, Alertmanager is asked to retry: %s", type(failure).__name__)
            return OneLine(503, "the database did not take it; send it again")
        incident = received.incident.key if received.incident else "no incident"
        return OneLine(200, f"{sum(received.stored.values())} alerts stored, {incident}")

    def _together(self, groups: Sequence[AlertGroup]) -> list[Received]:
        found = intake.receive_all(self._desk, groups)
        stored: Counter[AlertChange] = Counter()
        for received in found:
            stored.update(received.stored)
        self._counted(stored)
        return found

    def _alone(self, group: AlertGroup) -> Received:
        received = intake.receive(self._desk, group)
        self._counted(received.stored)
        return received


def _body(environ: WSGIEnvironment) -> bytes | None:
    """The body, or None when there is more than is taken. It is not read when its length says so beforehand."""
    told = environ.get("CONTENT_LENGTH") or "0"
    if told.isdecimal() and int(told) > MAX_BODY:
        return None
    body: bytes = environ["wsgi.input"].read(MAX_BODY + 1)  # the server ends it, also where no length is told
    return body if len(body) <= MAX_BODY else None


def as_group(webhook: WebhookModel) -> AlertGroup:
    """Raises `NoMoment` for a time that UTC's calendar has no place for."""
    try:
        alerts = tuple(
            ReceivedAlert(
                fingerprint=alert.fingerprint,
                starts_at=alert.startsAt.astimezone(UTC),
                ends_at=alert.endsAt.astimezone(UTC) if alert.endsAt and alert.endsAt.year > NEVER else None,
                status=STATUSES[alert.status],
                labels=alert.labels,
                annotations=alert.annotations,
                generator_url=alert.generatorURL,
            )
            for alert in webhook.alerts
        )
    except OverflowError:
        raise NoMoment(_beyond_the_calendar(webhook)) from None
    return AlertGroup(
        group_key=webhook.groupKey,
        group_labels=webhook.groupLabels,
        truncated=max(0, min(webhook.truncatedAlerts, MOST_LEFT_OUT)),
        alerts=alerts,
    )


def _beyond_the_calendar(webhook: WebhookModel) -> str:
    """The first time that is none in UTC: with its offset it falls before the year 1 or after the year 9999."""
    for number, alert in enumerate(webhook.alerts):
        ends_at = alert.endsAt if alert.endsAt and alert.endsAt.year > NEVER else None
        for name, at in (("startsAt", alert.startsAt), ("endsAt", ends_at)):
            if at is not None and not _in_utc(at):
                return f"alerts.{number}.{name}: {at.isoformat()} is before the year 1 or after 9999 in UTC"
    raise AssertionError("every time is one in UTC")


def _in_utc(at: datetime) -> bool:
    try:
        at.astimezone(UTC)
    except OverflowError:
        return False
    return True


def _what_is_wrong(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the body"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{NO_WEBHOOK}: {place}: {first['msg']}{more}"
