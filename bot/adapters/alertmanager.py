"""Alertmanager's API v2: is it ready, since when does it run, which alerts does it hold."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.adapters.bounded_session import BoundedSession, base_of, decoded
from bot.domain.indexed_text import indexable
from bot.ports.alerting import AlertmanagerAlert, AlertmanagerStatus
from bot.ports.answers import AlertingError, FailureKind
from bot.ports.comparing import NotifiedGroup

_SYSTEM = "Alertmanager"


class Alertmanager:
    """One Alertmanager. Safe to share between threads: every question has a session of its own.

    `limit_seconds` bounds each question as a whole. Nothing is tried again here. Raises `AlertingError`.
    """

    def __init__(self, url: str, limit_seconds: float = 5.0, token: str | None = None) -> None:
        self._url = base_of(url, "ALERTMANAGER_URL")
        self._limit = limit_seconds
        self._token = token

    def ready(self, limit_seconds: float | None = None) -> None:
        with self._session(limit_seconds) as session:
            response = session.get(f"{self._url}/-/ready")
        if response.status_code == 200 and response.content.lstrip()[:1] == b"<":
            raise AlertingError(
                FailureKind.NOT_JSON,
                "Alertmanager's address answers with an HTML page: is a proxy or a login before it?",
            )
        if response.status_code != 200:
            kind = FailureKind.SERVER if response.status_code >= 500 else FailureKind.REJECTED
            raise AlertingError(kind, f"Alertmanager is not ready: it answered {response.status_code}.")

    def status(self, limit_seconds: float | None = None) -> AlertmanagerStatus:
        body = _mapping(self._ask("/api/v2/status", {}, limit_seconds))
        return AlertmanagerStatus(
            version=_text(_mapping(body.get("versionInfo")).get("version")),
            started_at=_time(body.get("uptime")),  # despite its name it is the time of the start
            cluster=_text(_mapping(body.get("cluster")).get("status")),
        )

    def alerts(self, limit_seconds: float | None = None) -> tuple[AlertmanagerAlert, ...]:
        # All four are Alertmanager's defaults; said, so that a changed default cannot hide an alert.
        wanted = {"active": "true", "silenced": "true", "inhibited": "true", "unprocessed": "true"}
        body = self._ask("/api/v2/alerts", wanted, limit_seconds)
        return tuple(_alert(_mapping(item)) for item in _list(body))

    def groups(self, limit_seconds: float | None = None) -> tuple[NotifiedGroup, ...]:
        body = self._ask("/api/v2/alerts/groups", {}, limit_seconds)
        return tuple(_group(_mapping(item)) for item in _list(body))

    def _ask(self, path: str, params: Mapping[str, str], limit: float | None) -> Any:
        with self._session(limit) as session:
            response = session.get(f"{self._url}{path}", params=dict(params))
        return decoded(response, _SYSTEM, AlertingError)

    def _session(self, limit: float | None) -> BoundedSession:
        return BoundedSession(_SYSTEM, AlertingError, self._limit if limit is None else limit, self._token)


def _alert(item: Mapping[str, Any]) -> AlertmanagerAlert:
    status = _mapping(item.get("status"))
    receivers = [_mapping(receiver) for receiver in _list(item.get("receivers"))]
    return AlertmanagerAlert(
        fingerprint=indexable(_text(item.get("fingerprint"))),
        labels=_texts(item.get("labels")),
        annotations=_texts(item.get("annotations")),
        starts_at=_time(item.get("startsAt")),
        ends_at=_time(item.get("endsAt")),
        updated_at=_time(item.get("updatedAt")),
        state=_text(status.get("state")),
        silenced_by=tuple(_text(silence) for silence in _list(status.get("silencedBy"))),
        inhibited_by=tuple(_text(source) for source in _list(status.get("inhibitedBy"))),
        receivers=tuple(_text(receiver.get("name")) for receiver in receivers),
        generator_url=_text(item.get("generatorURL") or "") or None,
    )


def _group(item: Mapping[str, Any]) -> NotifiedGroup:
    return NotifiedGroup(
        labels=_texts(item.get("labels")),
        receiver=_text(_mapping(item.get("receiver")).get("name")),
        fingerprints=frozenset(
            indexable(_text(_mapping(alert).get("fingerprint"))) for alert in _list(item.get("alerts"))
        ),
    )


def _time(value: Any) -> datetime:
    text = _text(value)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as failure:
        raise _unshaped(f"a time {text[:40]!r}") from failure
    if at.tzinfo is None:
        raise _unshaped(f"a time without a zone {text[:40]!r}")
    try:
        return at.astimezone(UTC)
    except OverflowError as failure:
        raise _unshaped(f"a time {text[:40]!r}") from failure


def _texts(value: Any) -> dict[str, str]:
    return {name: _text(text) for name, text in _mapping(value).items()}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _unshaped("something other than text")
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _unshaped("something other than an object")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _unshaped("something other than a list")
    return value


def _unshaped(what: str) -> AlertingError:
    return AlertingError(
        FailureKind.MALFORMED, f"Alertmanager's answer is not of the documented shape: {what}."
    )
