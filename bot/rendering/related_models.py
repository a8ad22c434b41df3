"""What the templates are given about related and merged incidents: plain, frozen values."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RelatedLine:
    """Another incident. `why` holds label values and is hostile; `url` None: not in Slack yet; `state` when closed."""

    key: str
    why: str
    url: str | None
    state: str = ""


@dataclass(frozen=True)
class RelatedView:
    """Related incidents (`more` are not shown), what was merged into this one, and where this one went."""

    related: tuple[RelatedLine, ...] = ()
    more: int = 0
    mergeable: bool = False
    merged: tuple[RelatedLine, ...] = ()
    merged_more: int = 0
    merged_into: RelatedLine | None = None


@dataclass(frozen=True)
class MergeChoice:
    """An incident that could be folded in. `value` is its number; the title is from outside."""

    value: str
    key: str
    severity: str
    title: str
    firing: int


@dataclass(frozen=True)
class MergeView:
    """The modal that folds one incident into another. `private_metadata` is opaque."""

    incident_key: str
    choices: tuple[MergeChoice, ...]
    private_metadata: str
    drill: bool
