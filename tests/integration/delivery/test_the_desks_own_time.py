"""What is wanted and what was seen are dated by the desk's clock, whatever the machine's says."""

from datetime import timedelta

from bot.domain.words import ActionKind, StepStatus
from bot.engine.figures import FiguresFetcher
from bot.rendering.models import AccountFigures
from bot.services.actions import requests
from bot.services.views import account_line
from bot.store import action_steps, messages
from tests.fixtures.desk_in_process import DeskInProcess
from tests.unit.actions.desk import Account


def test_a_step_is_wanted_in_slack_since_it_was_written(sqlite_desk: DeskInProcess) -> None:
    """The delivery lag that /metrics tells is the difference of two times: both must be of one clock."""
    desk = sqlite_desk
    (asked,) = requests.confirm(
        desk.desk, ActionKind.HALT, ["main"], reason="a fault", by="U0OPERATOR", request_key="one"
    )
    desk.deliver()
    desk.time.move(30)
    now = desk.time.now()
    with desk.database.begin() as unit:
        action_steps.write_step(unit, asked.action_id, "suspend", StepStatus.OK, "accepted", {}, at=now)
        requests.progressed(unit, asked.action_id, now)
    with desk.database.read() as unit:
        message = messages.by_key(unit, f"action:{asked.action_id}")
        assert message is not None
        assert message.wanted > message.shown
        assert messages.backlog(unit) == (1, now)


def test_what_a_modal_has_shown_is_fresh_for_a_minute_of_the_desks(sqlite_desk: DeskInProcess) -> None:
    desk = sqlite_desk
    fetcher = FiguresFetcher(desk.desk, lambda name: Account())
    fetcher(AccountFigures(account_line(desk.desk.accounts[0], None), loading=True))
    shown = fetcher.picture("main")
    assert shown is not None
    assert shown.at == desk.time.now()
    desk.time.at += timedelta(seconds=59)
    assert fetcher.picture("main") is shown
    desk.time.at += timedelta(seconds=2)
    assert fetcher.picture("main") is None
