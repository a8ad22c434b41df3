"""What a message says of an action that has ended is what was so when it ended."""

from datetime import timedelta
from typing import Any

from bot.domain.actions import ActionResult, BrokerReading
from bot.domain.words import ActionKind, ActionStatus
from bot.services import incidents as incident_service
from bot.services import reminders
from bot.services.actions.requests import conclude, confirm
from bot.store import actions
from tests.acceptance.trading_desk import STAKEHOLDERS, alert, webhook
from tests.fixtures.desk_in_process import INCIDENTS, DeskInProcess
from tests.fixtures.pictures import differing


def asked(desk: DeskInProcess, kind: ActionKind) -> int:
    (confirmed,) = confirm(
        desk.desk,
        kind,
        ["main"],
        reason="test",
        by="U0OPERATOR",
        request_key=f"{kind}:{desk.time.now()}",
        incident_id=1,
    )
    return confirmed.action_id


def ended(desk: DeskInProcess, number: int, read: str | None) -> None:
    """It is proved; `read` is the account's number, if the broker gave it."""
    with desk.database.read() as unit:
        action = actions.get(unit, number)
    assert action is not None
    reading = BrokerReading(desk.time.now(), True, 0, read)
    evidence: dict[str, Any] = {"account_number": read}
    conclude(desk.desk, action, ActionResult(ActionStatus.DONE, "Done.", evidence, reading=reading))


def shown(desk: DeskInProcess, number: int) -> str:
    """The message of an action, by its place in the thread."""
    desk.deliver()
    assert differing(desk.desk, desk.slack) == []
    (root,) = desk.slack.messages(INCIDENTS)
    texts = [desk.slack.text_of(one) for one in desk.slack.thread(INCIDENTS, root["ts"])]
    return [text for text in texts if "asked by" in text][number - 1]


def test_an_account_whose_number_was_learned_later(desk: DeskInProcess) -> None:
    desk.post(webhook(alert("OrderRejects")))
    ended(desk, asked(desk, ActionKind.CANCEL), None)
    assert "PAPER main" in shown(desk, 1)
    desk.time.move(60)
    ended(desk, asked(desk, ActionKind.CANCEL), "PA3F00000001")
    assert "PAPER PA3F…0001" in shown(desk, 2)
    assert "PAPER main" in shown(desk, 1)
    desk.time.move(60)
    ended(desk, asked(desk, ActionKind.CANCEL), None)  # not read this time, and known all the same
    assert "PAPER PA3F…0001" in shown(desk, 3)


def test_another_account_under_the_same_name(desk: DeskInProcess) -> None:
    """Its keys were exchanged: what was cancelled was cancelled on the account from before."""
    desk.post(webhook(alert("OrderRejects")))
    ended(desk, asked(desk, ActionKind.CANCEL), "PA3F00000001")
    desk.time.move(60)
    ended(desk, asked(desk, ActionKind.CANCEL), "PA9K00000002")
    assert "PAPER PA9K…0002" in shown(desk, 2)
    assert "PAPER PA3F…0001" in shown(desk, 1)


def test_a_halt_that_is_proved_after_the_notice(desk: DeskInProcess) -> None:
    """It was asked for before the resolution: stakeholders must not go on reading that nothing was halted."""
    desk.post(webhook(alert("OrderRejects")))
    halt = asked(desk, ActionKind.HALT)
    desk.time.move(60)
    desk.post(webhook(alert("OrderRejects", status="resolved")))
    outcome = incident_service.resolve(desk.desk, 1, "U0OPERATOR", note="the halt is still looked at")
    assert not outcome.incident.open
    desk.time.move(timedelta(hours=1).total_seconds())
    reminders.keep(desk.desk)
    desk.deliver()
    (notice,) = desk.slack.messages(STAKEHOLDERS)
    assert "Trading was not halted." in desk.slack.text_of(notice)
    ended(desk, halt, "PA3F00000001")
    desk.deliver()
    (notice,) = desk.slack.messages(STAKEHOLDERS)
    assert "Trading was halted on main." in desk.slack.text_of(notice)
    assert differing(desk.desk, desk.slack) == []
