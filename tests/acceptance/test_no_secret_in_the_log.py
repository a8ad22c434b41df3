"""Secrets come in through every door, at the most talkative level, and none of them is in what the process writes."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from tests.acceptance.trading_desk import INCIDENTS, TradingDesk, alert, webhook
from tests.fixtures.postgres import RealPostgres

BOT_TOKEN = "xoxb-simulator"
FOREIGN = {
    "bearer": "forged.bearer.token-1",
    "slack": "xoxb-9999-8888-foreignforeign",
    "hook": "T0FOREIGN/B0FOREIGN/hookhookhook",
    "alert": "alert-password-7731",
    "query": "query-token-5512",
}


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_secret_is_in_the_log(tmp_path: Path, own_postgres_server: RealPostgres, form: str) -> None:
    url = own_postgres_server.fresh_database()
    password = url.split(":")[2].partition("@")[0]
    with TradingDesk(
        tmp_path,
        url,
        LOG_LEVEL="DEBUG",
        LOG_FORMAT=form,
        SMTP_URL="smtp://desk:mail-password-4410@127.0.0.1:9",
        LEDGER_TOKEN="ledger-token-3308",
    ) as desk:
        # Slack repeats the token that it was given, in an answer that is no JSON.
        desk.slack.add_fault("auth.test", status=200, body=f"<html>token {BOT_TOKEN} is odd", times=1)
        # So does the broker, in the words of an error; the drift watch puts them into the log.
        secret = desk.account.secret
        desk.start()
        desk.until(
            lambda: "Slack does not say who Haltdesk is" in desk.log.read_text(), what="the odd answer"
        )
        knock(desk)
        own_postgres_server.stop()
        assert desk.fire(webhook(alert("Late"))).status_code == 503
        desk.until(lambda: "clock failed" in desk.log.read_text(), what="the database's absence in the log")
        own_postgres_server.start()
        desk.kill()
        written = desk.log.read_text()
        key = desk.account.key_id
    assert "[hidden]" in written
    known = [BOT_TOKEN, secret, key, password, quote(url), "simulator-signing-secret", "mail-password-4410"]
    tokens = ["alertmanager-token-of-the-test", "api-token-of-the-test", "ledger-token-3308"]
    for one in [*known, *tokens, *FOREIGN.values()]:
        assert one not in written, one
    lines = written.splitlines()
    assert len(lines) > 5
    if form == "json":
        assert all(json.loads(line)["level"] for line in lines)
    else:
        assert all(line.startswith("time=") for line in lines), written


def knock(desk: TradingDesk) -> None:
    """At every door, with a secret in hand."""
    assert desk.fire(webhook(alert("A")), token=FOREIGN["bearer"]).status_code == 401
    assert desk.fire(b'{"version": "4", "password": "alert-password-7731"').status_code == 400
    hostile = alert(
        "B",
        annotations={
            "summary": f"password={FOREIGN['alert']} https://hooks.slack.com/services/{FOREIGN['hook']}"
        },
    )
    assert desk.fire(webhook(hostile)).status_code == 200
    form = f"token={FOREIGN['slack']}&command=/halt&response_url=https://hooks.slack.com/{FOREIGN['hook']}"
    assert desk.slack.signed_request(form, secret="another").status == 401
    desk.slack.signed_request(
        "payload=" + quote(json.dumps({"type": "block_actions", "token": FOREIGN["slack"]}))
    )
    desk.slack.signed_request("payload={not json " + FOREIGN["slack"])
    desk.slack.slash("/halt", f"because {FOREIGN['slack']}", "U0OBSERVER", INCIDENTS)
    for path in ("/v1/incidents", "/readyz", "/metrics", "/no/such/page"):
        requests.get(f"{desk.url}{path}?token={FOREIGN['query']}", timeout=10)
    requests.get(
        f"{desk.url}/v1/incidents", headers={"Authorization": f"Bearer {FOREIGN['bearer']}"}, timeout=10
    )
