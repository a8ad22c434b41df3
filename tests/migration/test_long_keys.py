"""Alert groups that were open under a long key before keys were bounded go on in the same incident."""

from sqlalchemy import select, text

from bot.domain.indexed_text import MOST_BYTES, indexable
from bot.simulator.slack import SlackSimulator
from bot.store import incidents, tables
from bot.store.database import Database
from tests.acceptance.trading_desk import alert, webhook
from tests.fixtures.desk_in_process import DeskInProcess
from tests.migration.test_schemas import _as_released

# It repeats itself, so that PostgreSQL compresses it: long keys that could be stored there too.
LONG = f'{{}}:{{text="{"ß long " * 1_000}"}}'


def _give_long_key(database: Database, before: str) -> None:
    with database.begin() as unit:
        for table, name in (
            ("incidents", "group_key"),
            ("incidents", "open_group_key"),
            ("alerts", "group_key"),
        ):
            change = text(f"UPDATE {table} SET {name} = :long WHERE {name} = :before")
            unit.connection.execute(change, {"long": LONG, "before": before})
        merged = text("UPDATE merged_groups SET group_key = :long")
        unit.connection.execute(merged, {"long": f"{LONG}merged"})
        heading = text("UPDATE channel_groups SET text = :long")
        unit.connection.execute(heading, {"long": LONG})


def test_the_next_webhook_of_a_group_finds_its_incident(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    _as_released(database, "0009")
    _give_long_key(database, '{}:{alertname="CircuitBreakerOpen"}')
    database.dispose()
    with SlackSimulator() as slack:
        desk = DeskInProcess(empty_database_url, slack)
        with desk.database.read() as unit:
            before = incidents.open_numbers(unit)
            kept = incidents.open_of_group(unit, indexable(LONG))
            alerts = unit.connection.execute(select(tables.alerts.c.group_key)).scalars().all()
            merged = unit.connection.execute(select(tables.merged_groups.c.group_key)).scalars().all()
            headings = unit.connection.execute(select(tables.channel_groups.c.text)).scalars().all()
        assert kept is not None
        assert all(len(key.encode()) <= MOST_BYTES for key in (*alerts, *merged, *headings))
        assert merged == [indexable(f"{LONG}merged")]
        assert headings == [indexable(LONG)]

        told = alert("CircuitBreakerOpen", labels={"account": "second"}, fingerprint="b1b2b3b4b5b6b7b8")
        assert desk.post(webhook(told) | {"groupKey": LONG}).status_code == 200
        assert desk.post(webhook(told) | {"groupKey": f"{LONG}merged"}).status_code == 200
        with desk.database.read() as unit:
            assert incidents.open_numbers(unit) == before
        desk.close()
