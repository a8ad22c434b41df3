"""Alerts that a Slack message lists with all their labels, as `__text_alert_list` writes them, and other findings.

Source: prometheus/alertmanager template/default.tmpl and grafana/alerting templates/default_template.go.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.fingerprint import fingerprint
from bot.domain.slack_text import first_url, plain
from bot.domain.words import AlertStatus

MAX_LISTED = 500
MAX_LABELS = 200
MAX_VALUE = 4_000
MAX_LINES = 5_000

_SECTIONS = {
    "**firing**": AlertStatus.FIRING,
    "**resolved**": AlertStatus.RESOLVED,
    "*firing*": AlertStatus.FIRING,
    "*resolved*": AlertStatus.RESOLVED,
    "alerts firing:": AlertStatus.FIRING,
    "alerts resolved:": AlertStatus.RESOLVED,
}
_PAIR = re.compile(r" - ([A-Za-z_][\w.:-]{0,200}) = (.*)")
_LINK = re.compile(r"(Source|Silence|Dashboard|Panel): ")
# What a desk's own text most often writes: "*Alert:* X", "• *severity:* `critical`", a field called "Severity".
_HINT = re.compile(r"[\s•*_`-]*(alertname|alert|severity)[*_`\s]*[:=][*_`\s]*([^\n*`]{1,300})", re.IGNORECASE)


@dataclass
class ListedAlert:
    """An alert with its labels written out. `source` leads to its graph or rule."""

    status: AlertStatus
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    source: str | None = None
    complete: bool = False  # the text went on after the last label, so that none was cut off

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.labels)


def listed_in(text: str, otherwise: AlertStatus) -> tuple[ListedAlert, ...]:
    """The alerts listed in a message's text; `otherwise` is the status where the text has no sections."""
    status, alerts = otherwise, list[ListedAlert]()
    into: dict[str, str] | None = None
    last = ""
    for raw in text.splitlines()[:MAX_LINES]:
        line = plain(raw).rstrip()
        section = _SECTIONS.get(line.strip().lower())
        if section is not None:
            status, into = section, None
        elif line == "Labels:":
            if len(alerts) == MAX_LISTED:
                break
            alerts.append(ListedAlert(status))
            into = alerts[-1].labels
        elif line == "Annotations:" and alerts:
            into = alerts[-1].annotations
            alerts[-1].complete = True
        elif (pair := _PAIR.fullmatch(line)) is not None and into is not None:
            last = pair[1]
            if len(into) < MAX_LABELS:
                into[last] = pair[2][:MAX_VALUE]
        elif (link := _LINK.match(line)) is not None and alerts:
            into = None
            if link[1] == "Source":
                alerts[-1].source = first_url(raw)
        elif line.startswith("Value: "):
            into = None
        elif into is not None and alerts and into is alerts[-1].annotations and last in into:
            into[last] = f"{into[last]}\n{line}"[:MAX_VALUE]  # an annotation of several lines
    return tuple(alert for alert in alerts if alert.complete and alert.labels.get("alertname"))


def hints_in(text: str) -> Mapping[str, str]:
    """`alertname` and `severity` as a text of the desk's own tells them, each only if it tells one."""
    found: dict[str, set[str]] = {"alertname": set(), "severity": set()}
    for raw in text.splitlines()[:MAX_LINES]:
        hint = _HINT.match(plain(raw, MAX_VALUE))
        if hint is not None:
            name = "severity" if hint[1].lower() == "severity" else "alertname"
            found[name].add(hint[2].strip())
    return {
        name: next(iter(values)) for name, values in found.items() if len(values) == 1 and "" not in values
    }
