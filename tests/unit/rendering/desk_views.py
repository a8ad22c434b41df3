"""An incident of the desk as views, with every free text open to what a test wants to put there."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.actions import Step, UnconfirmedOrder
from bot.domain.words import (
    ActionKind,
    ActionStatus,
    AlertStatus,
    IncidentStatus,
    Phase,
    Severity,
    StepStatus,
    TradingState,
)
from bot.rendering.models import (
    AccountFigures,
    AccountLine,
    ActionView,
    AlertLine,
    CalledOffView,
    ChecklistLine,
    ConfirmView,
    DeclareView,
    IncidentView,
    LeavePhaseView,
    NoticeView,
    PhaseView,
    PostmortemView,
    ReplyView,
    ResolveView,
    TimelineLine,
)
from bot.rendering.render import Rendered, Renderer

TEN = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
OPERATOR = "U0OPERATOR"
RUNBOOK = "https://runbooks.example/recon?page=1&part=2"


def later(seconds: float) -> datetime:
    return TEN + timedelta(seconds=seconds)


def account(label: str = "PAPER PA3F…0001", **changes: Any) -> AccountLine:
    line = AccountLine("main", label, True, TradingState.NORMAL, later(-60), False, 120, True)
    return replace(line, **changes)


def alert(text: str = "3 breaks, impact $2,300", **changes: Any) -> AlertLine:
    labels = {"alertname": "ReconciliationBreaks", "breaks": "3", "note": text}
    line = AlertLine(text, AlertStatus.FIRING, Severity.SEV1, text, labels, TEN, None, RUNBOOK, text)
    return replace(line, **changes)


def incident(text: str = "Reconciliation breaks: $2,300", **changes: Any) -> IncidentView:
    view = IncidentView(
        id=42,
        key="INC-42",
        title=text,
        severity=Severity.SEV1,
        severity_reason=text,
        status=IncidentStatus.OPEN,
        phase=Phase.TRIAGE,
        opened_at=TEN,
        opened_by=None,
        acknowledge_by=later(300),
        acknowledged_at=None,
        acknowledged_by=None,
        resolved_at=None,
        resolved_by=None,
        accounts=(account(),),
        alerts=(alert(text),),
        firing=1,
        cleared=0,
        next_due=text,
        next_due_at=later(1800),
        running=(text,),
        drill=False,
        now=TEN,
    )
    return replace(view, **changes)


def phase(text: str = "Determine severity level", **changes: Any) -> PhaseView:
    lines = (
        ChecklistLine("triage.acknowledge", text, True, OPERATOR, TEN, None),
        ChecklistLine("triage.severity", text, False, None, None, text),
        ChecklistLine("triage.trading", text, True, text, TEN, text),
    )
    view = PhaseView(
        42, "INC-42", Phase.TRIAGE, "Triage", text, lines, True, text, None, None, None, drill=False
    )
    return replace(view, **changes)


def halt(text: str = "breaks over limit", **changes: Any) -> ActionView:
    view = ActionView(
        id=7,
        incident_id=42,
        incident_key="INC-42",
        kind=ActionKind.HALT,
        status=ActionStatus.WATCHING,
        account=account(state=TradingState.HALTED, proved=False, suspended=True, open_orders=2),
        requested_by=OPERATOR,
        requested_at=TEN,
        also_requested_by=(text,),
        reason=text,
        steps=(Step(text, StepStatus.OK, text, TEN, later(0.11)),),
        headline=text,
        next_step=text,
        unconfirmed=(UnconfirmedOrder(text, text, text, text, text, text),),
        evidence={
            "asked": 120,
            "accepted": 119,
            "gone": 118,
            "suspension": {"read": True, "at": later(1).isoformat()},
            "lost_stops": [text],
            "positions_changed": [text],
            "run": run(3, text, text),
            "components": [
                {"name": text, "status": "warn", "figure": text, "threshold": text, "advice": text}
            ],
        },
        finished_at=None,
        drill=False,
    )
    return replace(view, **changes)


def run(breaks: int, text: str = "missing at the broker", symbol: str = "AAPL") -> dict[str, Any]:
    """The evidence of a reconciliation with so many breaks."""
    one = {"kind": "missing_at_broker", "symbol": symbol, "ledger_qty": "10", "broker_qty": "0"}
    return {
        "ledger_positions": 12,
        "broker_positions": 12 - min(breaks, 12),
        "breaks": [{**one, "impact": "2300.00", "text": text} for _ in range(breaks)],
        "impact": str(2300 * breaks),
        "clean": breaks == 0,
        "severity": "SEV-1" if breaks else None,
        "halt": breaks > 0,
        "reasons": [text] if breaks else [],
    }


def notice(text: str = "none", **changes: Any) -> NoticeView:
    view = NoticeView(
        "INC-42", text, Severity.SEV1, TEN, later(3600), OPERATOR, (account(),), text, text, drill=False
    )
    return replace(view, **changes)


def postmortem(text: str = "Halt asked", **changes: Any) -> PostmortemView:
    timeline = (TimelineLine(TEN, "alert.fired", None, text), TimelineLine(later(5), "halt", text, text))
    view = PostmortemView(incident(text), timeline, (halt(text),), (phase(text),), (alert(text),))
    return replace(view, **changes)


def confirm(kind: ActionKind = ActionKind.HALT, text: str = "note", **changes: Any) -> ConfirmView:
    figures = AccountFigures(account(), False, 120, 2, (text,), text, True, 2, text)
    view = ConfirmView(kind, "INC-42", (figures,), ("main",), '{"incident":42}', False, (text,))
    return replace(view, **changes)


def every_message(renderer: Renderer, text: str) -> Iterator[tuple[str, Rendered]]:
    makes: dict[str, Callable[[], Rendered]] = {
        "incident": lambda: renderer.incident_root(incident(text)),
        "phase": lambda: renderer.phase(phase(text, left_at=TEN, left_by=text, left_reason=text)),
        "action": lambda: renderer.action(halt(text)),
        "reply": lambda: renderer.reply(ReplyView(42, "INC-42", text, (text,) * 20, False)),
        "called off": lambda: renderer.called_off(
            CalledOffView("INC-42", text, text, text, TEN, (text,) * 20, drill=False)
        ),
        "notice": lambda: renderer.notice(notice(text)),
        "postmortem": lambda: renderer.postmortem_summary(postmortem(text)),
    }
    for name, make in makes.items():
        yield name, make()


def every_modal(renderer: Renderer, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in (ActionKind.HALT, ActionKind.CANCEL, ActionKind.HEALTH, ActionKind.RECONCILE):
        yield kind, renderer.confirm(confirm(kind, text))
    yield "leave", renderer.leave_phase(LeavePhaseView("INC-42", text, text, (text,) * 30, "m", False))
    yield "resolve", renderer.resolve(ResolveView("INC-42", (text,) * 30, 15, "m", True))
    yield "declare", renderer.declare(DeclareView(text, "m"))
    yield "refusal", renderer.refusal_modal(text or "Refused", text or "Not an operator.")


def words(node: Any) -> str:
    """Everything a reader sees in blocks or a view, one text a line."""
    return "\n".join(text["text"] for text in texts(node))


def texts(node: Any) -> Iterator[dict[str, Any]]:
    """The text objects: mrkdwn, plain_text, raw_text."""
    if isinstance(node, list):
        for item in node:
            yield from texts(item)
    elif isinstance(node, dict):
        if isinstance(node.get("text"), str) and "type" in node:
            yield node
        for value in node.values():
            yield from texts(value)


def buttons(blocks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The buttons of a message by action_id; an id that stands twice is an error in Slack."""
    found = [e for b in blocks if b["type"] == "actions" for e in b["elements"]]
    found += [b["accessory"] for b in blocks if "accessory" in b]
    by_id = {button["action_id"]: button for button in found}
    assert len(by_id) == len(found)
    return by_id


_OURS = re.compile(
    r"<!date\^\d+\^(?:\{date_short_pretty\} )?\{time(?:_secs)?\}\|[0-9: -]+ UTC>"
    rf"|<@{OPERATOR}>"
    r"|<https://runbooks\.example/recon\?page=1&amp;part=2\|runbook>"
)


def foreign_control(mrkdwn: str) -> str | None:
    """What a text would say in Slack's control language beyond the desk's own tokens; None when nothing."""
    rest = _OURS.sub("", mrkdwn)
    if found := re.search(r"[<>`]|&(?!(?:amp|lt|gt);)", rest):
        return rest[max(found.start() - 20, 0) : found.end() + 20]
    return None
