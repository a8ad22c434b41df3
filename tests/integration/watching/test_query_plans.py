"""Probes, scrapes, the runner and the clock read small indices: whatever lies behind, no growing table is walked."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from bot.checks import BACKLOG_AGE_WARNS
from bot.config.policy import load_policy
from bot.metrics import HaltdeskMetrics
from bot.readiness import Readiness
from bot.services import reminders, views
from bot.services.audit_watch import AuditWatch
from bot.services.desk import Channels, Desk, DeskAccount
from bot.store import accounts, actions, channel_groups, drift, incidents, migrate
from bot.store.database import Database
from tests.fixtures.plans import plan, statements
from tests.fixtures.rendering import shared_renderer

NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
GROWING = (
    "incidents",
    "alerts",
    "actions",
    "messages",
    "deadlines",
    "timeline",
    "approvals",
    "drift_episodes",
)
BEHIND = 20_000

# `n` counts; everything is over, resolved, shown, kept and decided.
OLD = "2026-01-02 10:00:00.000000"
ROWS = (
    """INSERT INTO incidents
         (id, title, severity, severity_reason, status, phase, opened_at, resolved_at, channel, drill)
       SELECT n, 'old', 'SEV-3', 'rule', 'resolved', 'resolution', {at}, {at}, 'C0', false FROM numbers""",
    """INSERT INTO alerts
         (incident_id, fingerprint, starts_at, status, ends_at, name, severity, severity_reason, summary, labels,
          annotations, group_key, ignored, first_seen_at, changed_at)
       SELECT n, 'f' || n, {at}, 'resolved', {at}, 'Old', 'SEV-3', 'rule', '', '{{}}', '{{}}', 'g', false, {at}, {at}
       FROM numbers""",
    """INSERT INTO actions
         (incident_id, kind, account, reason, requested_by, requested_at, params, request_key, joined, status,
          attempts, finished_at, evidence, unconfirmed, drill)
       SELECT n, 'health', 'main', '', 'U0', {at}, '{{}}', 'k' || n, '[]', 'done', 1, {at}, '{{}}', '[]', false
       FROM numbers""",
    """INSERT INTO messages
         (key, view, incident_id, channel, broadcast, nonce, urgency, wanted, shown, ts, next_at, attempts, gave_up,
          created_at)
       SELECT 'm' || n, 'root', n, 'C0', false, 'n' || n, 2, 3, 3, '1.' || n, {at}, 0, false, {at} FROM numbers""",
    """INSERT INTO deadlines (key, kind, incident_id, due_at, state, changed_at)
       SELECT 'd' || n, 'notice', n, {at}, 'done', {at} FROM numbers""",
    """INSERT INTO approvals
         (incident_id, kind, account, params, reason, requested_by, requested_at, expires_at, request_key, status,
          account_version, alerts, gates, decided_at, drill)
       SELECT n, 'resume', 'main', '{{}}', '', 'U0', {at}, {at}, 'a' || n, 'approved', 1, '[]', '[]', {at}, false
       FROM numbers""",
    """INSERT INTO drift_episodes (account, kind, incident_id, text, began_at, cleared_at)
       SELECT 'main', 'lifted', n, '', {at}, {at} FROM numbers""",
)


def numbers(database: Database) -> str:
    if database.sqlite:
        return (
            f"WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {BEHIND})"
        )
    return f"WITH numbers AS (SELECT n FROM generate_series(1, {BEHIND}) AS n)"


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    database = Database(database_url)
    migrate.upgrade(database)
    with database.begin() as unit:
        accounts.ensure(unit, "main", NOW)
        at = f"'{OLD}'" if database.sqlite else f"TIMESTAMPTZ '{OLD}+00'"
        for statement in ROWS:
            into, select, rest = statement.format(at=at).partition("SELECT")
            unit.connection.exec_driver_sql(into + numbers(database) + select + rest)
    if not database.sqlite:
        # PostgreSQL does so by itself; SQLite never does, and must plan without.
        with database.begin() as unit:
            unit.connection.exec_driver_sql("ANALYZE")
    yield Desk(
        database=database,
        policy=load_policy(),
        channels=Channels("C0INCIDENTS", "C0STAKEHOLDERS", "C0DRILLS"),
        accounts=(DeskAccount("main", paper=True),),
        now=lambda: NOW,
        renderer=shared_renderer(),
    )
    database.dispose()


def walks(database: Database, statement: str, parameters: Any) -> list[str]:
    """The steps of the database's plan that read a growing table from end to end."""
    steps = plan(database, statement, parameters)
    if database.sqlite:
        return [
            step
            for step in steps
            if step.startswith("SCAN") and step.split()[1] in GROWING and "INDEX" not in step
        ]
    return [step for step in steps if any(f"Seq Scan on {table}" in step for table in GROWING)]


def test_nothing_walks_a_growing_table(desk: Desk) -> None:
    registry = CollectorRegistry()
    watch = AuditWatch(desk)
    readiness = Readiness(desk, lambda: None, lambda: [], BACKLOG_AGE_WARNS)
    registry.register(HaltdeskMetrics(desk, lambda: [], readiness, watch))
    with statements(desk.database) as seen:
        shown = generate_latest(registry).decode()
        with desk.database.begin() as unit:
            actions.claim(unit, now=NOW, by="runner", until=NOW)
            actions.next_look(unit)
            drift.open_of(unit, "main")
        reminders.keep(desk)
        watch.run_once()
    assert 'haltdesk_up{component="database"} 1.0' in shown
    asked = [(words, given) for words, given in seen if words.lstrip().startswith("SELECT")]
    assert len(asked) > 12
    found = {words: walks(desk.database, words, given) for words, given in asked}
    assert {words: steps for words, steps in found.items() if steps} == {}


def test_a_batch_of_webhooks_reads_nothing_of_other_groups(desk: Desk) -> None:
    """However many groups are asked for: the more there are, the better another index looks to SQLite."""
    for groups in (1, 16, 200):
        keys = [f'{{}}:{{alertname="Group{number}"}}' for number in range(groups)]
        with desk.database.begin() as unit, statements(desk.database) as seen:
            incidents.read_ahead(unit, keys, NOW)
        asked = [(words, given) for words, given in seen if "FROM incidents" in words]
        assert len(asked) == 2
        for words, given in asked:
            steps = "\n".join(plan(desk.database, words, given))
            assert "group_key" in steps, steps
            assert "ix_incidents_status" not in steps, steps


def test_a_message_of_the_channel_reads_what_is_open_or_was_resolved_of_late(desk: Desk) -> None:
    with desk.database.begin() as unit, statements(desk.database) as seen:
        assert channel_groups.webhook_incidents(unit, NOW) == {}
    steps = ["\n".join(plan(desk.database, words, given)) for words, given in seen if "incidents" in words]
    assert len(steps) == 2
    assert "ix_incidents_resolved" in steps[0], steps[0]
    assert "ix_incidents_status" in steps[1], steps[1]


def test_a_picture_of_an_incident_reads_what_is_its_own(desk: Desk) -> None:
    with desk.database.read() as unit, statements(desk.database) as seen:
        view = views.incident_view(unit, desk, BEHIND // 2)
    assert view.title == "old"
    found = {words: walks(desk.database, words, given) for words, given in seen if "SELECT" in words}
    assert len(found) == 5  # of most that may stand beside an incident there is nothing
    assert {words: steps for words, steps in found.items() if steps} == {}
