"""Trading resumes stage by stage, each asked by one person and approved by another, each read back at the broker."""

from pathlib import Path

from tests.acceptance.resuming import (
    APPROVER,
    BOTH,
    OPERATOR,
    ask,
    halt,
    kinds,
    open_for_business,
    press,
    reconcile,
    told,
)
from tests.acceptance.trading_desk import INCIDENTS, TradingDesk, alert, webhook


def test_from_halted_to_normal_and_halted_again_on_the_way(tmp_path: Path, database_url: str) -> None:
    with TradingDesk(tmp_path, database_url) as desk:
        open_for_business(desk)
        before = dict(desk.account.configuration)
        halt(desk)

        # Without a reconciliation nothing is even waited for.
        desk.confirm("resume.open", reason="too early")
        desk.reply("Resume to restricted · refused")
        reconcile(desk)

        # One's own request, and somebody who is no approver.
        ts = ask(desk, "restricted", BOTH)
        press(desk, ts, "resume.approve", BOTH)
        told(desk, BOTH, "You asked for this yourself")
        press(desk, ts, "resume.approve", OPERATOR)
        told(desk, OPERATOR, "Only approvers may do this")
        assert desk.account.suspended
        press(desk, ts, "resume.approve", APPROVER)
        desk.reply("Resumed to restricted")
        assert desk.account.configuration["no_shorting"] is True
        state = desk.api("/v1/trading-state")
        assert (state["state"], state["position_multiplier"], state["new_strategies"]) == (
            "restricted",
            0.25,
            False,
        )

        # SEV-1 in another incident while restricted: halted again by Haltdesk, proved.
        desk.fire(webhook(alert("CircuitBreakerOpen")))
        desk.until(lambda: desk.api("/v1/trading-state")["state"] == "halted", what="the halt")
        assert desk.account.suspended
        desk.fire(webhook(alert("CircuitBreakerOpen", status="resolved")))

        for stage in ("restricted", "cautious", "normal"):
            reconcile(desk)
            before_this = kinds(desk).count("ResumeApproved")
            desk.confirm("resume.open", reason=f"again, {stage}")
            # The request before may still be shown as waiting: Slack takes one message a second.
            ts = desk.until(lambda stage=stage: waiting(desk, stage), what="the request to wait")
            press(desk, ts, "resume.approve", APPROVER)
            desk.until(
                lambda stage=stage: desk.api("/v1/trading-state")["state"] == stage, what=f"{stage} on record"
            )
            assert kinds(desk).count("ResumeApproved") == before_this + 1
        assert dict(desk.account.configuration) == before
        verified = desk.cli("audit", "verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr


def waiting(desk: TradingDesk, stage: str = "") -> str | None:
    """The ts of the newest request that waits, anywhere in the thread, for that stage if one is given."""
    root = desk.root()
    for one in reversed(desk.slack.thread(INCIDENTS, root["ts"])):
        text = desk.slack.text_of(one)
        if "needs another approver" in text and f"Resume to {stage}" in text:
            return str(one["ts"])
    return None


def test_a_break_a_failed_ledger_and_an_alert_after_asking_refuse_at_approval(tmp_path: Path) -> None:
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'h.db'}") as desk:
        open_for_business(desk)
        halt(desk)
        reconcile(desk)
        ts = ask(desk, "restricted")
        desk.fire(webhook(alert("CircuitBreakerOpen")))
        press(desk, ts, "resume.approve", APPROVER)
        told(desk, APPROVER, "CircuitBreakerOpen (SEV-1")
        assert desk.account.suspended

        # An alert that fired before it was asked: the approver may override it, with a reason.
        reconcile(desk)
        desk.confirm("resume.open", reason="the breaker is known")
        ts = desk.until(lambda: waiting(desk), what="the request to wait")
        press(desk, ts, "resume.approve", APPROVER)
        view = desk.slack.wait_for(
            lambda: [one for one in desk.slack.views(APPROVER) if one["callback_id"] == "resume.override"],
            what="the question for a reason",
        )[-1]
        desk.slack.submit(view["id"], {"reason": "reset by hand, the metric lags"}, APPROVER)
        desk.reply("Resumed to restricted")
        assert "AlertsOverridden" in kinds(desk)
        assert "reset by hand, the metric lags" in desk.slack.transcript()


