"""`haltdesk halt` and `haltdesk cancel` beside a running Haltdesk: one journal, nothing run twice, nothing lost."""

import subprocess
import sys
from pathlib import Path

from bot.adapters.journal import Journal
from bot.domain.words import ActionKind, ActionStatus
from bot.services.actions.journaled import action_entry
from tests.integration.journal.away import AwayDesk

HOLDS = """
import sys
from pathlib import Path
from bot.adapters.journal import Journal
Journal(Path(sys.argv[1])).begin().append({"kind": "step", "request_key": "cli:1:main"})
print("written", flush=True)
sys.stdin.read()
"""


def test_a_cancel_at_the_command_line_is_not_run_by_the_server_as_well(desk: AwayDesk) -> None:
    """The proof takes two seconds, and the server looks into the journal every two."""
    with desk.at_the_broker():
        desk.halt(desk.command_line, kind=ActionKind.CANCEL)
        assert desk.server.bring_in() == 0
        assert desk.run() == 0
    assert desk.command_line.wait(30)
    assert len(desk.broker.asked) == 1

    assert desk.command_line.bring_in() > 0
    assert desk.run() == 0
    assert [(one.kind, one.status) for one in desk.actions] == [(ActionKind.CANCEL, ActionStatus.DONE)]
    assert len(desk.broker.asked) == 1
    assert desk.journal.empty


def test_a_halt_whose_process_died_may_have_begun_and_is_looked_at_first(desk: AwayDesk) -> None:
    """Killed between its entry and its end: the server resumes it, and never takes it for one that nobody began."""
    confirmed_at = desk.time.now()
    desk.journal.append(
        action_entry(
            ActionKind.HALT,
            "main",
            reason="breaks",
            by="quant (command line)",
            request_key="cli:1:main",
            at=confirmed_at,
            incident_id=None,
            params={},
        )
    )
    desk.time.wait(60)
    assert desk.server.bring_in() == 1
    (action,) = desk.actions
    assert (action.status, action.requested_at) == (ActionStatus.RUNNING, confirmed_at)
    assert desk.run() == 1
    ((request, previous),) = desk.broker.asked
    assert (request.resumed, previous) == (True, None)


def test_what_one_process_writes_while_another_brings_in_is_not_lost(desk: AwayDesk) -> None:
    """The server has read the file; before it empties it, the command line writes."""
    entry = {"kind": "step", "request_key": "cli:1:main"}
    desk.journal.append(entry | {"name": "first"})
    for page in desk.journal.finished():
        written = page.read()
        Journal(desk.path).append(entry | {"name": "second"})
        page.clear(written.size)
    assert [one["name"] for one in desk.journal.entries()] == ["second"]


def test_what_is_still_written_is_seen_but_not_taken(desk: AwayDesk) -> None:
    """A resume gives way to a halt of the command line from its first entry on."""
    with desk.at_the_broker():
        desk.halt(desk.command_line)
        assert not desk.journal.empty
        assert next(one["kind"] for one in desk.journal.entries()) == "action"
        assert [page.path for page in desk.journal.finished()] == []
    assert desk.command_line.wait(30)
    assert [page.path for page in desk.journal.finished()] == [desk.path]


def test_the_lock_ends_with_the_process_that_was_killed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(journal.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        assert [page.path for page in journal.finished()] == []
        process.kill()
        process.wait(60)
    assert [page.path for page in journal.finished()] == [journal.path]


def test_two_at_once_write_beside_each_other_and_the_files_stay_few(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    for _ in range(3):
        first, second = journal.begin(), Journal(journal.path).begin()
        first.append({"of": "first"})
        second.append({"of": "second"})
        assert [one["of"] for one in journal.entries()] == ["first", "second"]
        first.close()
        second.close()
        for page in journal.finished():
            page.clear(page.read().size)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal.jsonl", "journal.jsonl.1"]
