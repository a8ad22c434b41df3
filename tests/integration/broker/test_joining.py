"""A halt asked for while another runs: joined, unless it asks for more than the one that runs does."""

import pytest

from bot.domain.words import ActionKind
from bot.services.actions.requests import Confirmed, confirm
from bot.simulator.slack import SlackSimulator
from tests.fixtures.desk_in_process import DeskInProcess

ONLY = {"suspend_only": True}


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        pytest.param({}, {}, True, id="the same again"),
        pytest.param({}, ONLY, True, id="less than runs already"),
        pytest.param(ONLY, ONLY, True, id="suspending only, twice"),
        pytest.param(ONLY, {}, False, id="the orders are to go, too"),
    ],
)
def test_a_second_halt_joins_what_does_as_much(
    database_url: str, first: dict[str, bool], second: dict[str, bool], joined: bool
) -> None:
    with SlackSimulator() as slack:
        desk = DeskInProcess(database_url, slack)

        def halt(key: str, params: dict[str, bool]) -> Confirmed:
            (one,) = confirm(
                desk.desk, ActionKind.HALT, ["main"], reason="breaks", by=key, request_key=key, params=params
            )
            return one

        before, after = halt("U0FIRST", first), halt("U0SECOND", second)
        assert after.joined is joined
        assert (after.action_id == before.action_id) is joined
        desk.close()
