"""Rows of one statement written at once: as SQLAlchemy would write each of them, on either database."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from bot.domain.words import Phase
from bot.store import incidents, messages, migrate, timeline
from bot.store.database import Database, UnitOfWork
from bot.store.tables import incidents as incident_table
from bot.store.tables import messages as message_table
from bot.store.tables import timeline as timeline_table

AT = datetime(2026, 3, 2, 14, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture
def database(database_url: str) -> Any:
    opened = Database(database_url)
    migrate.upgrade(opened)
    yield opened
    opened.dispose()


def _opened(unit: UnitOfWork, number: int) -> None:
    incidents.insert(
        unit,
        {
            "title": f"incident {number}",
            "severity": "SEV-3",
            "severity_reason": "of the test",
            "phase": Phase.DETECTION,
            "group_key": f"group-{number}",
            "opened_at": AT,
            "opened_by": "test",
            "channel": "C0INCIDENTS",
        },
    )


def _want(unit: UnitOfWork, key: str, parent: str | None = None, **content: Any) -> None:
    messages.want(
        unit,
        key,
        "reply",
        1,
        channel="C0INCIDENTS",
        at=AT,
        parent_key=parent,
        content=content or None,
    )


def test_a_reply_finds_its_root_whichever_was_wanted_first(database: Database) -> None:
    with database.begin(gathers=True) as unit:
        _opened(unit, 1)
        _want(unit, "root of before")
        unit.connection  # noqa: B018 - whoever takes it finds everything written
        _want(unit, "reply to the one of before", "root of before")
        _want(unit, "root")
        _want(unit, "reply", "root")
    with database.read() as unit:
        numbers = dict(unit.connection.execute(select(message_table.c.key, message_table.c.id)).all())
        parents = dict(unit.connection.execute(select(message_table.c.key, message_table.c.parent_id)).all())
    assert parents == {
        "root of before": None,
        "reply to the one of before": numbers["root of before"],
        "root": None,
        "reply": numbers["root"],
    }


def test_what_is_written_comes_back_as_it_was(database: Database) -> None:
    hostile = 'quotes " \' and \\ and %(name)s and told."key" and \N{SNOWMAN} and \u2028'
    with database.begin(gathers=True) as unit:
        _opened(unit, 1)
        _want(unit, "plain")
        _want(unit, "full", text=hostile, lines=[hostile, 1, None, True], at={"deep": 0.5})
        east = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
        timeline.write(unit, 1, "Noted", hostile, at=east, actor=None, details={"said": hostile})
    with database.read() as unit:
        contents = dict(unit.connection.execute(select(message_table.c.key, message_table.c.content)).all())
        entry = unit.connection.execute(select(timeline_table)).mappings().one()
    assert contents == {
        "plain": None,
        "full": {"text": hostile, "lines": [hostile, 1, None, True], "at": {"deep": 0.5}},
    }
    assert (entry["text"], entry["at"], entry["actor"]) == (hostile, AT, None)
    assert entry["details"] == {"said": hostile}


def test_nothing_is_cut_to_a_column_without_a_word(database: Database) -> None:
    def write() -> None:
        with database.begin(gathers=True) as unit:
            _opened(unit, 1)
            timeline.write(unit, 1, "K" * 65, "a kind that is longer than its column", at=AT)

    if not database.sqlite:
        with pytest.raises(SQLAlchemyError, match="too long"):
            write()
        return
    write()  # whose columns have no length
    with database.read() as unit:
        assert unit.connection.execute(select(timeline_table.c.kind)).scalar_one() == "K" * 65


def test_a_naive_time_is_refused(database: Database) -> None:
    def write() -> None:
        with database.begin(gathers=True) as unit:
            _opened(unit, 1)
            timeline.write(unit, 1, "Noted", "when was that?", at=AT.replace(tzinfo=None))

    with pytest.raises(ValueError, match="naive"):
        write()
    with database.read() as unit:
        assert unit.connection.execute(select(incident_table)).all() == []
