"""What a process counts: calls by how they ended, actions by their time, deadlines by their lateness."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from bot.adapters.alpaca import AlpacaBroker, Timeouts
from bot.adapters.slack import SlackChat
from bot.domain.actions import ActionRequest, ActionResult
from bot.domain.words import ActionKind, ActionStatus, Severity
from bot.engine.record import Unrecorded
from bot.engine.runner import Previous
from bot.measures import Measures
from bot.ports.broker import BrokerError
from bot.ports.chat import ChatError
from bot.ports.record import ActionRecord
from bot.services import reminders
from bot.services.incidents import declare
from bot.simulator.slack import SlackSimulator
from bot.store import deadlines
from bot.store.database import Database, DatabaseError
from tests.fixtures.desk_in_process import INCIDENTS, DeskInProcess, HandMoved
from tests.integration.broker.wires import Reply, drip, hang, json_answer, reset, wire

Seen = list[tuple[str, str]]


@pytest.fixture
def slack() -> Iterator[SlackSimulator]:
    with SlackSimulator() as found:
        yield found


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({}, "ok"),
        ({"status": 429, "retry_after": 1}, "ratelimited"),
        ({"error": "channel_not_found"}, "refused"),
        ({"error": "internal_error"}, "error"),
        ({"status": 500}, "error"),
        ({"drop": True}, "error"),
        ({"status": 200, "body": "<html>"}, "error"),
        ({"hang": 3.0}, "timeout"),
    ],
    ids=str,
)
def test_a_call_to_slack_is_counted_by_its_end(
    slack: SlackSimulator, fault: dict[str, object], outcome: str
) -> None:
    seen: Seen = []
    chat = SlackChat(
        slack.workspace.bot_token,
        slack.api_url,
        timeout=1,
        observe=lambda method, how, seconds: seen.append((method, how)),
    )
    if fault:
        slack.add_fault("chat.postMessage", times=1, **fault)
    began = time.monotonic()
    try:
        chat.post(INCIDENTS, "text", [])
    except ChatError:
        assert outcome != "ok"
    assert seen == [("chat.postMessage", outcome)]
    assert time.monotonic() - began < 15


def _hang_at(step: str, slack: SlackSimulator, patch: pytest.MonkeyPatch) -> None:
    if step.startswith("files."):
        slack.add_fault(step, times=1, hang=3.0)
        return

    def never(*_: object) -> bool:
        return slack.faults.released.wait(3)

    patch.setattr("bot.simulator.slack.simulator.receive", never)


@pytest.mark.parametrize(
    "step", ["files.getUploadURLExternal", "the address to upload to", "files.completeUploadExternal"]
)
def test_an_upload_that_takes_too_long_at_any_step_is_a_timeout(
    slack: SlackSimulator, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    seen: Seen = []
    chat = SlackChat(
        slack.workspace.bot_token,
        slack.api_url,
        timeout=1,
        observe=lambda method, how, seconds: seen.append((method, how)),
    )
    _hang_at(step, slack, monkeypatch)
    with pytest.raises(ChatError) as told:
        chat.share(INCIDENTS, "breaks.csv", b"symbol", "Breaks", "all of them")
    assert seen == [("files.upload", "timeout")]
    assert "upload/" not in str(told.value)


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (json_answer("[]"), "ok"),
        (json_answer("{}", "429 Too Many Requests"), "ratelimited"),
        (json_answer("{}", "403 Forbidden"), "refused"),
        (json_answer("{}", "500 Internal Server Error"), "error"),
        (json_answer("<html>"), "error"),
        (reset, "error"),
        (hang, "timeout"),
        (drip, "timeout"),
    ],
)
def test_a_call_to_the_broker_is_counted_by_its_end(reply: Reply, outcome: str) -> None:
    seen: Seen = []
    with wire(reply) as (url, _):
        broker = AlpacaBroker(
            "paper",
            "PKDESK",
            "secret",
            url,
            paper=True,
            timeouts=Timeouts(connect=0.3, read=0.3, whole=0.6),
            observe=lambda call, how, seconds: seen.append((call, how)),
        )
        try:
            broker.list_positions()
        except BrokerError:
            assert outcome != "ok"
    assert seen == [("list positions", outcome)]


class Perform:
    """An action that is proved at its third look, `each` seconds apart."""

    def __init__(self, time: HandMoved, each: float) -> None:
        self.time, self.each, self.looks = time, each, 0

    def __call__(self, request: ActionRequest, record: ActionRecord, previous: Previous) -> ActionResult:
        self.time.move(self.each)
        self.looks += 1
        done = self.looks == 3
        return ActionResult(
            status=ActionStatus.DONE if done else ActionStatus.WATCHING,
            headline="",
            evidence={},
            look_again_after=None if done else timedelta(seconds=1),
        )


def test_an_action_is_measured_once_from_its_confirmation_to_its_proof() -> None:
    registry, hand = CollectorRegistry(), HandMoved()
    perform = Measures(registry).performing(Perform(hand, 20), hand)
    request = ActionRequest(1, ActionKind.HALT, "main", "", "U0OPERATOR", hand.now())
    for _ in range(3):
        perform(request, Unrecorded(), None)
    told = {"kind": "halt", "status": "done"}
    assert registry.get_sample_value("haltdesk_action_seconds_count", told) == 1
    assert registry.get_sample_value("haltdesk_action_seconds_sum", told) == 60
    assert registry.get_sample_value("haltdesk_action_seconds_bucket", told | {"le": "60.0"}) == 1
    assert registry.get_sample_value("haltdesk_action_seconds_bucket", told | {"le": "30.0"}) == 0


def test_an_action_that_breaks_off_is_counted_and_its_error_goes_on() -> None:
    def broken(request: ActionRequest, record: ActionRecord, previous: Previous) -> ActionResult:
        raise KeyError("a defect")

    registry, hand = CollectorRegistry(), HandMoved()
    request = ActionRequest(1, ActionKind.HALT, "main", "", "U0OPERATOR", hand.now())
    with pytest.raises(KeyError):
        Measures(registry).performing(broken, hand)(request, Unrecorded(), None)
    assert registry.get_sample_value("haltdesk_action_errors_total", {"kind": "halt"}) == 1


def test_a_deadline_is_measured_when_it_was_kept(sqlite_url: str, slack: SlackSimulator) -> None:
    desk = DeskInProcess(sqlite_url, slack)
    incident = declare(desk.desk, title="Odd fills", severity=Severity.SEV3, by="U0OPERATOR")
    assert incident is not None
    late: list[tuple[str, float]] = []
    with desk.database.begin() as unit:
        due = desk.time.now() + timedelta(minutes=1)
        deadlines.schedule(unit, "one", "acknowledge", incident.id, due, at=desk.time.now())
    desk.time.move(59)
    reminders.keep(desk.desk, lambda kind, seconds: late.append((kind, seconds)))
    assert not [one for one in late if one[1] > 0]
    desk.time.move(31)
    reminders.keep(desk.desk, lambda kind, seconds: late.append((kind, seconds)))
    assert ("acknowledge", 30.0) in late
    desk.close()


def test_what_the_database_fails_is_counted() -> None:
    registry = CollectorRegistry()
    database = Database("sqlite:///:memory:")
    Measures(registry).watch_database(database.engine)
    with pytest.raises(DatabaseError), database.read() as unit:
        unit.connection.exec_driver_sql("SELECT * FROM nowhere")
    assert registry.get_sample_value("haltdesk_database_errors_total", {"error": "OperationalError"}) == 1
