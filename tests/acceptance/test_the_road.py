"""The road, end to end: an alert becomes an incident, trading stops, the desk resolves it and reads the postmortem."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.acceptance.trading_desk import INCIDENTS, STAKEHOLDERS, TradingDesk, alert, webhook

FIRST = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)


def phase_message(desk: TradingDesk, title: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        for reply in desk.slack.thread(INCIDENTS, desk.root()["ts"]):
            if desk.slack.text_of(reply).startswith(f"{title} ·"):
                return reply
        return None

    found = desk.slack.wait_for(look, what=f"the checklist of {title}")
    assert found is not None
    return found


def tick_everything(desk: TradingDesk, title: str) -> None:
    """Press Done at each open item, as an operator works through the phase."""
    message = phase_message(desk, title)
    for action_id, text, _ in desk.slack.buttons(INCIDENTS, message["ts"]):
        if action_id.startswith("checklist.toggle") and text == "Done":
            answer = desk.slack.click(INCIDENTS, message["ts"], action_id, "U0OPERATOR")
            assert answer.status == 200


def press(desk: TradingDesk, button: str) -> None:
    """Press a button of the incident's message as soon as it is there."""
    root = desk.root()["ts"]
    desk.slack.wait_for(
        lambda: button in [one[0] for one in desk.slack.buttons(INCIDENTS, root)], what=f"the button {button}"
    )
    desk.slack.click(INCIDENTS, root, button, "U0OPERATOR")


def test_from_the_alert_to_the_postmortem(tmp_path: Path, empty_database_url: str) -> None:
    with TradingDesk(tmp_path, empty_database_url, empty=True, notice_delay="2s") as desk:
        desk.account.add_position("AAPL", "10", "150", "155")
        desk.ledger.set("AAPL", "12", "150", datetime.now(UTC))
        for number in range(3):
            desk.account.add_order("AAPL", "buy", "1", limit_price=str(100 + number))
        desk.start()

        breaks = alert("ReconciliationBreaks", annotations={"summary": "Breaks of $2,300"}, started=FIRST)
        assert desk.fire(webhook(breaks)).status_code == 200
        triage = phase_message(desk, "Triage")
        assert "SEV-1 · INC-1" in desk.slack.text_of(desk.root())

        # Acknowledged; an item done, undone, done again, each with who and when.
        root = desk.root()["ts"]
        desk.slack.click(INCIDENTS, root, "incident.acknowledge", "U0OPERATOR")
        desk.slack.wait_for(
            lambda: "acknowledged by @operator" in desk.slack.text_of(desk.root()), what="the acknowledgement"
        )
        desk.slack.click(INCIDENTS, triage["ts"], "checklist.toggle:triage.severity", "U0OPERATOR")
        desk.reply("2 of 5 done")
        desk.slack.click(INCIDENTS, triage["ts"], "checklist.toggle:triage.severity", "U0ENGINEER")
        desk.reply("1 of 5 done")

        # The books are compared: a quantity off by more than 10 % halts by the desk's own thresholds.
        desk.confirm("reconcile.open", reason="what is off?")
        desk.reply("1 break")
        desk.reply("HALTED, proved")
        assert desk.account.suspended
        assert not desk.account.open_orders

        tick_everything(desk, "Triage")
        phase_message(desk, "Diagnosis")
        # Diagnosis is left with open items: only with a reason.
        diagnosis = phase_message(desk, "Diagnosis")
        desk.slack.click(INCIDENTS, diagnosis["ts"], "phase.advance", "U0OPERATOR")
        modal = desk.slack.wait_for(lambda: desk.slack.views("U0OPERATOR"), what="the question why")[-1]
        assert modal["callback_id"] == "phase.leave"
        desk.slack.submit(
            modal["id"], {"reason": "the cause is known: a fill was booked twice"}, "U0OPERATOR"
        )
        phase_message(desk, "Mitigation")

        # The books are mended, and shown to be clean.
        desk.ledger.set("AAPL", "10", "150", datetime.now(UTC))
        desk.confirm("reconcile.open", reason="after mending")
        desk.reply("Mitigation · 1 of 4 done")  # Haltdesk has filled in what it has seen
        tick_everything(desk, "Mitigation")
        phase_message(desk, "Resolution")
        tick_everything(desk, "Resolution")
        # An alert fires still: the incident waits for it, and nobody is told that it is over.
        assert desk.api("/v1/incidents/INC-1")["status"] == "open"

        cleared = alert("ReconciliationBreaks", status="resolved", started=FIRST)
        assert desk.fire(webhook(cleared)).status_code == 200
        desk.until(lambda: desk.api("/v1/incidents/INC-1")["status"] == "resolved", what="the resolution")

        # It fires again before the notice is out: held back, the same thread goes on.
        again = alert("ReconciliationBreaks", annotations={"summary": "Breaks of $1,900"}, started=LATER)
        assert desk.fire(webhook(again)).status_code == 200
        desk.reply("Reopened")
        incident = desk.api("/v1/incidents/INC-1")
        assert incident["status"] == "open"
        assert "NoticeWithheld" in [entry["kind"] for entry in incident["timeline"]]
        assert not desk.slack.messages(STAKEHOLDERS)

        assert desk.fire(webhook(alert("ReconciliationBreaks", status="resolved", started=LATER))).ok
        press(desk, "incident.resolve")
        modal = desk.slack.wait_for(lambda: desk.slack.views("U0OPERATOR"), what="the obstacles")[-1]
        assert modal["callback_id"] == "incident.resolve.confirm"
        desk.slack.submit(modal["id"], {"reason": "the second booking is undone too"}, "U0OPERATOR")

        notice = desk.slack.wait_for(lambda: desk.slack.messages(STAKEHOLDERS), what="the notice")
        assert len(notice) == 1
        assert "INC-1" in desk.slack.text_of(notice[0])
        drafts = desk.slack.wait_for(
            lambda: [one for one in desk.slack.messages(INCIDENTS) if one["ts"] != root], what="the draft"
        )
        # The draft of the first resolution stands there already, and is edited when Slack's pace lets it be.
        desk.slack.wait_for(
            lambda: "fired again" in desk.slack.text_of(desk.slack.message(INCIDENTS, drafts[0]["ts"])),
            what="the newest draft",
        )
        draft = desk.slack.text_of(desk.slack.message(INCIDENTS, drafts[0]["ts"]))
        assert "Postmortem draft · INC-1" in draft
        assert "the cause is known" in draft
        assert len(drafts) == 1
        assert "# Postmortem INC-1" in desk.cli("postmortem", "INC-1").stdout
        assert not desk.slack.pinged
        # A modal may be confirmed before its figures are there: they then find it closed, and nobody is troubled.
        refused = {(call.method, call.error) for call in desk.slack.calls if call.error}
        assert refused <= {("views.update", "not_found")}
