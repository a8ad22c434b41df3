"""Reads `haltdesk.toml`: lays the desk's file over the shipped one, and names every key that is wrong."""

import difflib
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from bot.config.problems import ConfigurationError, Problem
from bot.config.sections import PolicyFile
from bot.domain.words import Phase, Severity

Table = dict[str, Any]


def default_policy_text() -> str:
    """The shipped file, commented: what `docs/haltdesk.example.toml` shows."""
    return files("bot.config").joinpath("haltdesk.toml").read_text(encoding="utf-8")


def read_policy_file(path: Path | None) -> PolicyFile:
    """The checked file. Raises `ConfigurationError` with the file, each place in it, and what is wrong."""
    defaults = _parse(default_policy_text())
    if path is None:
        return _checked(defaults, "haltdesk.toml")
    try:
        desk = _parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError([Problem(path.name, f"cannot be read: {error.strerror}")]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError([Problem(path.name, f"is no TOML: {error}")]) from error
    return _checked(_laid_over(defaults, desk), path.name)


def _parse(text: str) -> Table:
    return tomllib.loads(text, parse_float=Decimal)


def _laid_over(defaults: Table, desk: Table) -> Table:
    """Tables are joined key by key; any other value of the desk replaces the default.

    Severity rules are the exception: the desk's stand before the defaults, for the first that matches
    decides, and a desk that adds one rule must not lose the others. `keep_default_rules = false` drops them.
    """
    merged = _joined(defaults, desk)
    severity = desk.get("severity")
    if isinstance(severity, dict) and isinstance(severity.get("rules"), list):
        kept = [] if severity.get("keep_default_rules") is False else defaults["severity"]["rules"]
        merged["severity"]["rules"] = severity["rules"] + kept
    return merged


def _joined(under: Table, over: Table) -> Table:
    joined = dict(under)
    for key, value in over.items():
        below = joined.get(key)
        joined[key] = _joined(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return joined


def _checked(data: Table, name: str) -> PolicyFile:
    problems: list[Problem] = []
    try:
        policy = PolicyFile.model_validate(data)
    except ValidationError as error:
        problems = [_problem(detail, name) for detail in error.errors(include_url=False, include_input=False)]
    else:
        problems = [Problem(f"{name}: {place}", what) for place, what in _contradictions(policy)]
        if not problems:
            return policy
    # Raised outside the handler, so that pydantic's own error is not shown beneath ours.
    raise ConfigurationError(problems)


def _problem(detail: Any, name: str) -> Problem:
    place = f"{name}: {_place(detail['loc'])}"
    if detail["type"] != "extra_forbidden":
        cause = detail.get("ctx", {}).get("error")
        return Problem(place, str(cause) if cause else detail["msg"][:1].lower() + detail["msg"][1:])
    known = _keys_at(detail["loc"][:-1])
    near = difflib.get_close_matches(str(detail["loc"][-1]), known, n=1, cutoff=0.6)
    if near:
        return Problem(place, "there is no such key", f"{near[0]} = ...")
    return Problem(place, f"there is no such key; there are {', '.join(known)}")


def _place(loc: tuple[int | str, ...]) -> str:
    """("severity", "rules", 0, "alerts") -> "severity.rules[1].alerts", counted from one as people do."""
    text = ""
    for step in loc:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else step
    return text.replace(".[key]", "")


def _keys_at(loc: tuple[int | str, ...]) -> list[str]:
    """The keys that the table at this place may have."""
    kind: Any = PolicyFile
    for step in loc:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[str(step)].annotation
        else:  # dict[key, Model] or tuple[Model, ...]
            kind = get_args(kind)[1 if get_origin(kind) is dict else 0]
        kind = _without_none(kind)
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []


def _without_none(kind: Any) -> Any:
    choices = [choice for choice in get_args(kind) if choice is not type(None)]
    return choices[0] if type(None) in get_args(kind) else kind


def _contradictions(policy: PolicyFile) -> Iterator[tuple[str, str]]:
    for severity in Severity:
        if severity not in policy.severity.levels:
            yield f"severity.levels.{severity}", "is missing"
    for phase in Phase:
        if phase not in policy.phases:
            yield f"phases.{phase}", "is missing"
    for number, rule in enumerate(policy.severity.rules, 1):
        place = f'severity.rules[{number}] "{rule.name}"'
        if (rule.severity is None) != rule.ignore:
            yield place, "must have a severity, or ignore = true, and not both"
        if not (rule.alerts or rule.labels or rule.annotations or rule.amount):
            yield place, "has no condition, so it would decide for every alert; add alerts, labels or amount"
        for text in (*rule.alerts, *rule.except_alerts):
            if not text.strip().lstrip("=").strip():
                yield place, "has an empty pattern"
    for phase, entry in policy.phases.items():
        yield from _twice(f"phases.{phase}.items", "key", [item.key for item in entry.items])
    yield from _twice("accounts", "name", [account.name for account in policy.accounts])
    if policy.halt.call_timeout > policy.halt.time_budget:
        yield "halt.call_timeout", "may not be longer than halt.time_budget"
    for number, account in enumerate(policy.accounts, 1):
        if account.at_live_broker and not account.live:
            yield f"accounts[{number}].live", f"{account.url} is the live broker: say live = true"
        if account.live and account.at_paper_broker:
            yield f"accounts[{number}].url", "live = true, but this is Alpaca's paper address"


def _twice(place: str, what: str, values: list[str]) -> Iterator[tuple[str, str]]:
    for value in sorted({value for value in values if values.count(value) > 1}):
        yield place, f'the {what} "{value}" stands twice'
