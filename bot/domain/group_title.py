"""How Alertmanager and Grafana head a Slack message: the group's label values, then the other common ones in brackets.

Source: `__subject` in prometheus/alertmanager template/default.tmpl and in grafana/alerting templates:
`[FIRING:2] HighLatency api (eu critical)`. The names of the labels are not told.
"""

import json
import re
from collections.abc import Mapping, Sequence

from bot.domain.slack_text import one_line

_MAX_KEY = 8_192
_PAIR = r'(?:"(?:[^"\\]|\\.)*"|[\w:.-]+)="(?:[^"\\]|\\.)*"'
_LABELS = re.compile(rf":\{{({_PAIR}(?:, {_PAIR})*)?\}}$")
_EACH = re.compile(r'("(?:[^"\\]|\\.)*"|[\w:.-]+)="((?:[^"\\]|\\.)*)"')


def values_in_title_order(labels: Mapping[str, str]) -> list[str]:
    """Values sorted by label name, `alertname` first."""
    names = sorted(labels, key=lambda name: (name != "alertname", name))
    return [labels[name] for name in names]


def group_text(group_labels: Mapping[str, str]) -> str:
    """What the title says of the group, outside the brackets. Empty for a route that groups by nothing."""
    return one_line(" ".join(values_in_title_order(group_labels)))


def rest_text(group_labels: Mapping[str, str], alerts: Sequence[Mapping[str, str]]) -> str:
    """What the title says in its brackets: the values of labels that all alerts share and the group is not made of."""
    if not alerts:
        return ""
    first, *others = alerts
    common = {
        name: value
        for name, value in first.items()
        if name not in group_labels and all(other.get(name) == value for other in others)
    }
    return one_line(" ".join(values_in_title_order(common)))


def text_of(title: str) -> str:
    """The part of a title that stays the same while alerts come to a group and go."""
    head = one_line(title).partition("(")[0].strip()
    return head or one_line(title)


def rest_of(title: str) -> str:
    """What stands in the brackets of a title."""
    _, bracket, rest = one_line(title).partition("(")
    return rest.removesuffix(")").strip() if bracket else ""


def is_of_group(title: str, group_labels: Mapping[str, str], alerts: Sequence[Mapping[str, str]]) -> bool:
    """Whether this is how the group would be headed. Of a group without labels, the brackets must agree."""
    shown, text = one_line(title), group_text(group_labels)
    if not text:
        rest = rest_text(group_labels, alerts)
        return bool(rest) and shown == f"({rest})"
    return shown == text or (shown.startswith(f"{text} (") and shown.endswith(")"))


def labels_of_group_key(group_key: str) -> dict[str, str] | None:
    """The group's labels out of Alertmanager's groupKey, `{}/{team="a"}:{alertname="X"}`; None if it is another's."""
    found = _LABELS.search(group_key) if len(group_key) <= _MAX_KEY else None
    if found is None:
        return None
    labels = {}
    for name, value in _EACH.findall(found[1] or ""):
        try:
            labels[name.strip('"')] = str(json.loads(f'"{value}"'))
        except ValueError:  # quoted as Go does and JSON does not: better no answer than a wrong one
            return None
    return labels
