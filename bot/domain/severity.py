"""Decides how bad an alert is, and says why. Rules are data (`haltdesk.toml`); this file only applies them.

In order: the label `sev`, the first rule that matches, the label `severity`, and at last SEV-3.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import lru_cache

from bot.domain.alert_name import LONGEST_NAME, NamePattern, words_of
from bot.domain.money_text import Amount, largest_amount
from bot.domain.words import Severity

_EXPLICIT = re.compile(r"\s*(?:sev|severity|p)?[\s_-]*([1-4])\s*", re.IGNORECASE)
_SPELT = re.compile(r"\s*(?:sev|p)[\s_-]*([1-4])\s*", re.IGNORECASE)
_SHOWN = 40
NAMES = 1024  # remembered; a name is at most LONGEST_NAME characters

# A name that ends like this tells of an end, not of trouble ("LowLatencyRestored"), unless a word just before
# denies it ("LatencyAboveNormal").
_RECOVERED = frozenset(
    ("restored", "recovered", "cleared", "resolved", "normal", "normalised", "normalized", "ok", "healthy")
)
_DENIED = frozenset(("not", "never", "no", "above", "below", "over", "under", "than", "outside", "beyond"))

BY_LABEL: Mapping[str, Severity] = {
    **dict.fromkeys(("emergency", "fatal", "critical", "page", "error"), Severity.SEV2),
    **dict.fromkeys(("major", "high", "warning", "warn", "minor", "medium"), Severity.SEV3),
    **dict.fromkeys(("low", "info", "informational", "notice", "debug", "none"), Severity.SEV4),
}


@dataclass(frozen=True)
class AmountCondition:
    """A condition on the money that an alert tells of: over `over` dollars, or not known and `or_unknown`.

    The amount is the largest in any label or annotation called one of `names` and, if `in_text`, in an
    annotation that writes it as money ("$2,300"). A value that repeats one of `counts` is a count of breaks,
    not money. A text that writes just the limit ("limit $1,000") tells no amount, unless it says "over".
    """

    over: Decimal
    or_unknown: bool = False
    names: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()
    in_text: bool = True


@dataclass(frozen=True)
class SeverityRule:
    """One rule. Every condition that it has must hold; an `ignore` rule says that this is no incident.

    `alerts`: patterns of the alert's name, any of which must match and none of `except_alerts`.
    `labels`, `annotations`: name -> pattern with * and |, compared without case.
    """

    name: str
    severity: Severity | None
    alerts: tuple[NamePattern, ...] = ()
    except_alerts: tuple[NamePattern, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    amount: AmountCondition | None = None
    ignore: bool = False

    def __post_init__(self) -> None:
        if (self.severity is None) != self.ignore:
            raise ValueError(f'rule "{self.name}" must have a severity, or ignore = true, and not both')


@dataclass(frozen=True)
class Decision:
    """What an alert is taken for. `reason` is a phrase for people; `rule` the rule's name, if one decided.

    `ignore`: this alert opens no incident (a Watchdog says that alerting is alive).
    """

    severity: Severity
    reason: str
    rule: str | None = None
    ignore: bool = False


class Rules:
    """The rules, with the words of the label `severity`, as they are asked for: by the alert's name first.

    What was decided for the last names and labels is remembered, where nothing else decides: alerts come in storms of
    a few names, and to read the name is most of the work.
    """

    def __init__(
        self,
        rules: Sequence[SeverityRule],
        *,
        by_label: Mapping[str, Severity] = BY_LABEL,
        otherwise: Severity = Severity.SEV3,
    ) -> None:
        self._rules, self._by_label, self._otherwise = tuple(rules), by_label, otherwise
        self._for_name = lru_cache(maxsize=NAMES)(self._look)
        self._by_name = lru_cache(maxsize=NAMES)(self._decide_by_name)

    def decide(self, labels: Mapping[str, str], annotations: Mapping[str, str]) -> Decision:
        """The severity of an alert with these labels and annotations. Never fails, whatever they hold."""
        name = labels.get("alertname", "")[:LONGEST_NAME]
        explicit, word = labels.get("sev", ""), labels.get("severity", "")
        if len(explicit) <= _SHOWN and len(word) <= _SHOWN:
            decision = self._by_name(name, explicit, word)
            if decision is not None:
                return decision
        return self._decide(name, explicit, word, labels, annotations)

    def _look(self, alert_name: str) -> tuple[SeverityRule, ...]:
        name = words_of(alert_name)
        return tuple(rule for rule in self._rules if _name_matches(rule, name))

    def _decide_by_name(self, name: str, explicit: str, word: str) -> Decision | None:
        """The decision if it is the same whatever other labels and annotations there are; else None."""
        rule = next(iter(self._for_name(name)), None)
        if rule is not None and (rule.labels or rule.annotations or rule.amount):
            return None
        return self._decide(name, explicit, word, {}, {})

    def _decide(
        self,
        name: str,
        explicit: str,
        word: str,
        labels: Mapping[str, str],
        annotations: Mapping[str, str],
    ) -> Decision:
        remark = ""
        if explicit.strip():
            found = _EXPLICIT.fullmatch(explicit[:_SHOWN])
            if found:
                return Decision(Severity(f"SEV-{found[1]}"), f'label sev="{explicit.strip()}"')
            remark = f'; label sev="{_short(explicit)}" is not SEV-1 to SEV-4'
        for rule in self._for_name(name):
            matched, detail = _matches(rule, labels, annotations)
            if matched:
                reason = f'rule "{rule.name}"{detail}{remark}'
                return Decision(rule.severity or self._otherwise, reason, rule.name, ignore=rule.ignore)
        word = word.strip()
        if word:
            spelt = _SPELT.fullmatch(word[:_SHOWN])
            by_word = Severity(f"SEV-{spelt[1]}") if spelt else self._by_label.get(word.lower())
            if by_word is not None:
                return Decision(by_word, f'label severity="{_short(word)}"; no rule matched{remark}')
            remark = f'; label severity="{_short(word)}" is not known{remark}'
        return Decision(self._otherwise, f"no rule matched{remark}")


def _name_matches(rule: SeverityRule, name: tuple[str, ...]) -> bool:
    if rule.alerts and not (_tells_of_trouble(rule, name) and any(p.matches(name) for p in rule.alerts)):
        return False
    return not any(pattern.matches(name) for pattern in rule.except_alerts)


def _matches(
    rule: SeverityRule, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> tuple[bool, str]:
    """Whether every condition but the name's holds, and what to add to the reason."""
    if not all(like(labels.get(key, ""), pattern) for key, pattern in rule.labels.items()):
        return False, ""
    if not all(like(annotations.get(key, ""), pattern) for key, pattern in rule.annotations.items()):
        return False, ""
    if rule.amount is None:
        return True, ""
    amount = _amount(rule.amount, labels, annotations)
    if amount is None:
        return rule.amount.or_unknown, " (the amount is not known, so the worst is assumed)"
    return amount.exceeds(rule.amount.over), f" ({amount.text} in {_short(amount.source)})"


def _tells_of_trouble(rule: SeverityRule, name: tuple[str, ...]) -> bool:
    if rule.ignore or not name or name[-1] not in _RECOVERED:
        return True
    return any(word in _DENIED for word in name[-3:-1])


def _amount(
    condition: AmountCondition, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> Amount | None:
    everything = {**annotations, **labels}
    counts = {everything[key].strip() for key in condition.counts if key in everything}
    named = {
        key: everything[key]
        for key in condition.names
        if key in everything and everything[key].strip() not in counts
    }
    texts = annotations if condition.in_text else {}
    return largest_amount(named, texts, apart_from=condition.over)


def like(value: str, pattern: str) -> bool:
    """Whether the whole value is like the pattern: * for any letters, | for a choice, capitals or not."""
    lowered = value.lower()
    return any(fnmatchcase(lowered, choice.strip().lower()) for choice in pattern.split("|"))


def _short(text: str) -> str:
    clean = " ".join(text.split())
    return clean if len(clean) <= _SHOWN else clean[: _SHOWN - 1] + "…"
