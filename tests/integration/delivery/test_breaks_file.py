"""Five hundred breaks: the worst in a table, all of them in one CSV file, whatever Slack does meanwhile."""

import csv
import io
from typing import Any

import pytest

from bot.domain.words import ActionKind
from bot.services.actions.reconcile import run_reconcile
from bot.services.actions.requests import conclude, confirm
from bot.store import actions, messages, timeline
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import INCIDENTS, DeskInProcess
from tests.unit.actions.desk import Account, Books, asked, row, tools_for


def reconciled(desk: DeskInProcess, breaks: int) -> None:
    """An incident with a reconciliation that ended with so many positions missing at the broker, the last the worst."""
    assert desk.post(webhook(alert("ReconciliationBreaks"))).status_code == 200
    rows = [row(f"S{number:03d}", "1", str(number + 1)) for number in range(breaks)]
    result = run_reconcile(asked(ActionKind.RECONCILE), tools_for(Account(), Books(rows)))
    (confirmed,) = confirm(
        desk.desk,
        ActionKind.RECONCILE,
        ["main"],
        reason="test",
        by="U0OPERATOR",
        request_key="r1",
        incident_id=1,
    )
    with desk.database.read() as unit:
        action = actions.get(unit, confirmed.action_id)
    assert action is not None
    conclude(desk.desk, action, result)


def thread(desk: DeskInProcess) -> list[dict[str, Any]]:
    (root,) = [message for message in desk.slack.messages(INCIDENTS) if not message.get("files")]
    return list(desk.slack.thread(INCIDENTS, root["ts"]))


def files(desk: DeskInProcess) -> list[dict[str, Any]]:
    return [file for message in thread(desk) for file in message.get("files") or ()]


def table(desk: DeskInProcess) -> list[list[str]]:
    blocks = [block for message in thread(desk) for block in message.get("blocks") or ()]
    return [
        [cell["text"] for cell in line]
        for block in blocks
        if block["type"] == "table"
        for line in block["rows"]
    ]


def test_the_worst_stand_in_the_table_and_all_in_one_file(desk: DeskInProcess) -> None:
    reconciled(desk, 500)
    desk.deliver()
    (file,) = files(desk)
    assert file["title"] == "INC-1: all 500 breaks of main (action 1).csv"
    lines = list(csv.reader(io.StringIO(desk.slack.file_content(file["id"]).decode("utf-8-sig"))))
    assert lines[0][0] == "symbol"
    assert len(lines) == 501
    assert [lines[1][0], lines[1][4], lines[-1][0]] == ["S499", "500.00", "S000"]
    shown = table(desk)
    assert [line[0] for line in shown] == ["Symbol", *(f"S{number:03d}" for number in range(499, 469, -1))]
    assert any("and 470 more breaks" in desk.slack.text_of(message) for message in thread(desk))


@pytest.mark.parametrize("breaks", [0, 3, 30])
def test_what_fits_into_the_table_needs_no_file(sqlite_desk: DeskInProcess, breaks: int) -> None:
    reconciled(sqlite_desk, breaks)
    sqlite_desk.deliver()
    assert files(sqlite_desk) == []
    assert len(table(sqlite_desk)) == (breaks + 1 if breaks else 0)


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 429, "retry_after": 7},
        {"drop": True},
        {"error": "internal_error"},
        {"status": 500, "after": True},
        {"drop": True, "after": True},
        {"body": "not json", "status": 200, "after": True},
    ],
    ids=str,
)
def test_trouble_with_the_upload_leaves_one_file(
    sqlite_desk: DeskInProcess, method: str, fault: dict[str, Any]
) -> None:
    """`after`: the file stands in the thread and the answer is lost, so it is looked for before it is uploaded anew."""
    desk = sqlite_desk
    desk.slack.faults.add(method, times=2, **fault)
    reconciled(desk, 40)
    desk.deliver()
    assert len(files(desk)) == 1
    with desk.database.read() as unit:
        assert messages.backlog(unit)[0] == 0


def test_a_process_that_died_after_the_upload_finds_the_file_again(desk: DeskInProcess) -> None:
    desk.slack.faults.add("files.completeUploadExternal", times=1, drop=True, after=True)
    desk.slack.faults.add("conversations.replies", times=2, status=500)
    reconciled(desk, 40)
    desk.deliver(for_seconds=1)
    desk.deliverer = desk.new_deliverer()
    desk.deliver()
    assert len(files(desk)) == 1
    assert len(desk.slack.calls_of("files.completeUploadExternal")) == 1


def test_a_file_that_stands_is_not_shared_again_when_its_row_is_asked_for_anew(
    sqlite_desk: DeskInProcess,
) -> None:
    reconciled(sqlite_desk, 40)
    sqlite_desk.deliver()
    with sqlite_desk.database.begin() as unit:
        assert messages.refresh(unit, "action:1:breaks", at=sqlite_desk.time.now())
    sqlite_desk.deliver()
    assert len(files(sqlite_desk)) == 1


@pytest.mark.parametrize("error", ["missing_scope", "access_denied", "not_allowed_token_type"])
def test_an_app_that_may_not_upload_still_tells_of_incidents_at_once(desk: DeskInProcess, error: str) -> None:
    """The app was installed without files:write. Its file waits for people by itself; nothing else waits for it."""
    desk.slack.faults.add("files.getUploadURLExternal", error=error)
    reconciled(desk, 40)
    desk.deliver(for_seconds=60)
    for minute in range(10):
        assert desk.post(webhook(alert(f"Alert{minute}"))).status_code == 200
        began = desk.time.now()
        desk.deliver(for_seconds=5)
        (root,) = [one for one in desk.slack.messages(INCIDENTS) if f"Alert{minute}" in one["text"]]
        assert float(root["ts"]) - began.timestamp() < 5
        desk.deliver(for_seconds=55)
    assert 10 <= len(desk.slack.calls_of("files.getUploadURLExternal")) <= 13  # once a minute
    with desk.database.read() as unit:
        (told,) = [one.text for one in timeline.of_incident(unit, 1) if one.kind == "MessageNotDelivered"]
        (stuck,) = messages.in_trouble(unit)
    assert error in told
    assert "haltdesk check" in told
    assert stuck.view == "breaks_file"
    desk.slack.faults.clear()
    desk.deliver(for_seconds=70)
    with desk.database.read() as unit:
        assert not messages.in_trouble(unit)
