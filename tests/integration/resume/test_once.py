"""What is taken in once: the same on both databases."""

from datetime import UTC, datetime

from bot.store import migrate, seen
from bot.store.database import Database


def test_a_key_is_new_exactly_once(database_url: str) -> None:
    database = Database(database_url)
    migrate.upgrade(database)
    at = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
    with database.begin() as unit:
        assert [seen.first_time(unit, "journal:1", at) for _ in range(3)] == [True, False, False]
    with database.begin() as unit:
        assert not seen.first_time(unit, "journal:1", at)
        assert seen.first_time(unit, "journal:2", at)
    database.dispose()
