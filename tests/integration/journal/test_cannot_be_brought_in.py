"""One entry that no database will take keeps no other out: it is put aside where people find it, and told."""

import json
from typing import Any

import pytest

from bot.domain.words import ActionKind, ActionStatus
from bot.services.actions.journaled import action_entry
from tests.integration.journal.away import LONG, AwayDesk


def written(
    desk: AwayDesk, key: str, account: str = "main", incident_id: int | None = None
) -> dict[str, Any]:
    entry = action_entry(
        ActionKind.CANCEL,
        account,
        reason="breaks",
        by="quant (command line)",
        request_key=f"{key}:{account}",
        at=desk.time.now(),
        incident_id=incident_id,
        params={},
    )
    desk.journal.append(entry)
    return entry


def rejected(desk: AwayDesk) -> list[dict[str, Any]]:
    path = desk.path.with_name(f"{desk.path.name}.rejected")
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_an_incident_that_a_restored_backup_does_not_know_is_no_obstacle(desk: AwayDesk) -> None:
    """The action was done; it goes where one without an incident goes."""
    written(desk, "k", incident_id=4711)
    assert desk.server.bring_in() == 1
    (action,) = desk.actions
    assert (action.kind, action.incident_id) == (ActionKind.CANCEL, 1)
    assert rejected(desk) == []


def test_an_account_that_was_renamed_keeps_no_other_entry_out(desk: AwayDesk) -> None:
    written(desk, "old", account="paper-1")
    desk.journal.append({"kind": "step", "request_key": "old:paper-1", "at": "x", "name": "suspend"})
    desk.halt(desk.command_line, "cli")
    assert desk.command_line.wait(LONG)
    desk.server.bring_in()

    assert [(one.kind, one.status) for one in desk.actions] == [(ActionKind.HALT, ActionStatus.DONE)]
    assert desk.journal.empty, "the drift watch looks again, and a resume need not give way"
    assert [(one["kind"], one["request_key"]) for one in rejected(desk)] == [
        ("action", "old:paper-1"),
        ("step", "old:paper-1"),
    ]
    assert "no account is named 'paper-1'" in rejected(desk)[0]["why"]
    (text,) = [text for kind, text in desk.audited if kind == "JournalRejected"]
    assert "kind action, action cancel, account paper-1, by quant (command line)" in text
    assert desk.server.bring_in() == 0
    assert len(rejected(desk)) == 2


def test_one_bad_step_costs_that_step_and_not_the_halt(desk: AwayDesk) -> None:
    entry = written(desk, "k")
    step = {"kind": "step", "request_key": entry["request_key"], "at": entry["at"], "evidence": {}}
    desk.journal.append(step | {"name": "cancel", "status": "exploded", "summary": "?"})
    desk.journal.append(step | {"name": "prove", "status": "ok", "summary": "nothing open"})
    desk.server.bring_in()
    assert [one.kind for one in desk.actions] == [ActionKind.CANCEL]
    assert [one["name"] for one in rejected(desk)] == ["cancel"]


@pytest.mark.parametrize("line", ['{"id":"cut","na', '"a word"', '{"name":"no id"}'])
def test_a_line_that_is_no_entry_is_put_aside_too(desk: AwayDesk, line: str) -> None:
    written(desk, "k")
    with desk.path.open("a") as file:
        file.write(line)
    desk.server.bring_in()
    assert len(desk.actions) == 1
    assert [one["line"] for one in rejected(desk)] == [line]
    assert desk.journal.empty


def test_a_database_that_is_away_rejects_nothing(desk: AwayDesk) -> None:
    written(desk, "k")
    desk.database.away = True
    with pytest.raises(Exception, match="the database refuses"):
        desk.server.bring_in()
    assert rejected(desk) == []
    desk.database.away = False
    assert desk.server.bring_in() == 1
