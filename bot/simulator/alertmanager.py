"""Plays Alertmanager: holds one alert group and sends its webhooks, version 4, as the real one writes them.

Sources: Alertmanager's webhook documentation; the fingerprint is Prometheus' FNV-1a over the sorted labels.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import requests

NEVER = "0001-01-01T00:00:00Z"  # the end of an alert that still fires
EXTERNAL_URL = "http://alertmanager.example:9093"
PROMETHEUS_URL = "http://prometheus.example:9090"
PAUSES = (0.2, 0.4, 0.8, 1.6, 3.0)  # seconds between attempts; then the webhook is given up on
TIMEOUT = (2.0, 5.0)  # to connect, to answer


class WebhookRefused(RuntimeError):
    """The bot did not take a webhook. The message says what it answered."""


@dataclass
class FiringAlert:
    """One alert. `ends_at` None while it fires."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime | None = None
    expr: str = "up == 0"

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "")

    @property
    def status(self) -> str:
        return "firing" if self.ends_at is None else "resolved"

    def to_json(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "startsAt": _stamp(self.starts_at),
            "endsAt": NEVER if self.ends_at is None else _stamp(self.ends_at),
            "generatorURL": f"{PROMETHEUS_URL}/graph?{urlencode({'g0.expr': self.expr, 'g0.tab': 1})}",
            "fingerprint": fingerprint(self.labels),
        }


@dataclass
class AlertGroup:
    """Alerts that share the labels that the route groups by."""

    group_labels: Mapping[str, str]
    alerts: list[FiringAlert] = field(default_factory=list)

    @property
    def firing(self) -> bool:
        return any(alert.ends_at is None for alert in self.alerts)

    @property
    def key(self) -> str:
        labels = ", ".join(f'{name}="{value}"' for name, value in sorted(self.group_labels.items()))
        return f"{{}}:{{{labels}}}"

    def to_json(self, receiver: str = "haltdesk") -> dict[str, Any]:
        """The webhook's body."""
        return {
            "receiver": receiver,
            "status": "firing" if self.firing else "resolved",
            "alerts": [alert.to_json() for alert in self.alerts],
            "groupLabels": dict(self.group_labels),
            "commonLabels": _common([alert.labels for alert in self.alerts]),
            "commonAnnotations": _common([alert.annotations for alert in self.alerts]),
            "externalURL": EXTERNAL_URL,
            "version": "4",
            "groupKey": self.key,
            "truncatedAlerts": 0,
        }


class WebhookSender:
    """Sends to `bot_url` + /alertmanager with the bearer token; retries 5xx and lost connections."""

    def __init__(
        self,
        bot_url: str,
        token: str,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self.bot_url = bot_url.rstrip("/")
        self._token = token
        self._stopped = threading.Event()
        self._pause = pause or self._stopped.wait

    def stop(self) -> None:
        """End waiting; nothing more is sent."""
        self._stopped.set()

    def send(self, group: AlertGroup) -> None:
        """Raises `WebhookRefused` when it was not taken after all attempts, or can not be."""
        last = "it was not sent"
        for pause in (*PAUSES, None):
            if self._stopped.is_set():
                break
            try:
                answer = requests.post(
                    self.bot_url + "/alertmanager",
                    json=group.to_json(),
                    headers={"Authorization": f"Bearer {self._token}", "User-Agent": "Alertmanager/0.25.0"},
                    timeout=TIMEOUT,
                    allow_redirects=False,
                )
            except requests.RequestException as error:
                last = f"no answer ({type(error).__name__})"
            else:
                if 200 <= answer.status_code < 300:
                    return
                last = f"{answer.status_code} {answer.text[:200].strip()}".strip()
                if answer.status_code < 500:
                    break
            if pause is not None:
                self._pause(pause)
        raise WebhookRefused(f"The bot at {self.bot_url} did not take the alerts: {last}. Look at its log.")


def fingerprint(labels: Mapping[str, str]) -> str:
    """16 hex digits, the same as Prometheus and Alertmanager give these labels."""
    value = 0xCBF29CE484222325
    for name, text in sorted(labels.items()):
        for byte in name.encode() + b"\xff" + text.encode() + b"\xff":
            value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def _common(all_of: list[Mapping[str, str]]) -> dict[str, str]:
    if not all_of:
        return {}
    return {
        name: value
        for name, value in all_of[0].items()
        if all(other.get(name) == value for other in all_of[1:])
    }


def _stamp(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
