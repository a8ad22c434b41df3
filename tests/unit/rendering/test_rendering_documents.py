"""The postmortem's draft, the mail, and the templates themselves."""

import re
from pathlib import Path

import pytest

from bot.domain.words import IncidentStatus, TradingState
from bot.rendering.environment import Templates, shipped
from bot.rendering.models import TimelineLine
from bot.rendering.render import Renderer
from bot.rendering.slots import RenderingError
from tests.unit.rendering.desk_views import (
    OPERATOR,
    account,
    halt,
    incident,
    later,
    notice,
    phase,
    postmortem,
    run,
)

DESK = Renderer()
SECTIONS = ["Summary", "Impact", "Timeline", "Detection", "Root cause", "Response"]
SECTIONS += ["What went well", "What went badly", "Action items", "Lessons"]


def test_the_draft_holds_what_was_recorded_and_marks_what_is_to_write() -> None:
    ended = incident(
        "Breaks: $2,300",
        status=IncidentStatus.RESOLVED,
        acknowledged_at=later(95),
        acknowledged_by=OPERATOR,
        resolved_at=later(7200),
        resolved_by=OPERATOR,
    )
    stop = halt("MSFT sell stop 5 @ 380.00", evidence={"lost_stops": ["MSFT sell stop 5"], "run": run(500)})
    timeline = (TimelineLine(later(3), "halt.confirmed", OPERATOR, "Halt asked | *now*"),)
    draft = DESK.postmortem_markdown(
        postmortem(incident=ended, actions=(stop,), timeline=timeline, people={OPERATOR: "Operator One"})
    )

    assert draft.startswith("# Postmortem INC-42: Breaks: $2,300\n")
    assert re.findall(r"^## (.*)$", draft, re.MULTILINE) == SECTIONS
    assert r"| 2026-11-23 15:00:03 UTC | Halt asked \| \*now\* | Operator One |" in draft
    assert "by Operator One, after 1 min" in draft
    assert "Protective stops cancelled by halt: MSFT sell stop 5" in draft
    assert "500 breaks" in draft
    assert "Not done in Triage" in draft
    assert draft.count("TO WRITE") >= 6
    assert "{#" not in draft
    assert "<!" not in draft


def test_the_draft_of_an_incident_without_anything_still_has_every_section() -> None:
    draft = DESK.postmortem_markdown(
        postmortem(timeline=(), actions=(), phases=(), all_alerts=(), incident=incident("", accounts=()))
    )

    assert re.findall(r"^## (.*)$", draft, re.MULTILINE) == SECTIONS
    assert "declared by hand" in draft
    assert "No emergency action was taken." in draft


def test_a_drill_says_so_in_the_draft_and_the_mail() -> None:
    assert DESK.postmortem_markdown(postmortem(incident=incident(drill=True))).startswith("# DRILL: ")
    subject, body = DESK.notice_mail(notice(drill=True))
    assert subject.startswith("DRILL: ")
    assert body.startswith("DRILL")


def test_the_mail_says_what_it_was_how_long_and_where_the_accounts_stand() -> None:
    unproved = account("PA9K…0002", paper=False, state=TradingState.HALTED, proved=False)
    subject, body = DESK.notice_mail(
        notice("Breaks & more", accounts=(unproved,), people={OPERATOR: "Op One"})
    )

    assert subject == "Resolved: SEV-1 INC-42 Breaks & more"
    assert "Resolved:  2026-11-23 16:00:00 UTC by Op One, after 1 h" in body
    assert "LIVE PA9K…0002: stop ordered, not proved" in body


def test_the_desk_can_put_its_own_template_before_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "postmortem-template.md").write_text("# Ours: {{ incident.key }}\n")
    (tmp_path / "messages").mkdir()
    (tmp_path / "messages" / "reply.json.j2").write_text('{"text": "{{ view.incident_key }}", "blocks": []}')

    assert Renderer(tmp_path).postmortem_markdown(postmortem()) == "# Ours: INC-42\n"
    assert Renderer(tmp_path).phase(phase()) == DESK.phase(phase())


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("# {{ incident.kee }}", "kee"),
        ("one\n{% if %}", "line 2"),
        ("{{ incident.opened_at.__class__.__mro__ }}", "unsafe"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
    ],
)
def test_a_mistake_in_the_desks_template_is_named(tmp_path: Path, written: str, told: str) -> None:
    (tmp_path / "postmortem-template.md").write_text(written)

    with pytest.raises(RenderingError, match=f"postmortem-template.md.*{told}"):
        Renderer(tmp_path).postmortem_markdown(postmortem())


def test_a_value_outside_of_a_string_is_an_error_and_never_a_broken_message(tmp_path: Path) -> None:
    (tmp_path / "bare.json.j2").write_text('{"text": {{ said }}}')

    with pytest.raises(RenderingError, match="quoted string"):
        Templates(tmp_path).structure("bare.json.j2", said='"x", "blocks": []')


def test_a_missing_template_is_named() -> None:
    with pytest.raises(RenderingError, match=r"no-such\.md is missing"):
        Templates().markdown("no-such.md")


def test_no_shipped_template_goes_round_the_escaping() -> None:
    files = [*shipped("templates").rglob("*.j2"), shipped("docs", "runbooks") / "postmortem-template.md"]
    assert len(files) >= 15
    for file in files:
        # `~` and `join` glue a value to a macro's text before it is in a slot.
        went = re.search(r"\{[{%][^}]*(?:\|\s*(?:safe|join|forceescape)\b| ~ |autoescape)", file.read_text())
        assert went is None, file.name
