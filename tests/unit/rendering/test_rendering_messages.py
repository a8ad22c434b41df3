"""The thread of an incident, from the alert to the notice, as the desk reads it."""

import json

from bot.domain.words import AlertStatus, IncidentStatus, Severity, TradingState
from bot.rendering.models import ChecklistLine, ReplyView
from bot.rendering.render import Renderer
from tests.unit.rendering.desk_views import (
    OPERATOR,
    account,
    alert,
    buttons,
    halt,
    incident,
    later,
    notice,
    phase,
    postmortem,
    words,
)

DESK = Renderer()


def test_a_new_incident_says_first_what_it_is_and_by_when_it_must_be_acknowledged() -> None:
    message = DESK.incident_root(incident("Reconciliation breaks: $2,300"))

    assert message.text.startswith("SEV-1 INC-42 Reconciliation breaks: $2,300 — not acknowledged yet")
    assert message.blocks[0]["text"]["text"] == "🔴 SEV-1 · INC-42 · Reconciliation breaks: $2,300"
    shown = words(message.blocks)
    assert "*Acknowledge by <!date^1795446300^" in shown
    assert "*Firing: 1*" in shown
    assert "Why SEV-1: Reconciliation breaks: $2,300" in shown
    pressed = buttons(message.blocks)
    assert list(pressed) == [
        *("incident.acknowledge", "halt.open", "cancel.open", "reconcile.open", "health.open"),
        *("flatten.open", "incident.resolve"),
    ]
    assert pressed["halt.open"]["style"] == "danger"
    assert json.loads(pressed["halt.open"]["value"]) == {"incident": 42}


def test_the_buttons_of_a_drill_say_so_because_the_database_may_be_away_when_they_are_pressed() -> None:
    pressed = buttons(DESK.incident_root(incident("kill switch test", drill=True)).blocks)
    assert json.loads(pressed["halt.open"]["value"]) == {"incident": 42, "drill": True}
    assert json.loads(pressed["cancel.open"]["value"]) == {"incident": 42, "drill": True}


def test_an_overdue_acknowledgement_is_said_until_someone_acknowledges() -> None:
    overdue = DESK.incident_root(incident(now=later(301)))
    taken = DESK.incident_root(incident(acknowledged_at=later(310), acknowledged_by=OPERATOR, now=later(311)))

    assert "overdue since" in words(overdue.blocks)
    assert "overdue" not in words(taken.blocks)
    assert f"acknowledged by <@{OPERATOR}>" in words(taken.blocks)
    assert "incident.acknowledge" not in buttons(taken.blocks)


def test_a_resolved_incident_keeps_no_button_and_says_how_long_it_took() -> None:
    view = incident(
        status=IncidentStatus.RESOLVED, resolved_at=later(2820), resolved_by=OPERATOR, firing=0, cleared=1
    )
    message = DESK.incident_root(view)

    assert buttons(message.blocks) == {}
    assert f"by <@{OPERATOR}>, after 47 min" in words(message.blocks)
    assert "— resolved, 0 alerts firing" in message.text


def test_the_worst_firing_alerts_come_first_and_the_rest_is_counted() -> None:
    alerts = (
        alert("Cleared one", status=AlertStatus.RESOLVED, ends_at=later(60)),
        alert("Slow feed", severity=Severity.SEV3),
        alert("Breaks", severity=Severity.SEV1),
        *(alert(f"Reject rate {n}", severity=Severity.SEV2) for n in range(9)),
    )
    shown = words(DESK.incident_root(incident(alerts=alerts, firing=319, cleared=1)).blocks)

    assert shown.index("*Breaks*") < shown.index("*Reject rate 0*")
    assert "Cleared one" not in shown
    assert "and 312 more alerts" in shown  # 320 in all, 8 shown


def test_halted_is_said_only_of_what_the_broker_has_shown() -> None:
    asked = account(state=TradingState.HALTED, proved=False, suspended=True, open_orders=3)
    proved = account(state=TradingState.HALTED, proved=True, suspended=True, open_orders=0)

    before, after = (
        DESK.incident_root(incident(accounts=(asked,))),
        DESK.incident_root(incident(accounts=(proved,))),
    )

    assert "halted" not in words(before.blocks).lower()
    assert "*stop ordered, not proved* — suspended, 3 live orders" in words(before.blocks)
    assert "*HALTED* — suspended, 0 live orders, proved <!date^" in words(after.blocks)


def test_a_live_account_and_what_is_not_known_of_it_are_unmistakable() -> None:
    line = account("PA9K…0002", paper=False, verified_at=None, suspended=None, open_orders=None, proved=False)

    assert "*LIVE PA9K…0002*: normal, not checked at the broker yet" in words(
        DESK.incident_root(incident(accounts=(line,))).blocks
    )


def test_someone_who_lifted_or_set_the_suspension_behind_the_desks_back_is_seen() -> None:
    line = account(state=TradingState.NORMAL, suspended=True)

    assert "normal, but the broker says *suspended*" in words(
        DESK.incident_root(incident(accounts=(line,))).blocks
    )


def test_each_item_of_the_current_phase_is_a_button_that_asks_for_a_state() -> None:
    message = DESK.phase(phase(next_title="Diagnosis"))
    pressed = buttons(message.blocks)

    undo, done = pressed["checklist.toggle:triage.acknowledge"], pressed["checklist.toggle:triage.severity"]
    assert (undo["text"]["text"], json.loads(undo["value"])["done"]) == ("Undo", False)
    assert (done["text"]["text"], json.loads(done["value"])["done"]) == ("Done", True)
    assert json.loads(done["value"]) == {"incident": 42, "item": "triage.severity", "done": True}
    assert json.loads(pressed["phase.advance"]["value"]) == {"incident": 42, "phase": "triage"}
    assert pressed["phase.advance"]["text"]["text"] == "Next phase: Diagnosis"
    assert "style" not in pressed["phase.advance"]  # items are open: going on is not the obvious thing
    assert "2 of 3 done" in words(message.blocks)


def test_a_phase_that_was_left_with_open_items_says_who_left_it_and_why_and_has_no_button() -> None:
    message = DESK.phase(
        phase(current=False, left_at=later(400), left_by=OPERATOR, left_reason="the broker is down")
    )

    assert buttons(message.blocks) == {}
    assert f"Left with 1 open item by <@{OPERATOR}>" in words(message.blocks)
    assert "the broker is down" in words(message.blocks)


def test_a_finished_phase_offers_the_next_one() -> None:
    lines = (ChecklistLine("triage.acknowledge", "Acknowledge", True, OPERATOR, later(0), None),)

    assert buttons(DESK.phase(phase(lines=lines)).blocks)["phase.advance"]["style"] == "primary"


def test_a_drill_says_drill_in_every_message() -> None:
    messages = [
        DESK.incident_root(incident(drill=True)),
        DESK.phase(phase(drill=True)),
        DESK.action(halt(drill=True)),
        DESK.reply(ReplyView(42, "INC-42", "New alert", (), True)),
        DESK.notice(notice(drill=True)),
        DESK.postmortem_summary(postmortem(incident=incident(drill=True))),
    ]

    for message in messages:
        assert message.text.startswith("DRILL")
        assert words(message.blocks[:1]).startswith("DRILL")
