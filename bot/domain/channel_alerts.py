"""Reads alerts out of the Slack messages that Alertmanager and Grafana post. Pure: a message in, alert groups out.

Sources: prometheus/alertmanager notify/slack and template/default.tmpl, grafana/alerting receivers/slack and
templates. Both post attachments headed `[FIRING:2] …` or `[RESOLVED] …`; a desk may have put words of its own below.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.domain.channel_lists import ListedAlert, hints_in, listed_in
from bot.domain.group_title import text_of
from bot.domain.slack_text import first_url, one_line, only_url, plain
from bot.domain.words import AlertStatus

MAX_ATTACHMENTS = 100
MAX_TITLE = 1_024
MAX_SUMMARY = 500
UNNAMED = "alerts without a common label"
MARK = "read from a Slack message; labels may be incomplete"

# Emoji and marks may stand before the brackets; a count is missing in some desks' own titles.
_TITLE = re.compile(
    r"(?:[^\w\[\n:]|:[\w+-]{1,60}:){0,12}\[\s*(FIRING|RESOLVED)(?:\s*:\s*(\d{1,6}))?"
    r"(?:\s*,\s*RESOLVED\s*:\s*\d{1,6})?\s*\]\s*(.*)",
    re.IGNORECASE,
)
_KNOWN_POSTERS = re.compile(r"alert\s?manager|grafana|prometheus", re.IGNORECASE)
_SEVERITY = re.compile(
    r"(?:sev[-_]?[1-4]|emergency|fatal|critical|page|error|major|high|warning|warn|minor|medium|low|info)",
    re.IGNORECASE,
)
_WORST_FIRST = (
    *("sev1", "sev2", "emergency", "fatal", "critical", "page", "error"),
    *("sev3", "major", "high", "warning", "warn", "medium", "minor", "sev4", "low", "info"),
)


class Layout(StrEnum):
    ALERTMANAGER = "Alertmanager"
    GRAFANA = "Grafana"


@dataclass(frozen=True)
class ChannelGroup:
    """One alert group as a message tells it.

    `title` is what follows the brackets, `text` the part of it that names the group. `firing` counts the alerts
    that fire; `listed` are those whose labels the message lists. `hints` are labels that were guessed or found.
    """

    layout: Layout
    status: AlertStatus
    firing: int
    title: str
    text: str
    listed: tuple[ListedAlert, ...] = ()
    hints: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    link: str | None = None

    @property
    def firing_listed(self) -> tuple[ListedAlert, ...]:
        """The firing alerts, if the message lists them all; else nothing: half a list is no list."""
        found = {alert.fingerprint: alert for alert in self.listed if alert.status is AlertStatus.FIRING}
        return tuple(found.values()) if len(found) == self.firing else ()


def read(message: Mapping[str, Any]) -> tuple[ChannelGroup, ...]:
    """The alert groups of a message; none when it is no message of Alertmanager's or Grafana's. Never fails."""
    groups: dict[str, ChannelGroup] = {}
    for heading, body, attachment in _places(message):
        group = _group(heading, body, attachment)
        if group is not None:
            groups[group.text] = group
    return tuple(groups.values())


def _places(message: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Where a group can stand: heading, text below it, and the attachment it came in."""
    attachments = message.get("attachments")
    for attachment in (attachments if isinstance(attachments, list) else [])[:MAX_ATTACHMENTS]:
        if not isinstance(attachment, Mapping):
            continue
        blocks = _block_texts(attachment.get("blocks"))
        body = "\n".join(
            text for text in (_text(attachment.get("text")), _fields(attachment), *blocks) if text
        )
        for heading in (
            attachment.get("title"),
            *blocks[:1],
            attachment.get("pretext"),
            attachment.get("fallback"),
        ):
            if _TITLE.match(_first_line(heading)):
                yield _text(heading), body, attachment
                break
    # Words alone could be anybody's: they count only under the name of a program that sends alerts.
    if not attachments and _KNOWN_POSTERS.search(_poster_name(message)):
        blocks = _block_texts(message.get("blocks"))
        for heading in (*blocks[:1], message.get("text")):
            if _TITLE.match(_first_line(heading)):
                yield _text(heading), "\n".join(blocks[1:]) or _text(message.get("text")), {}
                break


