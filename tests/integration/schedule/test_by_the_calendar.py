"""Before the open and after the close the books are compared: quietly when clean, in an incident when not."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.adapters.alpaca.broker import AlpacaBroker
from bot.adapters.ledgers import SqlLedger
from bot.domain.actions import ActionRequest, ActionResult
from bot.engine.scheduled import ScheduledReconciliation
from bot.ports.record import ActionRecord
from bot.services.actions.reconcile import run_reconcile
from bot.services.actions.tools import ActionTools
from bot.simulator.broker.simulator import BrokerSimulator
from bot.simulator.ledger import LedgerSimulator
from bot.simulator.slack import SlackSimulator
from bot.store import actions, incidents
from bot.store.tables import planned_reconciliations, reconciliation_runs
from tests.fixtures.desk_in_process import DeskInProcess

SUNDAY = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


class Books:
    def __init__(self, desk: DeskInProcess, folder: Path, broker: BrokerSimulator) -> None:
        self.desk, self.broker = desk, broker
        self.account = broker.account("paper")
        self.ledger = LedgerSimulator(folder / "ledger.db", clock=desk.time.now)
        adapter = AlpacaBroker("main", self.account.key_id, self.account.secret, broker.url, True)
        books = SqlLedger(self.ledger.url, self.ledger.query)

        def reconcile(
            request: ActionRequest, record: ActionRecord, previous: dict[str, object] | None
        ) -> ActionResult:
            return run_reconcile(request, ActionTools(adapter, books, record, desk.time))

        self.scheduled = ScheduledReconciliation(
            desk.desk, {"main": adapter}, reconcile, before_open=QUARTER, after_close=QUARTER
        )

    def planned(self) -> list[tuple[str, datetime, bool]]:
        with self.desk.database.read() as unit:
            query = select(planned_reconciliations).order_by(planned_reconciliations.c.due_at)
            return [(one.key, one.due_at, one.done) for one in unit.connection.execute(query)]

    def go_to(self, at: datetime) -> None:
        self.desk.time.at = at
        while self.scheduled.run_once():
            """One at a time, as the chore does."""

    def runs(self) -> list[bool]:
        with self.desk.database.read() as unit:
            return list(unit.connection.execute(select(reconciliation_runs.c.clean)).scalars())


@pytest.fixture
def books(database_url: str, tmp_path: Path) -> Iterator[Books]:
    with SlackSimulator() as slack:
        desk = DeskInProcess(database_url, slack)
        desk.time.at = SUNDAY
        with BrokerSimulator(clock=desk.time.now, requests_per_minute=None) as broker:
            yield Books(desk, tmp_path, broker)
        desk.close()


def test_a_week_is_planned_once(books: Books) -> None:
    books.scheduled.plan()
    books.scheduled.plan()
    keys = [key for key, _, _ in books.planned()]
    assert keys[:2] == ["main:2026-03-02:open", "main:2026-03-02:close"]
    assert len(keys) == len(set(keys)) == 10
    assert books.planned()[0][1] == datetime(2026, 3, 2, 14, 15, tzinfo=UTC)


def test_a_clean_comparison_is_only_put_on_record(books: Books) -> None:
    books.account.add_position("AAPL", "10", "150", "155")
    books.ledger.set("AAPL", "10", "150", datetime(2026, 3, 2, 13, 0, tzinfo=UTC))
    books.scheduled.plan()
    books.go_to(datetime(2026, 3, 2, 14, 16, tzinfo=UTC))
    assert books.runs() == [True]
    with books.desk.database.read() as unit:
        assert not incidents.listed(unit)
    books.go_to(datetime(2026, 3, 2, 14, 40, tzinfo=UTC))
    assert books.runs() == [True]


def test_breaks_open_one_incident_with_a_comparison_of_its_own(books: Books) -> None:
    books.ledger.set("AAPL", "10", "150")
    books.scheduled.plan()
    books.go_to(datetime(2026, 3, 2, 14, 16, tzinfo=UTC))
    with books.desk.database.read() as unit:
        (incident,) = incidents.listed(unit)
        (action,) = actions.unended(unit)
    assert incident.severity == "SEV-1"
    assert "Scheduled reconciliation of main" in incident.title
    assert (action.kind.value, action.requested_by) == ("reconcile", "haltdesk")
    # In the evening it goes on in the same incident.
    books.go_to(datetime(2026, 3, 2, 21, 16, tzinfo=UTC))
    with books.desk.database.read() as unit:
        assert len(incidents.listed(unit)) == 1


def test_a_comparison_that_cannot_be_done_is_never_clean(books: Books) -> None:
    books.broker.faults.add("GET", ".*/positions", kind="status", status=500)
    books.scheduled.plan()
    books.go_to(datetime(2026, 3, 2, 14, 16, tzinfo=UTC))
    assert books.runs() == []
    with books.desk.database.read() as unit:
        (incident,) = incidents.listed(unit)
    assert incident.severity == "SEV-3"


def test_a_broker_without_a_calendar_leaves_what_was_planned(books: Books) -> None:
    books.broker.faults.add("GET", ".*/calendar", kind="status", status=500)
    books.scheduled.plan()
    assumed = books.planned()
    assert len(assumed) == 8  # Monday to Thursday of the five days ahead
    books.broker.faults.clear()
    books.scheduled.plan()
    assert len(books.planned()) == 10


def test_one_whose_process_died_is_done_later(books: Books) -> None:
    books.scheduled.plan()
    books.desk.time.at = datetime(2026, 3, 2, 14, 16, tzinfo=UTC)

    class Died(BaseException):
        """The machine goes away in the middle."""

    def dies(*_: object) -> ActionResult:
        raise Died

    mended, books.scheduled._reconcile = books.scheduled._reconcile, dies  # type: ignore[assignment]
    with pytest.raises(Died):
        books.scheduled.run_once()
    books.scheduled._reconcile = mended
    assert not books.scheduled.run_once()
    books.go_to(datetime(2026, 3, 2, 14, 22, tzinfo=UTC))
    assert books.runs() == [True]