def test_flatten_takes_the_account_number_and_two_people(tmp_path: Path) -> None:
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'h.db'}") as desk:
        open_for_business(desk)
        halt(desk)
        desk.slack.click(INCIDENTS, desk.root()["ts"], "flatten.open", OPERATOR)
        view = desk.slack.wait_for(
            lambda: [one for one in desk.slack.views(OPERATOR) if one["callback_id"] == "flatten.confirm"],
            what="the modal",
        )[-1]
        answer = desk.slack.submit(view["id"], {"reason": "get out", "account_number": "PA000"}, OPERATOR)
        assert "account_number" in answer.body
        assert desk.account.positions
        desk.slack.submit(
            view["id"], {"reason": "get out", "account_number": desk.account.number.lower()}, OPERATOR
        )
        ts = str(desk.reply("Flatten · needs another approver")["ts"])
        press(desk, ts, "flatten.approve", OPERATOR)
        told(desk, OPERATOR, "Only approvers may do this")
        assert desk.account.positions
        press(desk, ts, "flatten.approve", APPROVER)
        desk.reply("Flat: the 1 position held at the start is closed")
        assert not desk.account.positions
        assert desk.account.suspended


def test_the_command_line_asks_and_never_resumes_by_itself(tmp_path: Path) -> None:
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'h.db'}") as desk:
        open_for_business(desk)
        halt(desk)
        refused = desk.cli("resume", "--account", "main", "--reason", "fixed")
        assert refused.returncode == 1
        assert "never reconciled" in refused.stdout
        reconcile(desk)
        asked = desk.cli("resume", "--account", "main", "--reason", "fixed")
        assert asked.returncode == 3, asked.stdout + asked.stderr
        assert "waiting for approval in Slack" in asked.stdout
        assert "name yourself with --as" in asked.stdout
        assert desk.account.suspended
        ts = str(desk.reply("Resume to restricted · needs another approver")["ts"])
        assert "Asked at the command line" in desk.slack.transcript()
        press(desk, ts, "resume.approve", APPROVER)
        desk.reply("Resumed to restricted")

        # Somebody who says who they are cannot approve it as that person.
        assert desk.cli("resume", "--reason", "on", "--as", "everybody").returncode == 2
        named = desk.cli("resume", "--reason", "going on", HALTDESK_USER=APPROVER)
        assert named.returncode == 3, named.stdout + named.stderr
        ts = str(desk.reply("Resume to cautious · needs another approver")["ts"])
        press(desk, ts, "resume.approve", APPROVER)
        told(desk, APPROVER, "You asked for this yourself")
        press(desk, ts, "resume.approve", BOTH)
        desk.reply("Resumed to cautious")

        away = desk.cli(
            "resume", "--reason", "fixed", DATABASE_URL=f"sqlite:///{tmp_path / 'no' / 'such' / 'h.db'}"
        )
        assert away.returncode == 1
        assert "resuming waits for it" in away.stderr


def test_a_drill_on_a_live_account_is_refused_and_says_why(tmp_path: Path) -> None:
    live = {"ALPACA_LIVE": "true"}
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'h.db'}", **live) as desk:
        desk.account.add_order("AAPL", "buy", "1", limit_price="100")
        desk.start()
        desk.slack.slash("/incident", "drill", user=OPERATOR, channel=INCIDENTS)
        view = desk.slack.wait_for(lambda: desk.slack.views(OPERATOR), what="the modal")[-1]
        desk.slack.submit(view["id"], {"title": "kill switch test", "severity": "SEV-1"}, OPERATOR)
        root = desk.slack.wait_for(lambda: desk.slack.messages("C0DRILLS"), what="the drill")[0]
        for button in ("halt.open", "flatten.open"):
            desk.slack.click("C0DRILLS", root["ts"], button, OPERATOR)
        told(desk, OPERATOR, "a drill never acts on real money")
        assert desk.account.open_orders
        assert not desk.account.suspended
        assert not any(request.method in ("PATCH", "DELETE") for request in desk.broker.requests)
