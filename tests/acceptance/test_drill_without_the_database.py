"""Halt, pressed in a drill's thread while the database hangs: the exercise touches nothing that is real."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_hanging_database import Frozen
from tests.acceptance.trading_desk import INCIDENTS, TradingDesk
from tests.fixtures.postgres import RealPostgres

DRILLS, OPERATOR = "C0DRILLS", "U0OPERATOR"
POLICY = """
format = 1
[[desk_commands]]
name = "trip_breaker"
on = "halt"
argv = [{python}, "-c", "open({proof}, 'w')"]
timeout = "10s"
"""


def drill(desk: TradingDesk) -> dict[str, Any]:
    """The root message of a drill, with its buttons."""
    desk.start()
    desk.slack.slash("/incident", "drill", user=OPERATOR, channel=INCIDENTS)
    view = desk.slack.wait_for(lambda: desk.slack.views(OPERATOR), what="the modal")[-1]
    desk.slack.submit(view["id"], {"title": "kill switch test", "severity": "SEV-1"}, OPERATOR)
    root = desk.slack.wait_for(lambda: desk.slack.messages(DRILLS), what="the drill")[0]
    desk.until(lambda: desk.slack.buttons(DRILLS, root["ts"]), what="the buttons")
    return root


@pytest.mark.real
def test_it_runs_no_command_of_the_desk_and_says_drill(
    tmp_path: Path, own_postgres_server: RealPostgres
) -> None:
    with TradingDesk(tmp_path, own_postgres_server.fresh_database()) as desk:
        proof = tmp_path / "breaker-tripped"
        desk.policy.write_text(POLICY.format(python=f'"{sys.executable}"', proof=f"'{proof}'"))
        root = drill(desk)
        with Frozen(desk.database_url):
            desk.slack.click(DRILLS, root["ts"], "halt.open", OPERATOR)
            view = desk.slack.wait_for(
                lambda: [one for one in desk.slack.views(OPERATOR) if one["callback_id"] == "halt.confirm"],
                what="the modal",
            )[-1]
            assert view["title"]["text"].startswith("DRILL")
            assert "database does not answer" in str(view["blocks"])
            desk.slack.submit(view["id"], {"reason": "exercise"}, OPERATOR)
            desk.slack.wait_for(
                lambda: [
                    one for one in desk.slack.messages(DRILLS) if "DRILL · Halted: suspended" in one["text"]
                ],
                what="the proof in the drills' channel",
            )
            assert desk.account.suspended
        assert not proof.exists()
        desk.until(lambda: desk.api("/v1/incidents/INC-1")["actions"], what="the record", seconds=60)
        assert [one["key"] for one in desk.api("/v1/incidents")["incidents"]] == ["INC-1"]
        assert desk.api("/v1/trading-state/main")["state"] == "normal"
        assert not [one for one in desk.slack.messages(INCIDENTS) if "Halt" in one["text"]]


@pytest.mark.real
def test_it_offers_no_live_account(tmp_path: Path, own_postgres_server: RealPostgres) -> None:
    url = own_postgres_server.fresh_database()
    with TradingDesk(tmp_path, url, ALPACA_LIVE="true") as desk:
        root = drill(desk)
        with Frozen(desk.database_url):
            desk.slack.click(DRILLS, root["ts"], "halt.open", OPERATOR)
            desk.until(
                lambda: "a drill never acts on real money" in str(desk.slack.calls_of("chat.postEphemeral")),
                what="the refusal",
            )
            assert not [one for one in desk.slack.views(OPERATOR) if one["callback_id"] == "halt.confirm"]
        assert not desk.account.suspended
