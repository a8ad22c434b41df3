"""`haltdesk cancel` and `haltdesk halt` beside a running Haltdesk, on one journal and one database."""

import sys
from pathlib import Path

import pytest

from tests.acceptance.trading_desk import TradingDesk

POLICY = """
format = 1
[[desk_commands]]
name = "trip_breaker"
on = "halt"
argv = [{python}, "-c", "open({proof}, 'a').write('tripped. ')"]
timeout = "10s"
"""


@pytest.mark.parametrize("command", ["cancel", "halt"])
def test_what_the_command_line_does_is_done_once(tmp_path: Path, database_url: str, command: str) -> None:
    """The proof takes longer than the server takes to look into the journal again."""
    proof = tmp_path / "breaker"
    with TradingDesk(tmp_path, database_url) as desk:
        desk.policy.write_text(
            POLICY.format(python=f'"{sys.executable}"', proof=f"'{proof}'")
            + '[halt]\nreadings_apart = "5s"\n'
        )
        desk.account.add_order("AAPL", "buy", "1", limit_price="100")
        desk.start()
        done = desk.cli(command, "--yes", "--reason", "breaks")
        assert done.returncode == 0, done.stderr
        (action,) = desk.until(lambda: desk.api("/v1/incidents/INC-1")["actions"], what="the record")
        assert (action["kind"], action["status"]) == (command, "done")
        sent = [one for one in desk.broker.requests if (one.method, one.path) == ("DELETE", "/v2/orders")]
        assert len(sent) == (1 if command == "cancel" else 2), "once; a halt sweeps after its suspension"
        if command == "halt":
            assert proof.read_text() == "tripped. "
