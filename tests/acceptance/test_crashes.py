"""SIGKILL between a promise and its keeping: nothing is lost, nothing is doubled."""

from pathlib import Path

from tests.acceptance.trading_desk import INCIDENTS, TradingDesk, alert, webhook


def test_killed_between_the_webhook_and_the_post(tmp_path: Path, database_url: str) -> None:
    with TradingDesk(tmp_path, database_url) as desk:
        desk.slack.faults.add("chat.postMessage", hang=30)
        desk.start()
        assert desk.fire(webhook(alert("HighOrderRejectRate"))).status_code == 200
        desk.kill()
        assert not desk.slack.messages(INCIDENTS)

        desk.slack.faults.clear()
        desk.start()
        desk.reply("Triage")
        assert len(desk.slack.messages(INCIDENTS)) == 1
        assert len(desk.api("/v1/incidents")["incidents"]) == 1


def test_killed_after_the_post_whose_answer_never_came(tmp_path: Path, database_url: str) -> None:
    with TradingDesk(tmp_path, database_url) as desk:
        desk.slack.faults.add("chat.postMessage", drop=True, after=True, times=1)
        desk.slack.faults.add("conversations.history", status=500)
        desk.start()
        assert desk.fire(webhook(alert("HighOrderRejectRate"))).status_code == 200
        desk.root()
        desk.kill()

        desk.slack.faults.clear()
        desk.start()
        desk.reply("Triage")
        assert len(desk.slack.messages(INCIDENTS)) == 1


def test_killed_between_the_confirmation_and_the_first_call(tmp_path: Path, database_url: str) -> None:
    with TradingDesk(tmp_path, database_url) as desk:
        desk.account.add_order("AAPL", "buy", "1", limit_price="100")
        desk.start()
        desk.fire(webhook(alert("CircuitBreakerOpen")))
        desk.reply("Triage")
        desk.slack.click(INCIDENTS, desk.root()["ts"], "halt.open", "U0OPERATOR")
        view = desk.slack.wait_for(lambda: desk.slack.views("U0OPERATOR"), what="the modal")[-1]
        desk.slack.wait_for(lambda: desk.slack.calls_of("views.update"), what="the figures")
        desk.broker.faults.add("*", ".*", kind="hang", seconds=60)
        assert desk.slack.submit(view["id"], {}, "U0OPERATOR").status == 200
        desk.kill()
        assert not desk.account.suspended

        desk.broker.faults.clear()
        desk.start()
        desk.reply("HALTED, proved")
        assert desk.account.suspended
        assert not desk.account.open_orders
        actions = desk.api("/v1/incidents/INC-1")["actions"]
        assert [(one["kind"], one["status"]) for one in actions] == [("halt", "done")]


def test_the_same_submission_twice_is_one_action(tmp_path: Path) -> None:
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        desk.start()
        desk.fire(webhook(alert("CircuitBreakerOpen")))
        desk.reply("Triage")
        desk.slack.click(INCIDENTS, desk.root()["ts"], "halt.open", "U0OPERATOR")
        view = desk.slack.wait_for(lambda: desk.slack.views("U0OPERATOR"), what="the modal")[-1]
        first = desk.slack.submit(view["id"], {}, "U0OPERATOR")
        desk.slack.resend(first)
        # A second person halts while the first halt runs: told, and not done twice.
        desk.confirm("halt.open", "U0ENGINEER", reason="me too")
        desk.reply("HALTED, proved")
        desk.slack.resend(first)
        actions = desk.api("/v1/incidents/INC-1")["actions"]
        assert [one["kind"] for one in actions] == ["halt"]
        desk.reply("@engineer")


def test_a_database_that_cannot_be_read_does_not_stop_a_halt(tmp_path: Path) -> None:
    """Slack answers 503 and Prometheus is absent as well: the command line halts, and the record comes later."""
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        desk.account.add_order("AAPL", "buy", "1", limit_price="100")
        database = tmp_path / "haltdesk.db"
        database.write_bytes(b"this is no database" * 100)
        desk.slack.faults.add("*", status=503)
        done = desk.cli("halt", "--yes", "--reason", "worst minute", PROMETHEUS_URL="http://127.0.0.1:9")
        assert done.returncode == 0, done.stderr
        assert "Halted: suspended" in done.stdout
        assert "proof: suspended True" in done.stdout
        assert desk.account.suspended

        database.unlink()
        desk.slack.faults.clear()
        desk.start()
        desk.until(lambda: desk.api("/v1/incidents")["incidents"], what="the journal to be brought in")
        incident = desk.until(
            lambda: next(
                (one for one in [desk.api("/v1/incidents/INC-1")] if one["actions"][0]["status"] == "done"),
                None,
            ),
            what="the imported halt",
        )
        assert [one["kind"] for one in incident["actions"]] == ["halt"]
        assert "JournalImported" in [entry["kind"] for entry in incident["timeline"]]
        assert desk.api("/v1/trading-state")["state"] == "halted"
