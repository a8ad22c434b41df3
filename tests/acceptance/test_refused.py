"""Who comes with the wrong token or signature is soon told to slow down; who comes with the right one never is."""

import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests

from tests.acceptance.test_metrics import figures
from tests.acceptance.trading_desk import INCIDENTS, TOKEN, TradingDesk, alert, webhook

HELP = urlencode({"command": "/incident", "text": "help", "user_id": "U0OPERATOR", "team_id": "T0DESK"})
JSON = "application/json"


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[TradingDesk]:
    with TradingDesk(tmp_path, f"sqlite:///{tmp_path / 'haltdesk.db'}") as found:
        # A span that ends within no test, however slow the machine is.
        found.policy.write_text(found.policy.read_text() + '[refusals]\nwithin = "1h"\n')
        found.start()
        yield found


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TradingDesk]:
    """One for the tests that stay below what is too many."""
    folder = tmp_path_factory.mktemp("desk")
    with TradingDesk(folder, f"sqlite:///{folder / 'haltdesk.db'}") as found:
        found.start()
        yield found


def test_a_wrong_token_is_slowed_down_and_the_right_one_from_the_same_address_is_not(
    fresh: TradingDesk,
) -> None:
    body = webhook(alert("OrderRejects"))
    answers = [fresh.fire(body, token=f"wrong-{number}") for number in range(30)]
    assert [one.status_code for one in answers] == [401] * 20 + [429] * 10
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 3600
    unauthorised = requests.get(f"{fresh.url}/v1/incidents", timeout=10)
    assert unauthorised.status_code == 429

    assert fresh.fire(body).status_code == 200
    assert fresh.api("/v1/incidents")["incidents"][0]["key"] == "INC-1"
    assert [fresh.fire(b'{"version": "4"}').status_code for _ in range(30)] == [400] * 30
    assert fresh.slack.slash("/incident", "help", "U0OPERATOR", INCIDENTS).status == 200

    shown = figures(fresh)
    assert shown["haltdesk_refused_requests_total{token}"] == 20
    assert shown["haltdesk_refused_requests_total{limited}"] == 11
    assert shown["haltdesk_refused_requests_total{body}"] == 30
    assert shown["haltdesk_http_requests_total{alertmanager,429}"] == 10
    assert shown["haltdesk_http_requests_total{alertmanager,200}"] == 1
    assert shown["haltdesk_alerts_received_total{fired}"] == 1
    assert len([line for line in fresh.log.read_text().splitlines() if "refused" in line]) == 1


def test_a_wrong_signature_is_slowed_down_and_slack_from_the_same_address_is_not(fresh: TradingDesk) -> None:
    forged = [fresh.slack.signed_request(HELP, secret="another") for _ in range(25)]
    assert [one.status for one in forged] == [401] * 20 + [429] * 5
    assert fresh.slack.slash("/incident", "help", "U0OPERATOR", INCIDENTS).status == 200
    assert fresh.slack.signed_request(HELP.replace("T0DESK", "T0OTHER")).status == 403
    assert fresh.slack.signed_request(HELP, secret="another").status == 429
    shown = figures(fresh)
    assert shown["haltdesk_refused_requests_total{signature}"] == 20
    assert shown["haltdesk_refused_requests_total{workspace}"] == 1
    assert shown["haltdesk_http_requests_total{slack,200}"] == 1


def signed(body: bytes, secret: str = "simulator-signing-secret", at: float | None = None) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    told = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={told}"}


@pytest.mark.parametrize(
    "headers",
    [
        dict,
        lambda: {"X-Slack-Signature": "v0=" + "0" * 64},
        lambda: {"X-Slack-Signature": "v0=" + "0" * 64, "X-Slack-Request-Timestamp": "soon"},
        lambda: {"X-Slack-Signature": "v0=" + "0" * 64, "X-Slack-Request-Timestamp": "9" * 400},
        lambda: signed(b"{}", at=0),
        lambda: signed(b"{}", secret="another"),
        lambda: signed(b"[]"),
    ],
    ids=[
        "unsigned",
        "no time",
        "a word for a time",
        "no time of ours",
        "old",
        "another secret",
        "another body",
    ],
)
def test_what_is_not_signed_is_refused(desk: TradingDesk, headers: Callable[[], dict[str, str]]) -> None:
    answer = requests.post(
        f"{desk.url}/slack/events", data=b"{}", headers={"Content-Type": JSON} | headers(), timeout=10
    )
    assert answer.status_code == 401


def test_slacks_look_at_the_certificate_is_answered_and_does_nothing(desk: TradingDesk) -> None:
    url = f"{desk.url}/slack/events"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert requests.post(url, data="token=x&ssl_check=1", headers=form, timeout=10).status_code == 200
    hidden = urlencode({"payload": json.dumps({"type": "block_actions"})}) + "&ssl_check=1"
    assert requests.post(url, data=hidden, headers=form, timeout=10).text == ""


@pytest.mark.parametrize("path", ["/slack/events", "/alertmanager"])
def test_a_body_without_bounds_is_refused_unread(desk: TradingDesk, path: str) -> None:
    """The claimed gigabyte is never sent: the answer must come all the same."""
    before = figures(desk)["haltdesk_refused_requests_total{too_large}"]
    connection = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=5)
    connection.putrequest("POST", path)
    connection.putheader("Content-Length", str(1024**3))
    connection.putheader("Authorization", "Bearer alertmanager-token-of-the-test")
    for name, value in signed(b"").items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
    assert figures(desk)["haltdesk_refused_requests_total{too_large}"] == before + 1


def test_a_webhook_may_come_in_chunks_and_never_be_too_large(desk: TradingDesk) -> None:
    """A proxy between Alertmanager and Haltdesk may send a body on as it comes, without its length."""
    told = json.dumps(webhook(alert("StaleData"))).encode()

    def post(pieces: Iterator[bytes], **headers: str) -> requests.Response:
        signed = {"Authorization": f"bearer {TOKEN}", "Content-Type": JSON, **headers}
        return requests.post(f"{desk.url}/alertmanager", data=pieces, headers=signed, timeout=60)

    whole = post(told[place : place + 100] for place in range(0, len(told), 100))
    assert (whole.status_code, whole.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert whole.text == "1 alerts stored, INC-1\n"
    megabyte = b" " * 2**20
    assert post(megabyte for _ in range(17)).status_code == 413
    assert post(iter([told]), Authorization="Basic " + TOKEN).status_code == 401
    assert requests.post(f"{desk.url}/alertmanager/", data=told, timeout=10).status_code == 401
