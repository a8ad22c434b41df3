"""Views of approvals, drift and documents: whatever stands in a field stays text, and within Slack's limits."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.words import ActionKind
from bot.rendering.approval_models import ApprovalView, GateLine, OverrideView, ResumeView, StageView
from bot.rendering.drift_models import DriftView
from bot.rendering.limits import size
from bot.rendering.render import Rendered, Renderer
from bot.simulator.slack.blocks import check_message_blocks
from bot.simulator.slack.views import check_view
from tests.unit.rendering.desk_views import (
    TEN,
    account,
    foreign_control,
    halt,
    incident,
    later,
    notice,
    phase,
    run,
)
from tests.unit.rendering.test_rendering_hostile import NASTY, check, hostile

STATUSES = ("checking", "waiting", "approving", "approved", "rejected", "expired", "refused")
IN_SHORT = settings(max_examples=15, deadline=None, derandomize=True)


@cache
def renderer() -> Renderer:
    return Renderer()


def gates(text: str, number: int) -> tuple[GateLine, ...]:
    return tuple(GateLine(text, (True, False, None)[place % 3], text) for place in range(number))


def approval(text: str, status: str, number: int) -> ApprovalView:
    return ApprovalView(
        id=3,
        incident_id=42,
        incident_key="INC-42",
        kind=ActionKind.RESUME,
        what=text,
        account=account(text),
        status=status,
        at_broker=text,
        reason=text,
        requested_by=text,
        requested_at=TEN,
        expires_at=later(600),
        gates=gates(text, number),
        decided_by=text,
        decided_at=later(60),
        decision=text,
        override_by=text,
        override_reason=text,
        from_command_line=number % 2 == 0,
        drill=number % 3 == 0,
    )


def messages(text: str, number: int) -> Iterator[tuple[str, Rendered]]:
    """`number`: how many of everything that can be many."""
    made = renderer()
    for status in STATUSES:
        yield f"approval {status}", made.approval(approval(text, status, number))
    for cleared_at in (None, later(60)):
        drift = DriftView(42, "INC-42", account(text), text, text, text, "Halt again", TEN, cleared_at, False)
        yield "drift", made.drift(drift)
    accounts = (account(text),) * number
    yield "incident", made.incident_root(incident(text, accounts=accounts, running=(text,) * number))
    one = phase(text).lines[0]
    lines = tuple(replace(one, key=f"triage.{place}", done=place % 2 == 0) for place in range(number))
    yield "phase", made.phase(phase(text, lines=lines))
    yield "notice", made.notice(notice(text, accounts=accounts))
    for kind in ActionKind:
        evidence = {**halt(text).evidence, "run": run(number, text, text)}
        yield f"action {kind}", made.action(halt(text, kind=kind, evidence=evidence))


def modals(text: str, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    stage = StageView(account(text), text, text, gates(text, number))
    resume = ResumeView(
        "INC-42", (stage,) * number, ("main",), text or None, "{}", False, timedelta(minutes=10), text
    )
    yield "resume", renderer().resume(resume)
    yield "override", renderer().override(OverrideView("INC-42", text, text, "{}", True))


def hold(text: str, number: int) -> None:
    for name, message in messages(text, number):
        check(message.blocks, name)
        check_message_blocks(message.blocks)  # as strict as Slack; raises what Slack would answer
        assert size(message.blocks) <= 12_000, name
        assert len(message.blocks) <= 50, name
        assert 0 < len(message.text) <= 1_000, name
        assert foreign_control(message.text) is None, name
    for name, view in modals(text, number):
        check(view["blocks"], name)
        check_view(view)
        assert len(view["blocks"]) <= 100, name


@pytest.mark.parametrize("text", NASTY[:8], ids=range(8))
def test_nasty_characters_in_every_field(text: str) -> None:
    hold(text, 1)


def test_sixty_of_everything() -> None:
    hold("<!channel> & *x*", 60)


@IN_SHORT
@given(text=hostile, number=st.integers(1, 6))
def test_any_text_in_every_field_however_many_there_are(text: str, number: int) -> None:
    hold(text, number)
