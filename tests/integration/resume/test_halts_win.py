"""A halt goes before a resume whenever it comes, SEV-1 halts again, and a drill leaves the desk's own state alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain.actions import ActionResult, BrokerReading
from bot.domain.alerts import AlertGroup, ReceivedAlert
from bot.domain.words import ActionKind, ActionStatus, AlertStatus, Severity, TradingState
from bot.engine.perform import performers
from bot.engine.record import Unrecorded
from bot.services import incidents as incident_service
from bot.services.actions.drills import DrillRefused
from bot.services.actions.journaled import action_entry, bring_in
from bot.services.actions.requests import confirm
from bot.services.actions.standing import RecordAway, StoredStanding
from bot.services.actions.tools import ActionTools
from bot.services.intake import receive
from bot.store import accounts, alerts
from bot.store.approvals import ApprovalStatus
from tests.integration.resume.approving import OPERATOR, Room, room


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Room]:
    with room(database_url, tmp_path) as found:
        yield found


@pytest.fixture
def live_desk(database_url: str, tmp_path: Path) -> Iterator[Room]:
    with room(database_url, tmp_path, live=True) as found:
        yield found


def drill(desk: Room) -> int:
    found = incident_service.declare(
        desk.desk, title="exercise", severity=Severity.SEV1, by=OPERATOR, drill=True
    )
    assert found is not None
    return found.id


def test_a_halt_confirmed_while_the_broker_is_being_asked_leaves_it_suspended_and_halted(desk: Room) -> None:
    desk.halted_and_reconciled()
    approved = desk.approve(desk.ask())
    assert approved.action_id is not None
    desk.floor.simulator.on_request(
        2, lambda _: desk.confirm(ActionKind.HALT), method="PATCH", path=".*", after=True
    )
    result = desk.run(approved.action_id)
    assert result.status is ActionStatus.FAILED
    assert "a halt was confirmed in INC-1" in result.headline
    assert desk.floor.account.suspended
    assert desk.state is TradingState.HALTED


def test_a_halt_confirmed_after_the_last_reading_wins_in_the_record(desk: Room) -> None:
    desk.halted_and_reconciled()
    approved = desk.approve(desk.ask())
    assert approved.action_id is not None
    action = desk.action(approved.action_id)
    result = desk._perform(action, action.request(resumed=False))
    assert result.status is ActionStatus.DONE
    desk.confirm(ActionKind.HALT)
    desk.run(approved.action_id, outcome=result)
    ended = desk.action(approved.action_id)
    assert ended.status is ActionStatus.FAILED
    assert str(ended.headline).startswith("Not resumed to restricted: a halt was confirmed")
    assert desk.state is TradingState.HALTED


def test_a_halt_that_is_only_in_the_journal_file_is_seen(desk: Room) -> None:
    desk.halted_and_reconciled()
    approved = desk.approve(desk.ask())
    assert approved.action_id is not None
    request = desk.action(approved.action_id).request(resumed=False)
    standing = StoredStanding(desk.desk, desk.journal, request)
    assert standing.halt_came() is None
    entry = action_entry(
        ActionKind.HALT,
        "paper",
        reason="stop",
        by="someone (command line)",
        request_key="cli:1:paper",
        at=desk.desk.now(),
        incident_id=None,
        params={},
    )
    desk.journal.append(entry)
    assert standing.halt_came() == "a halt that is not in the database yet stands in the journal file"
    assert desk.run(approved.action_id).status is ActionStatus.FAILED
    assert desk.floor.account.suspended


def test_with_the_database_away_nobody_knows_whether_a_halt_came(tmp_path: Path) -> None:
    with room(f"sqlite:///{tmp_path / 'gone.db'}", tmp_path) as desk:
        desk.halted_and_reconciled()
        approved = desk.approve(desk.ask())
        assert approved.action_id is not None
        standing = StoredStanding(
            desk.desk, desk.journal, desk.action(approved.action_id).request(resumed=False)
        )
        desk.database.dispose()
        (tmp_path / "gone.db").write_bytes(b"no database any more" * 500)
        for name in ("gone.db-wal", "gone.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        with pytest.raises(RecordAway):
            standing.halt_came()


@pytest.mark.parametrize("stages", [1, 2])
def test_sev_1_while_partly_resumed_halts_again_in_the_same_breath(desk: Room, stages: int) -> None:
    desk.halt()
    for _ in range(stages):
        desk.reconcile()
        desk.resume()
        desk.later(seconds=5)
    desk.fire("HighLatency", sev="SEV-3")
    assert desk.unended(ActionKind.HALT) == []
    desk.fire("CircuitBreakerOpen")
    (halt,) = desk.unended(ActionKind.HALT)
    assert halt.requested_by == "haltdesk"
    assert "SEV-1 fired while trading was" in halt.reason
    assert "CircuitBreakerOpen" in halt.reason


def test_sev_1_while_a_resume_is_under_way_halts_and_the_resume_gives_way(desk: Room) -> None:
    desk.halted_and_reconciled()
    approved = desk.approve(desk.ask())
    assert approved.action_id is not None
    desk.fire("CircuitBreakerOpen")
    assert len(desk.unended(ActionKind.HALT)) == 1
    assert desk.run(approved.action_id).status is ActionStatus.FAILED
    assert desk.floor.account.suspended


def test_sev_1_while_trading_is_normal_or_halted_confirms_nothing(desk: Room) -> None:
    desk.fire("CircuitBreakerOpen")
    assert desk.unended(ActionKind.HALT) == []
    desk.halt()
    desk.fire("DataCorruption")
    assert desk.unended(ActionKind.HALT) == []


def test_a_repeated_alert_with_another_text_is_no_relapse(desk: Room) -> None:
    desk.fire("CircuitBreakerOpen")
    desk.halted_and_reconciled()
    approved = desk.approve(desk.ask(), override="known")
    assert approved.action_id is not None
    desk.run(approved.action_id)
    assert desk.state is TradingState.RESTRICTED
    with desk.database.read() as unit:
        known = alerts.firing(unit)[0][0]
    again = ReceivedAlert(
        known.fingerprint,
        known.starts_at,
        None,
        AlertStatus.FIRING,
        known.labels,
        {"summary": "another figure"},
        None,
    )
    receive(desk.desk, AlertGroup("CircuitBreakerOpen", (again,), {}))
    assert desk.unended(ActionKind.HALT) == []


def test_a_drill_walks_the_whole_road_without_touching_the_desks_state(desk: Room) -> None:
    before = dict(desk.floor.account.configuration)
    number = drill(desk)
    desk.halt(incident=number)
    assert desk.state is TradingState.NORMAL
    for stage in ("restricted", "cautious", "normal"):
        desk.reconcile(incident=number)
        found = desk.ask(incident_id=number)
        assert found.params["to"] == stage, found.decision
        assert "DRILL" in desk.shown(f"approval:{found.id}")
        found = desk.approve(found)
        assert found.action_id is not None, found.decision
        assert desk.run(found.action_id).status is ActionStatus.DONE
        assert "DRILL" in desk.shown(f"action:{found.action_id}")
        assert desk.state is TradingState.NORMAL
        desk.later(seconds=5)
    assert dict(desk.floor.account.configuration) == before


def test_a_drill_cannot_lift_a_real_halt(desk: Room) -> None:
    number = drill(desk)
    desk.halt(incident=number)
    desk.halt()  # for real, in an incident of its own
    desk.reconcile(incident=number)
    found = desk.ask(incident_id=number)
    assert found.status is ApprovalStatus.REFUSED
    assert "outside this drill" in str(found.decision)


@pytest.mark.parametrize(
    "kind", [ActionKind.HALT, ActionKind.CANCEL, ActionKind.RECONCILE, ActionKind.FLATTEN]
)
def test_a_drill_is_refused_on_a_live_account_before_anything_is_recorded(
    live_desk: Room, kind: ActionKind
) -> None:
    number = drill(live_desk)
    with pytest.raises(DrillRefused, match="DRILL: paper is a live account"):
        confirm(
            live_desk.desk,
            kind,
            ["paper"],
            reason="exercise",
            by=OPERATOR,
            request_key="k",
            incident_id=number,
        )
    assert live_desk.unended(kind) == []
    assert live_desk.floor.simulator.requests == ()


def test_the_last_door_refuses_a_drill_on_a_live_account_too(live_desk: Room) -> None:
    """However the action came to be recorded: from a journal, say, it is taken in, because it happened."""
    number = drill(live_desk)
    entry = action_entry(
        ActionKind.HALT,
        "paper",
        reason="exercise",
        by=OPERATOR,
        request_key="j:paper",
        at=live_desk.desk.now(),
        incident_id=number,
        params={},
    )
    assert bring_in(live_desk.desk, [{"id": "1", **entry}], lambda entry, why: pytest.fail(why)) == 1
    (action,) = live_desk.unended(ActionKind.HALT)
    live_desk.floor.broker._paper = False
    perform = performers(
        lambda name, record: ActionTools(live_desk.floor.broker, None, record, live_desk.time),
        lambda name: [],
        live_desk.time,
        lambda request: StoredStanding(live_desk.desk, live_desk.journal, request),
    )
    result = perform[ActionKind.HALT](action.request(resumed=False), Unrecorded(), None)
    assert result.status is ActionStatus.FAILED
    assert result.headline.startswith("DRILL: paper is a live account")
    assert live_desk.floor.simulator.requests == ()


def test_an_account_that_was_only_suspended_is_resumed_from_halted(desk: Room) -> None:
    """Without this, nobody could lift what "suspend only" has set."""
    number = desk.confirm(ActionKind.HALT)
    before = dict(desk.floor.account.configuration)
    desk.floor.account.configure(suspend_trade=True)
    desk.run(
        number,
        outcome=ActionResult(
            ActionStatus.DONE,
            "Suspended",
            evidence={"configuration_before": before},
            reading=BrokerReading(desk.desk.now(), suspended=True),
        ),
    )
    with desk.database.begin() as unit:
        accounts.set_state(
            unit, "paper", TradingState.NORMAL, at=desk.desk.now(), reason="as before", incident_id=None
        )
    desk.later(seconds=30)
    desk.reconcile()
    assert desk.resume().status is ActionStatus.DONE
    assert desk.state is TradingState.RESTRICTED
    assert not desk.floor.account.suspended
