"""The drift watch on a real database: told once, told when it is over, and silent about what it could not learn."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from bot.config.policy import load_policy
from bot.domain.words import ActionKind, IncidentStatus, Severity, TradingState
from bot.ports.broker import BrokerUnavailable
from bot.services import auditing, projection
from bot.services.actions.requests import confirm
from bot.services.desk import Channels, Desk, DeskAccount
from bot.services.drift import DriftWatch
from bot.services.incidents import declare, resolve
from bot.store import accounts, drift, incidents, messages, migrate, timeline
from bot.store.database import Database
from bot.store.timeline import Entry
from tests.fixtures.rendering import shared_renderer
from tests.unit.actions.desk import Account

TEN = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@dataclass
class Watched:
    """One account, its broker, and a watch that looks when it is told to."""

    database: Database
    now: datetime = TEN
    broker: Account = field(default_factory=Account)
    unrecorded: bool = False

    def __post_init__(self) -> None:
        self.desk = Desk(
            database=self.database,
            policy=load_policy(),
            channels=Channels("C0INCIDENTS", "C0STAKEHOLDERS", "C0DRILLS"),
            accounts=(DeskAccount("paper", True),),
            now=lambda: self.now,
            renderer=shared_renderer(),
        )
        self.watch = DriftWatch(self.desk, {"paper": self.broker}, lambda: self.unrecorded)
        with self.database.begin() as unit:
            accounts.ensure(unit, "paper", self.now)

    def look(self) -> int:
        self.now += timedelta(seconds=30)
        return self.watch.run_once()

    def halted(self, incident_id: int | None = None) -> None:
        """On record and at the broker."""
        self.broker.configuration["suspend_trade"] = True
        self.state(TradingState.HALTED, incident_id)

    def state(self, state: TradingState, incident_id: int | None = None) -> None:
        with self.database.begin() as unit:
            accounts.set_state(unit, "paper", state, at=self.now, reason="test", incident_id=incident_id)

    def lift(self) -> None:
        self.broker.configuration["suspend_trade"] = False

    def away(self) -> None:
        for call in ("read_account", "read_configuration", "list_open_orders"):
            self.broker.fail(call, BrokerUnavailable(call, "broker error 503", status=503))

    def told(self, incident_id: int = 1) -> list[Entry]:
        with self.database.read() as unit:
            return [
                entry for entry in timeline.of_incident(unit, incident_id) if entry.kind.startswith("Drift")
            ]

    def shown(self) -> str:
        """The newest drift message as it would stand in Slack."""
        with self.database.read() as unit:
            message = messages.by_key(unit, "drift:1")
            assert message is not None
            rendered = projection.read(unit, self.desk, message)()
        return f"{rendered.text}\n{rendered.blocks}"


@pytest.fixture
def desk(database_url: str) -> Iterator[Watched]:
    database = Database(database_url)
    migrate.upgrade(database)
    yield Watched(database)
    database.dispose()


def test_the_first_look_learns_the_account(desk: Watched) -> None:
    desk.broker.open(3)
    assert desk.look() == 0
    with desk.database.read() as unit:
        record = accounts.get(unit, "paper")
        assert incidents.open_numbers(unit) == []
    assert record is not None
    assert (record.account_number, record.suspended, record.open_orders) == ("PA3FHALT0001", False, 3)
    assert record.verified_at == desk.now


def test_a_lifted_suspension_is_told_once_and_again_when_it_is_back(desk: Watched) -> None:
    incident = declare(desk.desk, title="Breaks", severity=Severity.SEV3, by="U0OPERATOR")
    assert incident is not None
    desk.halted(incident.id)
    assert desk.look() == 0
    desk.lift()
    assert desk.look() == 1
    assert "halt.open:drift" in desk.shown()
    assert "Halt again" in desk.shown()
    assert [desk.look() for _ in range(3)] == [0, 0, 0]
    with desk.database.read() as unit:
        raised = incidents.get(unit, incident.id)
        assert incidents.open_numbers(unit) == [incident.id]  # told in the incident that halted it
    assert raised is not None
    assert raised.severity is Severity.SEV1

    desk.halted(incident.id)
    assert desk.look() == 1
    assert [entry.kind for entry in desk.told()] == ["DriftFound", "DriftCleared"]
    assert "halt.open" not in desk.shown()
    assert "Over since" in desk.shown()
    with desk.database.read() as unit:
        kinds = [entry["kind"] for entry in auditing.export(unit)]
    assert kinds == ["DriftFound", "DriftCleared"]
    assert auditing.verify(desk.database).intact


def test_without_an_open_incident_it_opens_one_and_says_why(desk: Watched) -> None:
    incident = declare(desk.desk, title="Breaks", severity=Severity.SEV1, by="U0OPERATOR")
    assert incident is not None
    resolve(desk.desk, incident.id, "U0OPERATOR", "traded by hand until tomorrow")
    desk.halted(incident.id)
    desk.lift()
    assert desk.look() == 1
    with desk.database.read() as unit:
        opened = incidents.listed(unit, status=IncidentStatus.OPEN)
    assert [(one.severity, one.title) for one in opened] == [
        (Severity.SEV1, "paper: The suspension is off on a halted account")
    ]


def test_orders_on_a_halted_account_are_named(desk: Watched) -> None:
    desk.halted()
    desk.broker.open(1, "MSFT")
    assert desk.look() == 1
    assert "MSFT" in desk.told()[0].text
    desk.broker.open(1, "TSLA")
    assert desk.look() == 0
    assert "TSLA" in desk.shown()  # the same episode, brought up to date


def test_a_suspension_by_somebody_else_is_told_and_nothing_is_forced(desk: Watched) -> None:
    desk.broker.configuration["suspend_trade"] = True
    assert desk.look() == 1
    assert "is suspended, and not on record as halted" in desk.told()[0].text
    assert not [call for call in desk.broker.calls if not call.startswith(("read", "list"))]
    with desk.database.read() as unit:
        opened = incidents.listed(unit, status=IncidentStatus.OPEN)
    assert [one.severity for one in opened] == [Severity.SEV2]


def test_an_unreachable_broker_is_no_drift_and_ends_none(desk: Watched) -> None:
    desk.halted()
    desk.look()
    verified = desk.now
    desk.away()
    assert desk.look() == 0
    desk.broker.mend()
    desk.lift()
    assert desk.look() == 1
    told_at = desk.now
    desk.away()
    assert desk.look() == 0  # neither told again nor said to be over
    with desk.database.read() as unit:
        record = accounts.get(unit, "paper")
        assert list(drift.open_of(unit, "paper"))
    assert record is not None
    assert record.verified_at == told_at > verified


def test_nothing_is_said_while_somebody_acts_on_the_account(desk: Watched) -> None:
    desk.broker.configuration["suspend_trade"] = True  # by the halt that is under way
    confirm(desk.desk, ActionKind.HALT, ["paper"], reason="", by="U0OPERATOR", request_key="one")
    assert desk.look() == 0
    assert desk.broker.calls == []


def test_a_look_that_a_halt_has_overtaken_counts_for_nothing(desk: Watched) -> None:
    """The broker is read, a halt is confirmed meanwhile: what was read is no longer what stands."""
    desk.broker.configuration["suspend_trade"] = True
    read = desk.broker.read_configuration

    def overtaken(*, within: float | None = None) -> object:
        found = read(within=within)
        confirm(desk.desk, ActionKind.HALT, ["paper"], reason="", by="U0OPERATOR", request_key="one")
        return found

    desk.broker.read_configuration = overtaken  # type: ignore[method-assign,assignment]
    assert desk.look() == 0
    assert desk.told() == []


def test_what_is_only_in_the_journal_is_waited_for(desk: Watched) -> None:
    desk.broker.configuration["suspend_trade"] = True
    desk.unrecorded = True
    assert desk.look() == 0
    desk.unrecorded = False
    assert desk.look() == 1
