"""What waits to be finished, as a scrape shows it: for how long, and gone once it is settled. On either database."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import update

from bot.checks import BACKLOG_AGE_WARNS
from bot.config.policy import load_policy
from bot.domain.actions import ActionResult
from bot.domain.drift import DriftKind
from bot.domain.words import ActionKind, ActionStatus, Severity
from bot.metrics import HaltdeskMetrics
from bot.readiness import Readiness
from bot.services.actions.requests import confirm
from bot.services.audit_watch import AuditWatch
from bot.services.desk import Channels, Desk, DeskAccount
from bot.services.incidents import declare
from bot.store import accounts, actions, approvals, deadlines, drift, migrate
from bot.store.approvals import ApprovalStatus
from bot.store.database import Database
from bot.store.tables import approvals as approvals_table
from tests.fixtures.rendering import shared_renderer

TEN = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


class Watched:
    """A desk whose clock the test moves, scraped."""

    def __init__(self, database: Database) -> None:
        self.database, self.now = database, TEN
        self.desk = Desk(
            database=database,
            policy=load_policy(),
            channels=Channels("C0INCIDENTS", "C0STAKEHOLDERS", "C0DRILLS"),
            accounts=(DeskAccount("main", paper=True),),
            now=lambda: self.now,
            renderer=shared_renderer(),
        )
        self.slack_error: str | None = None
        self.readiness = Readiness(self.desk, lambda: self.slack_error, lambda: [], BACKLOG_AGE_WARNS)
        self.registry = CollectorRegistry()
        self.registry.register(HaltdeskMetrics(self.desk, lambda: [], self.readiness, AuditWatch(self.desk)))
        with database.begin() as unit:
            accounts.ensure(unit, "main", TEN)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def shown(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    def confirm(self, kind: ActionKind, key: str, incident_id: int) -> int:
        (confirmed,) = confirm(
            self.desk, kind, ["main"], reason="", by="U0OPERATOR", request_key=key, incident_id=incident_id
        )
        assert confirmed.action_id is not None
        return confirmed.action_id

    def ends(self, number: int, status: ActionStatus) -> None:
        with self.database.begin() as unit:
            actions.conclude(
                unit, number, ActionResult(status=status, headline="", evidence={}), now=self.now
            )

    def incident(self) -> int:
        found = declare(self.desk, title="Odd fills", severity=Severity.SEV2, by="U0OPERATOR")
        assert found is not None
        return found.id


@pytest.fixture
def watched(database_url: str) -> Iterator[Watched]:
    database = Database(database_url)
    migrate.upgrade(database)
    yield Watched(database)
    database.dispose()


def test_an_action_is_shown_until_it_is_proved(watched: Watched) -> None:
    incident = watched.incident()
    assert watched.shown("haltdesk_actions_unended_oldest_seconds", kind="halt") == 0
    halt = watched.confirm(ActionKind.HALT, "k1", incident)
    watched.wait(90)
    assert watched.shown("haltdesk_actions_unended_oldest_seconds", kind="halt") == 90
    watched.ends(halt, ActionStatus.DONE)
    assert watched.shown("haltdesk_actions_unended_oldest_seconds", kind="halt") == 0
    assert watched.shown("haltdesk_actions_unknown", kind="halt") == 0


def test_an_unknown_outcome_is_shown_until_a_later_action_settles_it(watched: Watched) -> None:
    incident = watched.incident()
    watched.ends(watched.confirm(ActionKind.CANCEL, "k1", incident), ActionStatus.UNKNOWN)
    watched.wait(400)
    assert watched.shown("haltdesk_actions_unknown", kind="cancel") == 1
    assert watched.shown("haltdesk_actions_unknown_oldest_seconds", kind="cancel") == 400
    again = watched.confirm(ActionKind.CANCEL, "k2", incident)
    watched.ends(again, ActionStatus.FAILED)
    assert watched.shown("haltdesk_actions_unknown", kind="cancel") == 1, "a failure settles nothing"
    watched.ends(watched.confirm(ActionKind.CANCEL, "k3", incident), ActionStatus.DONE)
    assert watched.shown("haltdesk_actions_unknown", kind="cancel") == 0


def test_a_request_is_shown_while_it_waits_for_a_second_person(watched: Watched) -> None:
    incident = watched.incident()
    with watched.database.begin() as unit:
        number = approvals.insert(
            unit,
            {
                "incident_id": incident,
                "kind": ActionKind.RESUME,
                "account": "main",
                "params": {},
                "reason": "books are clean",
                "requested_by": "U0OPERATOR",
                "requested_at": TEN,
                "expires_at": TEN + timedelta(minutes=10),
                "request_key": "r1",
                "account_version": 1,
                "alerts": [],
                "drill": False,
            },
        )
    watched.wait(60)
    assert watched.shown("haltdesk_approvals_waiting", kind="resume") == 0, "its gates are checked first"
    set_status(watched, number, ApprovalStatus.WAITING, None)
    assert watched.shown("haltdesk_approvals_waiting", kind="resume") == 1
    assert watched.shown("haltdesk_approvals_waiting_oldest_seconds", kind="resume") == 60
    set_status(watched, number, ApprovalStatus.REJECTED, watched.now)
    assert watched.shown("haltdesk_approvals_waiting", kind="resume") == 0


def set_status(
    watched: Watched, number: int | None, status: ApprovalStatus, decided: datetime | None
) -> None:
    with watched.database.begin() as unit:
        unit.connection.execute(
            update(approvals_table)
            .where(approvals_table.c.id == number)
            .values(status=status, decided_at=decided)
        )


def test_drift_and_a_deadline_that_nobody_keeps(watched: Watched) -> None:
    incident = watched.incident()
    with watched.database.begin() as unit:
        episode = drift.begin(unit, "main", DriftKind.LIFTED, incident, "lifted", at=TEN)
        assert episode is not None
        deadlines.schedule(unit, "one", "notice", incident, TEN + timedelta(seconds=10), at=TEN)
    watched.wait(5)
    assert watched.shown("haltdesk_clock_overdue_seconds") == 0
    watched.wait(70)
    assert watched.shown("haltdesk_clock_overdue_seconds") == 65
    assert watched.shown("haltdesk_drift_open_seconds", account="main", kind="lifted") == 75
    with watched.database.begin() as unit:
        drift.clear(unit, episode, at=watched.now)
        deadlines.withdraw(unit, "one", "over", at=watched.now)
    assert watched.shown("haltdesk_drift_open_seconds", account="main", kind="lifted") is None
    assert watched.shown("haltdesk_clock_overdue_seconds") == 0


def test_readiness_is_a_figure_too(watched: Watched) -> None:
    assert watched.shown("haltdesk_ready") == 1
    watched.slack_error = "auth.test: invalid_auth"
    assert watched.shown("haltdesk_ready") == 0
    assert watched.shown("haltdesk_not_ready", component="slack") == 1
    assert "check SLACK_BOT_TOKEN" in watched.readiness()["slack"]
    watched.slack_error = None
    watched.incident()
    watched.wait(150)
    assert "messages wait" in watched.readiness()["delivery"]