def _group(heading: str, body: str, attachment: Mapping[str, Any]) -> ChannelGroup | None:
    found = _TITLE.match(_first_line(heading))
    if found is None:
        return None
    status = AlertStatus.FIRING if found[1].upper() == "FIRING" else AlertStatus.RESOLVED
    title = one_line(found[3]).strip("* ")[:MAX_TITLE]
    layout = _layout(attachment, body)
    if layout is Layout.ALERTMANAGER:
        # Its default fallback is the title with the link behind a bar.
        title = title.partition(" | http")[0].strip()
    listed = listed_in(body, status)
    firing = (max(1, int(found[2] or 1))) if status is AlertStatus.FIRING else 0
    hints = _hints(title, layout, listed, hints_in(body))
    named = hints_in(body).get("alertname", "")
    text = text_of(title)
    if named and not listed and named not in title:
        text = one_line(f"{text} {named}")  # a title of the desk's own, the same for every group
    return ChannelGroup(
        layout=layout,
        status=status,
        firing=firing,
        title=title,
        text=text or UNNAMED,
        listed=listed,
        hints=hints,
        summary="" if listed else one_line(plain(body))[:MAX_SUMMARY],
        link=only_url(attachment.get("title_link")) or first_url(body),
    )


def _hints(
    title: str, layout: Layout, listed: tuple[ListedAlert, ...], found: Mapping[str, str]
) -> dict[str, str]:
    """Labels that the title's alerts probably have: what decides name and severity, and nothing more."""
    names = {alert.labels.get("alertname", "") for alert in listed} - {""}
    head = text_of(title)
    words = title.replace("(", " ").replace(")", " ").split()
    first = head if layout is Layout.GRAFANA else (words[0] if words else "")
    name = min(names) if len(names) == 1 else found.get("alertname") or first or "unnamed alert"
    hints = {"alertname": name[:300]}
    severities = [word.lower() for word in words if _SEVERITY.fullmatch(word)]
    severities += [alert.labels["severity"].lower() for alert in listed if alert.labels.get("severity")]
    known = {word.replace("-", "").replace("_", ""): word for word in severities}
    worst = next((known[word] for word in _WORST_FIRST if word in known), None)
    severity = found.get("severity") or worst
    return hints | ({"severity": severity[:60]} if severity else {})


def _layout(attachment: Mapping[str, Any], body: str) -> Layout:
    footer = f"{_text(attachment.get('footer'))} {_text(attachment.get('footer_icon'))}"
    if "grafana" in footer.lower() or plain(body, 200).lstrip().startswith(("**Firing**", "**Resolved**")):
        return Layout.GRAFANA
    return Layout.ALERTMANAGER


def _fields(attachment: Mapping[str, Any]) -> str:
    fields = attachment.get("fields")
    lines = []
    for entry in (fields if isinstance(fields, list) else [])[:MAX_ATTACHMENTS]:
        if isinstance(entry, Mapping):
            lines.append(f"{_text(entry.get('title'))}: {_text(entry.get('value'))}")
    return "\n".join(lines)


def _block_texts(blocks: object) -> list[str]:
    """What header and section blocks say, in order."""
    found = []
    for block in (blocks if isinstance(blocks, list) else [])[:MAX_ATTACHMENTS]:
        text = block.get("text") if isinstance(block, Mapping) else None
        if isinstance(text, Mapping) and isinstance(text.get("text"), str):
            found.append(_text(text["text"]))
    return found


def _poster_name(message: Mapping[str, Any]) -> str:
    profile = message.get("bot_profile")
    name = profile.get("name") if isinstance(profile, Mapping) else ""
    return f"{_text(message.get('username'))} {_text(name)}"[:200]


def _text(value: object) -> str:
    return value[:40_000] if isinstance(value, str) else ""


def _first_line(value: object) -> str:
    lines = plain(value, 4 * MAX_TITLE).strip().splitlines()
    return lines[0] if lines else ""
