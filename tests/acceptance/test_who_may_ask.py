"""Who is let in and who may act, and the rest of the command line, at one running Haltdesk."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests

from tests.acceptance.trading_desk import INCIDENTS, TradingDesk, alert, webhook


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TradingDesk]:
    folder = tmp_path_factory.mktemp("desk")
    with TradingDesk(folder, f"sqlite:///{folder / 'haltdesk.db'}") as found:
        found.start()
        found.fire(webhook(alert("OrderRejects")))
        found.reply("Triage")
        yield found


def interaction(**changes: object) -> str:
    payload: dict[str, object] = {
        "type": "block_actions",
        "team": {"id": "T0DESK"},
        "api_app_id": "A0HALTDESK",
        "user": {"id": "U0OPERATOR"},
        "trigger_id": "1.1.x",
        "channel": {"id": INCIDENTS},
        "actions": [
            {"type": "button", "action_id": "incident.acknowledge", "action_ts": "1.1", "block_id": "b"}
        ],
    }
    return urlencode({"payload": json.dumps(payload | changes)})


def test_a_bad_signature_an_old_one_and_a_stranger_are_refused(desk: TradingDesk) -> None:
    slack = desk.slack
    assert slack.signed_request(interaction(), secret="another").status == 401
    assert slack.signed_request(interaction(), timestamp=int(time.time()) - 400).status == 401
    assert slack.signed_request(interaction(team={"id": "T0OTHER"})).status == 403
    assert slack.signed_request(interaction(api_app_id="A0OTHER")).status == 403
    assert desk.api("/v1/incidents/INC-1")["acknowledged_at"] is None
    log = desk.log.read_text()
    assert "another" not in log
    assert "simulator-signing-secret" not in log
    assert "xoxb-simulator" not in log


def test_an_unknown_button_is_answered_and_does_nothing(desk: TradingDesk) -> None:
    action = {"type": "button", "action_id": "no.such", "action_ts": "1.1", "block_id": "b"}
    assert desk.slack.signed_request(interaction(actions=[action])).status in (200, 404)


def test_an_observer_is_refused_with_who_may(desk: TradingDesk) -> None:
    root = desk.root()["ts"]
    for button in ("halt.open", "incident.acknowledge", "incident.resolve"):
        assert desk.slack.click(INCIDENTS, root, button, "U0OBSERVER").status == 200
    told = desk.slack.wait_for(
        lambda: len(desk.slack.ephemerals("U0OBSERVER")) >= 3 and desk.slack.ephemerals("U0OBSERVER"),
        what="three refusals",
    )
    assert told
    assert "@operator" in desk.slack.text_of(told[0])
    refused = desk.slack.slash("/halt", "now", "U0OBSERVER", INCIDENTS)
    assert "Only operators" in refused.body
    assert not desk.slack.views("U0OBSERVER")
    assert desk.api("/v1/incidents/INC-1")["acknowledged_at"] is None


def test_what_was_refused_is_in_the_audit(desk: TradingDesk) -> None:
    root = desk.root()["ts"]
    triage = desk.reply("Triage")["ts"]
    desk.slack.click(INCIDENTS, triage, "checklist.toggle:triage.severity", "U0OBSERVER")
    desk.slack.click(INCIDENTS, triage, "phase.advance", "U0OBSERVER")
    for _ in range(3):
        desk.slack.click(INCIDENTS, root, "incident.acknowledge", "U0OBSERVER")
    desk.slack.click(INCIDENTS, root, "incident.resolve", "U0OBSERVER")
    desk.slack.slash("/halt", "now", "U0OBSERVER", INCIDENTS)
    desk.slack.signed_request(interaction(team={"id": "T0OTHER"}, user={"id": "U0STRANGER"}))

    def kept() -> list[dict[str, object]]:
        exported = [json.loads(line) for line in desk.cli("audit", "export").stdout.splitlines()]
        found = [entry for entry in exported if entry["kind"].endswith("Refused")]
        wanted = (
            "Acknowledge",
            "Resolve",
            "Checklist item",
            "Next phase",
            "Halt",
            "A request of team T0OTHER",
        )
        return found if all(any(str(e["text"]).startswith(w) for e in found) for w in wanted) else []

    found = desk.until(kept, what="every refusal in the audit")
    pressed = [entry for entry in found if str(entry["text"]).startswith("Acknowledge")]
    assert {entry["actor"] for entry in pressed} == {"U0OBSERVER"}
    assert {entry["incident"] for entry in pressed} == {"INC-1"}
    assert len(pressed) <= 2  # however often it was pressed: one a minute
    assert "U0STRANGER" in {entry["actor"] for entry in found}


def test_every_press_sent_twice_counts_once(desk: TradingDesk) -> None:
    root = desk.root()["ts"]
    acknowledged = desk.slack.click(INCIDENTS, root, "incident.acknowledge", "U0OPERATOR")
    desk.slack.resend(acknowledged)
    triage = desk.reply("Triage")["ts"]
    ticked = desk.slack.click(INCIDENTS, triage, "checklist.toggle:triage.severity", "U0OPERATOR")
    assert desk.slack.resend(ticked).status == 200
    commanded = desk.slack.slash("/incident", "declare something is odd", "U0ENGINEER", INCIDENTS)
    desk.slack.resend(commanded)
    view = desk.slack.wait_for(lambda: desk.slack.views("U0ENGINEER"), what="the modal")[-1]
    declared = desk.slack.submit(view["id"], {"severity": "SEV-4"}, "U0ENGINEER")
    desk.slack.resend(declared)
    desk.until(lambda: len(desk.api("/v1/incidents")["incidents"]) == 2, what="the declared incident")
    kinds = [entry["kind"] for entry in desk.api("/v1/incidents/INC-1")["timeline"]]
    assert kinds.count("IncidentAcknowledged") == 1
    assert kinds.count("ChecklistItemDone") == 1
    assert "ChecklistItemReopened" not in kinds
    assert len(desk.api("/v1/incidents")["incidents"]) == 2


def test_programs_ask_with_the_token(desk: TradingDesk) -> None:
    assert requests.get(f"{desk.url}/healthz", timeout=5).status_code == 200
    ready = requests.get(f"{desk.url}/readyz", timeout=5)
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    for path in ("/v1/trading-state", "/v1/incidents"):
        assert requests.get(desk.url + path, timeout=5).status_code == 401
    assert requests.get(f"{desk.url}/no-such", timeout=5).status_code == 404
    assert requests.get(f"{desk.url}/alertmanager", timeout=5).status_code == 405


def test_the_command_line_beside_it(desk: TradingDesk) -> None:
    second = desk.cli("run", PORT=str(desk.port + 1))
    assert second.returncode == 1
    assert "another Haltdesk works on" in second.stderr
    assert "INC-1" in desk.cli("status").stdout
    assert json.loads(desk.cli("status", "--json").stdout)["broker"]["main"]["suspended"] is False
    manifest = json.loads(desk.cli("manifest", "--url", "https://haltdesk.example.com").stdout)
    assert manifest["settings"]["event_subscriptions"]["request_url"].endswith("/slack/events")
    checked = desk.cli("check")
    assert checked.returncode == 0, checked.stdout
    assert "ok    schema: is" in checked.stdout
    assert "already" in desk.cli("migrate").stdout
    assert desk.cli("postmortem", "INC-99").returncode == 1
    assert desk.cli("halt").returncode == 2  # no terminal, and no --yes
    assert not desk.account.suspended


def test_a_wrong_configuration_is_named_all_at_once(tmp_path: Path) -> None:
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as desk:
        wrong = desk.cli("run", SLACK_BOT_TOKEN="", PORT="none", ALERTMANAGER_TOKEN="")
        assert wrong.returncode == 2
        for name in ("SLACK_BOT_TOKEN", "PORT", "ALERTMANAGER_TOKEN"):
            assert name in wrong.stderr
        live = desk.cli("run", ALPACA_LIVE="true", OPERATORS="")
        assert live.returncode == 2
        assert "OPERATORS" in live.stderr


def test_with_no_operators_anyone_may_act_on_paper(tmp_path: Path) -> None:
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}", OPERATORS="") as desk:
        desk.start()
        desk.fire(webhook(alert("CircuitBreakerOpen")))
        desk.reply("Triage")
        desk.confirm("halt.open", "U0OBSERVER", reason="anyone may")
        desk.reply("HALTED, proved")
        assert desk.stop() == 0
