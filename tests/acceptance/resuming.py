"""What people do at the desk to resume: halt, reconcile clean, ask, approve."""

from typing import Any

from tests.acceptance.trading_desk import INCIDENTS, TradingDesk, alert, webhook

OPERATOR, APPROVER, BOTH = "U0OPERATOR", "U0APPROVER", "U0ENGINEER"


def open_for_business(desk: TradingDesk) -> None:
    """An incident that is open, whose alert has cleared, and a position that the ledger agrees with."""
    desk.account.add_order("AAPL", "buy", "1", limit_price="100")
    desk.account.add_position("AAPL", "10", "150", "155")
    desk.ledger.set("AAPL", "10", "150")
    desk.start()
    desk.fire(webhook(alert("HighRejectRate")))
    desk.fire(webhook(alert("HighRejectRate", status="resolved")))
    desk.reply("Triage")


def halt(desk: TradingDesk) -> None:
    desk.confirm("halt.open", reason="reject rate")
    desk.reply("HALTED, proved")
    # The root message shows the button a moment later than the thread shows the proof.
    desk.until(lambda: "resume.open" in offered(desk), what="the Resume button")


def offered(desk: TradingDesk) -> list[str]:
    """The action ids of the buttons in the root message."""
    return [action_id for action_id, _, _ in desk.slack.buttons(INCIDENTS, desk.root()["ts"])]


def reconcile(desk: TradingDesk) -> None:
    """A clean reconciliation of its own; the one before it does not count."""
    before = ended(desk, "reconcile")
    desk.confirm("reconcile.open")
    desk.until(lambda: len(ended(desk, "reconcile")) > len(before), what="the reconciliation")
    assert ended(desk, "reconcile")[-1]["evidence"]["run"]["clean"], "the reconciliation is not clean"


def ended(desk: TradingDesk, kind: str) -> list[dict[str, Any]]:
    """The incident's actions of that kind that have ended, oldest first."""
    actions = desk.api("/v1/incidents/INC-1")["actions"]
    return [one for one in actions if one["kind"] == kind and one["status"] in ("done", "failed", "unknown")]


def ask(desk: TradingDesk, stage: str, user: str = OPERATOR, **values: Any) -> str:
    """Ask for the stage; the ts of the message that waits for another person."""
    desk.confirm("resume.open", user, **{"reason": f"fixed, {stage}", **values})
    return str(desk.reply(f"Resume to {stage} · needs another approver")["ts"])


def press(desk: TradingDesk, ts: str, button: str, user: str) -> None:
    desk.slack.click(INCIDENTS, ts, button, user)


def told(desk: TradingDesk, user: str, text: str) -> None:
    """Wait until `user` alone is told `text`."""
    desk.slack.wait_for(
        lambda: [one for one in desk.slack.ephemerals(user) if text in desk.slack.text_of(one)],
        what=f"{text!r} to {user}",
    )


def kinds(desk: TradingDesk) -> list[str]:
    return [entry["kind"] for entry in desk.api("/v1/incidents/INC-1")["timeline"]]
